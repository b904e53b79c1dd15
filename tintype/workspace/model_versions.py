"""Versions of registered models: what MLflow's records of them say."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any

__all__ = [
    "ARCHIVED_TAG",
    "MODEL_NAME",
    "VERSION_TAG",
    "ModelVersion",
    "mlflow_versions",
    "shown_version",
    "shown_versions",
    "version_name",
]

MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
"""What a model may be called."""

ARCHIVED_TAG = "tintype.archived"
"""MLflow's tag of a version that is hidden from lists: `true`."""

VERSION_TAG = "tintype.version"
"""MLflow's tag of what a version is called here."""


@dataclass(frozen=True)
class ModelVersion:
    """One version of a registered model."""

    name: str
    version: str
    type: str = "mlflow_model"
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    created_at: int = 0
    """Milliseconds since 1970, UTC."""
    run_id: str | None = None
    path: str = ""
    """Where its files are, as the registry says it."""
    archived: bool = False
    aliases: tuple[str, ...] = ()
    """Such as `champion`: `name@champion` means this version."""

    @property
    def id(self) -> str:
        """What documents name it by."""
        return f"azureml:{self.name}:{self.version}"

    def shown(self) -> dict[str, Any]:
        """The version as commands print it."""
        return {**asdict(self), "id": self.id}


def mlflow_versions(client: Any, name: str) -> list[Any]:
    """MLflow's own records of a model's versions, newest first; none where there is no such model."""
    versions = client.search_model_versions(f"name='{name}'") if MODEL_NAME.fullmatch(name) else []
    return sorted(versions, key=lambda version: int(version.version), reverse=True)


def shown_versions(client: Any, name: str) -> list[ModelVersion]:
    """With aliases, newest first; none where there is no such model."""
    versions = mlflow_versions(client, name)
    if not versions:
        return []
    aliases = dict(client.get_registered_model(name).aliases)
    return [
        replace(
            shown_version(version),
            aliases=tuple(
                sorted(a for a, number in aliases.items() if str(number) == str(version.version))
            ),
        )
        for version in versions
    ]


def version_name(version: Any) -> str:
    """What its user calls a version of MLflow's."""
    return shown_version(version).version


def shown_version(version: Any) -> ModelVersion:
    """A version of MLflow's as ours, without its aliases."""
    tags = dict(version.tags)
    archived = tags.pop(ARCHIVED_TAG, "false") == "true"
    return ModelVersion(
        name=version.name,
        # Those that MLflow itself registered have its number.
        version=tags.pop(VERSION_TAG, str(version.version)),
        description=version.description or None,
        tags=tags,
        created_at=version.creation_timestamp or 0,
        run_id=version.run_id or None,
        path=version.source or "",
        archived=archived,
    )
