"""Deployments of online endpoints from Python: `Client().online_deployments`."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tintype.client.azure_errors import not_found_as_azure
from tintype.client.described import Describes, described
from tintype.client.records import Poller, Record
from tintype.endpoints.online.daemon.control import ask_daemon
from tintype.errors import RunFailed
from tintype.models.checkpoint import check_obtainable
from tintype.schemas.document import Document, apply_overrides
from tintype.schemas.online_deployment import OnlineDeploymentDocument, read_online_deployment
from tintype.workspace.computes import placed
from tintype.workspace.endpoints import EndpointStore
from tintype.workspace.registry import resolve_model

__all__ = ["OnlineDeployments"]

_POLL_SECONDS = 0.1

_UNDER_WAY = ("Creating", "Updating")


class OnlineDeployments:
    """`client.online_deployments`: models behind endpoints."""

    def create(
        self,
        deployment: OnlineDeploymentDocument | Describes,
        overrides: Sequence[str] = (),
        *,
        all_traffic: bool = False,
        wait: bool = True,
        tell: Callable[[str], object] = lambda line: None,
    ) -> Record:
        """Create a deployment, and wait until it answers.

        Args:
            tell: receives a line whenever something is new.

        Raises:
            UsageError: there is one of that name, or the document, endpoint or model is wrong.
            RunFailed: its instances do not start; says why.
        """
        return self._put(deployment, overrides, True, all_traffic, wait, tell)

    def update(
        self,
        deployment: OnlineDeploymentDocument | Describes,
        overrides: Sequence[str] = (),
        *,
        all_traffic: bool = False,
        wait: bool = True,
        tell: Callable[[str], object] = lambda line: None,
    ) -> Record:
        """Go over to a new document: the old instances answer until the new ones do.

        Raises:
            UsageError, RunFailed: as `create`; what served before goes on serving.
        """
        return self._put(deployment, overrides, False, all_traffic, wait, tell)

    def create_or_update(
        self,
        deployment: OnlineDeploymentDocument | Describes,
        overrides: Sequence[str] = (),
        *,
        all_traffic: bool = False,
        tell: Callable[[str], object] = lambda line: None,
    ) -> Record:
        """`create`, or `update` where there is one of that name.

        Args:
            deployment: a YAML file, a document, what `get` gave, or a ManagedOnlineDeployment of
                azure-ai-ml.
        """
        deployment = _read(deployment, overrides)
        known = {record.name for record in self.list(deployment.endpoint_name)}
        create = deployment.name not in known
        return self._put(deployment, (), create, all_traffic, True, tell)

    def begin_create_or_update(
        self,
        deployment: OnlineDeploymentDocument | Describes,
        overrides: Sequence[str] = (),
        *,
        all_traffic: bool = False,
        skip_script_validation: bool = True,
    ) -> Poller[Record]:
        """`create_or_update`, without waiting until it answers.

        What cannot be used is told at once. `skip_script_validation` is azure-ai-ml's: there is no
        script here.
        """
        document = _read(deployment, overrides)
        return Poller(lambda: self.create_or_update(document, all_traffic=all_traffic))

    def begin_delete(self, name: str, endpoint_name: str) -> Poller[None]:
        """`delete`, without waiting for it."""
        return Poller(lambda: self.delete(name, endpoint_name))

    def edited(
        self, name: str, endpoint_name: str, overrides: Sequence[str]
    ) -> OnlineDeploymentDocument:
        """The document of a deployment with `overrides` (`--set`) applied, to be given to `update`.

        Raises:
            UsageError: there is none of that name, or what came out is no deployment.
        """
        record = EndpointStore().deployment(endpoint_name, name)
        document = apply_overrides(Document(record.document), overrides)
        return read_online_deployment(document, Path.cwd())

    @not_found_as_azure
    def get(self, name: str, endpoint_name: str) -> Record:
        """One deployment.

        Raises:
            UsageError: there is none of that name.
        """
        return _record(ask_daemon("get-deployment", endpoint=endpoint_name, name=name))

    def list(self, endpoint_name: str) -> list[Record]:
        """All deployments of an endpoint, by name."""
        listed = ask_daemon("list-deployments", endpoint=endpoint_name)
        return [_record(shown) for shown in listed]

    def delete(self, name: str, endpoint_name: str) -> None:
        """Remove a deployment that takes no traffic, after what it has under way."""
        ask_daemon("delete-deployment", endpoint=endpoint_name, name=name)

    def get_logs(
        self,
        name: str,
        endpoint_name: str,
        lines: int = 5000,
        *,
        container_type: str | None = None,
    ) -> str:
        """The last lines that its instances wrote, the oldest instance first.

        `container_type` is azure-ai-ml's: an instance here is one process.

        Raises:
            UsageError: there is none of that name.
        """
        store = EndpointStore()
        store.deployment(endpoint_name, name)
        logs = (store.folder(endpoint_name, name) / "logs").glob("*.log")
        written: list[str] = []
        for path in sorted(logs, key=lambda path: path.stat().st_mtime):
            written += [
                f"{path.stem}: {line}" for line in path.read_text("utf-8", "replace").splitlines()
            ]
        return "\n".join(written[-lines:])

    def _put(
        self,
        deployment: OnlineDeploymentDocument | Describes,
        overrides: Sequence[str],
        create: bool,
        all_traffic: bool,
        wait: bool,
        tell: Callable[[str], object],
    ) -> Record:
        deployment = placed(_read(deployment, overrides))
        model = resolve_model(deployment.model_reference)
        check_obtainable(model)
        shown = _record(
            ask_daemon(
                "put-deployment",
                document=deployment.model_dump(mode="json", by_alias=True, exclude_none=True),
                model=model,
                create=create,
                all_traffic=all_traffic,
            )
        )
        if not wait:
            return shown
        for shown in self._watched(deployment.name, deployment.endpoint_name, tell):
            if shown["provisioning_state"] not in _UNDER_WAY:
                break
        if shown["error"] is not None:
            raise RunFailed(f"deployment {deployment.name!r}: {shown['error']}")
        return shown

    def _watched(
        self, name: str, endpoint_name: str, tell: Callable[[str], object]
    ) -> Iterator[Record]:
        """The deployment as it is now, again and again; tells of changes."""
        told = ""
        for _ in itertools.count():
            shown = self.get(name, endpoint_name)
            states = [instance["state"] for instance in shown["instances"]]
            line = f"{shown['provisioning_state']}: {', '.join(states) or 'no instance yet'}"
            if line != told:
                tell(line)
                told = line
            yield shown
            time.sleep(_POLL_SECONDS)


def _read(
    deployment: OnlineDeploymentDocument | Describes, overrides: Sequence[str]
) -> OnlineDeploymentDocument:
    if isinstance(deployment, OnlineDeploymentDocument):
        return deployment
    return read_online_deployment(*described(deployment, "online_deployments", overrides))


def _record(shown: dict[str, Any]) -> Record:
    return Record.of("online_deployments", shown)
