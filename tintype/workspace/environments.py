"""Environments: names for the Python that commands run in, and what scripts of Azure's keep; nothing is
built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tintype.workspace.assets import Asset, AssetStore

__all__ = ["Environment", "EnvironmentStore"]


@dataclass(frozen=True, kw_only=True)
class Environment(Asset):
    """One version of an environment."""

    type: str = "environment"
    image: str | None = None
    conda_file: dict[str, Any] | None = None
    build: dict[str, Any] | str | None = None
    python: str | None = None
    """Interpreter, or the folder of a virtual environment; None: Tintype's own."""
    os_type: str | None = None
    inference_config: dict[str, Any] | None = None


class EnvironmentStore(AssetStore[Environment]):
    """Environments of a workspace."""

    def __init__(self, home: Path | None = None) -> None:
        """None takes the workspace of the settings."""
        super().__init__("environment", Environment, home)
