"""Environments from Python: `Client().environments`."""

from __future__ import annotations

from collections.abc import Sequence

from tintype.client.azure_errors import not_found_as_azure
from tintype.client.described import Describes, described
from tintype.schemas.environment import EnvironmentDocument, read_environment
from tintype.workspace.environments import Environment, EnvironmentStore

__all__ = ["Environments"]


class Environments:
    """`client.environments`: names for the Python that commands run in."""

    def create_or_update(
        self, environment: EnvironmentDocument | Describes, overrides: Sequence[str] = ()
    ) -> Environment:
        """Keep a document, its YAML file, or an Environment, as a new version of its name.

        Raises:
            UsageError: the document is wrong, or there is that version already.
        """
        if not isinstance(environment, EnvironmentDocument):
            environment = read_environment(described(environment, "environments", overrides)[0])
        return EnvironmentStore().create(environment)

    @not_found_as_azure
    def get(
        self, name: str, version: str | None = None, *, label: str | None = None
    ) -> Environment:
        """One version of `name`; the latest where none is named, or with label "latest"."""
        return EnvironmentStore().get(name, version, label=label)

    def list(self, name: str | None = None, *, include_archived: bool = False) -> list[Environment]:
        """The latest version of every environment, or every version of `name`, newest first."""
        return EnvironmentStore().list(name, include_archived=include_archived)

    def archive(self, name: str, version: str | None = None) -> None:
        """Hide a version (None: all) from lists and from `@latest`."""
        EnvironmentStore().archive(name, version)

    def restore(self, name: str, version: str | None = None) -> None:
        """Bring an archived version (None: all) back."""
        EnvironmentStore().archive(name, version, archived=False)
