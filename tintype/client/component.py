"""Components from Python: `Client().components`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tintype.errors import UsageError, nearest
from tintype.schemas.azure_components import COMPONENT_NAMES, azure_component
from tintype.schemas.component import ComponentDocument, load_component
from tintype.workspace.components import Component, ComponentStore, catalog_component

__all__ = ["Components"]


class Components:
    """`client.components`: steps of pipelines, the workspace's own and those of Azure's registry."""

    def create_or_update(
        self, component: ComponentDocument | str | Path, overrides: Sequence[str] = ()
    ) -> Component:
        """Keep a document, or the YAML file of one, as a new version of its name.

        Raises:
            UsageError: the document is wrong, or there is that version already.
        """
        if not isinstance(component, ComponentDocument):
            component = load_component(Path(component), overrides)
        return ComponentStore().create(component)

    def get(
        self,
        name: str,
        version: str | None = None,
        *,
        label: str | None = None,
        in_catalog: bool = False,
    ) -> Component:
        """One version of the workspace's component `name`, or else of the catalog's.

        A version of the catalog's may be any that Azure ever had: there is one behaviour.

        Args:
            in_catalog: don't look in the workspace.

        Raises:
            UsageError: there is none; names the nearest.
        """
        store = ComponentStore()
        known = store.names()
        if not in_catalog and name in known:
            return store.get(name, version, label=label)
        document = azure_component(name)
        if document is None:
            names = [*COMPONENT_NAMES] if in_catalog else [*COMPONENT_NAMES, *known]
            raise UsageError(
                f"there is no component {name!r}; there are {', '.join(names)}."
                f"{nearest(name, names)}"
            )
        return catalog_component(document)

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
