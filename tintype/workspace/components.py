"""Components: steps of pipelines, kept under names and versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tintype.schemas.component import ComponentDocument
from tintype.workspace.assets import Asset, AssetStore

__all__ = ["Component", "ComponentStore", "catalog_component"]


@dataclass(frozen=True, kw_only=True)
class Component(Asset):
    """One version of a component."""

    display_name: str | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    command: str | None = None
    code: str | None = None
    environment: dict[str, Any] | str | None = None
    environment_variables: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, Any] | None = None
    is_deterministic: bool = True
    task: dict[str, Any] | None = None
    input_data: str | None = None
    mini_batch_size: str | int | None = None
    partition_keys: list[str] | None = None
    error_threshold: int | None = None
    mini_batch_error_threshold: int | None = None
    retry_settings: dict[str, Any] | None = None
    max_concurrency_per_instance: int | None = None
    distribution: dict[str, Any] | None = None
    resources: dict[str, Any] | None = None

    def summary(self) -> dict[str, Any]:
        """What of it has room in a line."""
        return {key: self.shown()[key] for key in ("name", "version", "type", "display_name", "id")}


class ComponentStore(AssetStore[Component]):
    """Components of a workspace."""

    def __init__(self, home: Path | None = None) -> None:
        """None takes the workspace of the settings."""
        super().__init__("component", Component, home)


def catalog_component(document: ComponentDocument) -> Component:
    """A component that is no workspace's, as the same kind of record."""
    given: dict[str, Any] = document.model_dump(
        exclude={"schema_", "version", "file", "logging_level"}
    )
    return Component(version=document.version or "1", **given)
