"""Components from Python: `Client().components`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tintype.client.azure_component import callable_component
from tintype.client.azure_errors import not_found_as_azure
from tintype.client.described import Describes, described
from tintype.errors import UsageError, nearest
from tintype.schemas.azure_components import COMPONENT_NAMES, azure_component
from tintype.schemas.component import ComponentDocument, read_component
from tintype.workspace.components import Component, ComponentStore, catalog_component

__all__ = ["Components"]


class Components:
    """`client.components`: steps of pipelines, the workspace's own and those of Azure's registry."""

    def create_or_update(
        self, component: ComponentDocument | Describes, overrides: Sequence[str] = ()
    ) -> Component:
        """Keep a document, its YAML file, or a component of azure-ai-ml, as a new version of its name.

        Raises:
            UsageError: the document is wrong, or there is that version already.
        """
        if not isinstance(component, ComponentDocument):
            component = read_component(described(component, "components", overrides)[0])
        return ComponentStore().create(component)

    @not_found_as_azure
    def get(
        self,
        name: str,
        version: str | None = None,
        *,
        label: str | None = None,
        in_catalog: bool = False,
    ) -> Any:
        """One version of the workspace's component `name`, or else of the catalog's.

        A version of the catalog's may be any that Azure ever had: there is one behaviour.

        Args:
            in_catalog: don't look in the workspace.

        Returns:
            A `Component`; where a script has loaded azure-ai-ml one of its own, which `@pipeline`
            functions can call.

        Raises:
            UsageError: there is none; names the nearest.
        """
        store = ComponentStore()
        known = store.names()
        if not in_catalog and name in known:
            return callable_component(store.get(name, version, label=label))
        document = azure_component(name)
        if document is None:
            names = [*COMPONENT_NAMES] if in_catalog else [*COMPONENT_NAMES, *known]
            raise UsageError(
                f"there is no component {name!r}; there are {', '.join(names)}."
                f"{nearest(name, names)}"
            )
        return callable_component(catalog_component(document))

    def list(
        self,
        name: str | None = None,
        *,
        include_archived: bool = False,
        in_catalog: bool = False,
    ) -> list[Component]:
        """The latest version of every component, or every version of `name`, newest first.

        Args:
            in_catalog: those of Azure's registry instead of the workspace's.
        """
        if in_catalog:
            documents = (azure_component(known) for known in COMPONENT_NAMES)
            return [
                catalog_component(document)
                for document in documents
                if document is not None and name in (None, document.name)
            ]
        return ComponentStore().list(name, include_archived=include_archived)

    def archive(self, name: str, version: str | None = None) -> None:
        """Hide a version (None: all) from lists and from `@latest`."""
        ComponentStore().archive(name, version)

    def restore(self, name: str, version: str | None = None) -> None:
        """Bring an archived version (None: all) back."""
        ComponentStore().archive(name, version, archived=False)
