"""Aliases of registered models, MLflow's own: a name for one version that can be moved, such as `champion`."""

from __future__ import annotations

import re

from tintype.errors import UsageError
from tintype.workspace.model_versions import ModelVersion, mlflow_versions, version_name
from tintype.workspace.registry import get_model
from tintype.workspace.tracking import mlflow_client

__all__ = ["check_alias", "delete_alias", "set_alias"]

_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
# MLflow's own: the newest version, and version numbers.
_RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)


def check_alias(alias: str) -> None:
    """
    Raises:
        UsageError: it is no name for an alias.
    """
    if not _ALIAS.fullmatch(alias) or _RESERVED.fullmatch(alias):
        raise UsageError(
            f"alias {alias!r}: use letters, digits, '-' and '_', a letter first; latest, v1, v2 and so on are taken"
        )


def set_alias(name: str, alias: str, *, version: str | None = None) -> ModelVersion:
    """Have `name@alias` mean a version (None: the newest), whichever it meant before.

    Raises:
        UsageError: no such model or version, or no name for an alias.
    """
    check_alias(alias)
    model = get_model(name, version=version)
    client = mlflow_client()
    number = next(
        v.version for v in mlflow_versions(client, name) if version_name(v) == model.version
    )
    client.set_registered_model_alias(name, alias, number)
    return get_model(name, version=model.version)


def delete_alias(name: str, alias: str) -> ModelVersion:
    """Take an alias away; the version that had it.

    Raises:
        UsageError: no such model or alias.
    """
    model = get_model(name, label=alias)
    if alias not in model.aliases:
        raise UsageError(f"{alias!r} is no alias: it always means the newest version")
    mlflow_client().delete_registered_model_alias(name, alias)
    return get_model(name, version=model.version)
