"""Data assets: names and versions of files and folders, so that jobs need no paths.

An asset points to its data and copies nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tintype.errors import UsageError
from tintype.workspace.assets import Asset, AssetStore
from tintype.workspace.job_outputs import is_job_output, job_output

__all__ = ["DataAsset", "DataAssetStore", "resolve_data"]

_REFERENCE = re.compile(r"azureml:(?P<name>[^:@/]+)(?::(?P<version>[^:@/]+)|@(?P<label>[^:@/]+))")


@dataclass(frozen=True, kw_only=True)
class DataAsset(Asset):
    """One version of a data asset; its type is uri_file, uri_folder or mltable."""

    path: str
    """Absolute path, `azureml://` path or URL."""


class DataAssetStore(AssetStore[DataAsset]):
    """Data assets of a workspace."""

    def __init__(self, home: Path | None = None) -> None:
        """None takes the workspace of the settings."""
        super().__init__("data asset", DataAsset, home)


def resolve_data(reference: str) -> str:
    """The path, `azureml://` path or URL of a data asset: of `azureml:name:1`, `azureml:name@latest`;
    the path of a job's output: of `azureml://jobs/...`.

    Anything else (paths, datastores' `azureml://` paths, URLs) stays as it is.

    Raises:
        UsageError: there is no such asset, version or output, or `azureml:` without one.
    """
    if is_job_output(reference):
        return str(job_output(reference))
    if not reference.startswith("azureml:") or reference.startswith("azureml://"):
        return reference
    reference_parts = _REFERENCE.fullmatch(reference)
    if reference_parts is None:
        name = re.split(r"[:@/]", reference.removeprefix("azureml:"))[0] or "name"
        raise UsageError(
            f"{reference!r} given; expected a data asset, azureml:{name}:1 or azureml:{name}@latest"
        )
    return (
        DataAssetStore()
        .get(reference_parts["name"], reference_parts["version"], label=reference_parts["label"])
        .path
    )
