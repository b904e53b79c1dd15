"""The workspace as azure-ai-ml's MLClient: a script changes the line that makes it."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from tintype.client.client import Client
from tintype.errors import DocumentError

__all__ = ["MLClient"]

_FILES = ("config.json", ".azureml/config.json")
_WORKSPACE = "tintype"


class MLClient(Client):
    """A `Client` that is made as azure-ai-ml's MLClient is.

    The cloud's arguments are kept to be read and mean nothing else: the workspace is this machine's.

    >>> ml_client = MLClient(None, "subscription", "group", "workspace")
    >>> ml_client.workspace_name
    'workspace'
    """

    def __init__(
        self,
        credential: Any = None,
        subscription_id: str | None = None,
        resource_group_name: str | None = None,
        workspace_name: str | None = None,
        registry_name: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Nothing is connected to; credentials are not looked at.

        Args:
            registry_name: `models` is then the catalog.
            kwargs: any option of MLClient's; without effect.
        """
        self._subscription_id = subscription_id
        self._resource_group_name = resource_group_name
        self._workspace_name = workspace_name
        self._registry_name = registry_name

    @classmethod
    def from_config(
        cls,
        credential: Any = None,
        *,
        path: str | Path | None = None,
        file_name: str | None = None,
        **kwargs: Any,
    ) -> MLClient:
        """Named as Azure's config.json says, where there is one in `path` or a folder above it.

        Raises:
            DocumentError: there is one that is no JSON object.
        """
        start = Path(path or ".").absolute()
        folders = [start, *start.parents] if start.is_dir() else [start.parent]
        names = (start.name,) if start.is_file() else (file_name,) if file_name else _FILES
        found = [folder / name for folder in folders for name in names]
        content = next((_config(file) for file in found if file.is_file()), {})
        return cls(
            credential,
            content.get("subscription_id"),
            content.get("resource_group"),
            content.get("workspace_name"),
            **kwargs,
        )

    @property
    def subscription_id(self) -> str | None:
        """As it was given."""
        return self._subscription_id

    @property
    def resource_group_name(self) -> str | None:
        """As it was given."""
        return self._resource_group_name

    @property
    def workspace_name(self) -> str | None:
        """As it was given; a workspace that was given no name is called tintype, a registry nothing."""
        if self._workspace_name is None and self._registry_name is None:
            return _WORKSPACE
        return self._workspace_name

    @cached_property
    def models(self) -> Any:
        """Registered models; the catalog, where a registry was named."""
        if self._registry_name is None:
            return super().models
        from tintype.client.catalog_models import CatalogModels

        return CatalogModels(self._registry_name)

    @cached_property
    def components(self) -> Any:
        """Steps of pipelines; the catalog's, where a registry was named."""
        if self._registry_name is None:
            return super().components
        from tintype.client.catalog_components import CatalogComponents

        return CatalogComponents()


def _config(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DocumentError(f"cannot be read as JSON: {error}", file=file) from None
    if not isinstance(content, dict):
        raise DocumentError("expected a JSON object", file=file)
    return content
