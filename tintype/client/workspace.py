"""The workspace itself from Python: `Client().workspaces`."""

from __future__ import annotations

import socket

from tintype.client.records import Record
from tintype.settings import get_settings

__all__ = ["Workspaces"]

_NAME = "tintype"


class Workspaces:
    """`client.workspaces`: there is one, on this machine, whatever it is called."""

    def get(self, name: str | None = None, *, resource_group: str | None = None) -> Record:
        """This machine's workspace, under the name that is asked for."""
        settings = get_settings()
        return Record(
            name=name or _NAME,
            display_name=name or _NAME,
            description="This machine's workspace",
            location=socket.gethostname(),
            resource_group=resource_group or _NAME,
            home=str(settings.home),
            mlflow_tracking_uri=settings.resolved_tracking_uri,
            tags={},
            id=f"azureml:{name or _NAME}",
        )

    def list(self) -> list[Record]:
        """The one workspace."""
        return [self.get()]
