"""Components of a registry, as `MLClient(registry_name=...)` has them."""

from __future__ import annotations

from typing import Any

from tintype.client.component import Components
from tintype.workspace.components import Component

__all__ = ["CatalogComponents"]


class CatalogComponents:
    """`ml_client.components` of a registry: read only, whatever the registry is called."""

    def get(self, name: str, version: str | None = None, *, label: str | None = None) -> Any:
        """See `Components.get`."""
        return Components().get(name, version, label=label, in_catalog=True)

    def list(self, name: str | None = None) -> list[Component]:
        """All of them, or the one called `name`."""
        return Components().list(name, in_catalog=True)
