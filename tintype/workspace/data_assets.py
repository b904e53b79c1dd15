"""Data assets: names and versions of files and folders, so that jobs need no paths.

    data-assets/<name>/<version>.json

An asset points to its data and copies nothing. A version, once written, never changes; archiving
hides it from lists and from `@latest`, so nothing is lost by it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tintype.errors import OutputError, UsageError, nearest
from tintype.files import locked_folder, write_json
from tintype.schemas.data_asset import DataAssetDocument
from tintype.settings import get_settings
from tintype.workspace.runs import now
from tintype.workspace.versions import new_version

__all__ = ["DataAsset", "DataAssetStore", "resolve_data"]

_REFERENCE = re.compile(r"azureml:(?P<name>[^:@/]+)(?::(?P<version>[^:@/]+)|@(?P<label>[^:@/]+))")

_VERSIONS_TOLD = 10


@dataclass(frozen=True)
class DataAsset:
    """One version of a data asset."""

    name: str
    version: str
    type: str
    """uri_file, uri_folder or mltable."""
    path: str
    """Absolute path, `azureml://` path or URL."""
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    archived: bool = False
    created_at: str = field(default_factory=now)

    @property
    def id(self) -> str:
        """What documents name it by."""
        return f"azureml:{self.name}:{self.version}"

    def shown(self) -> dict[str, Any]:
        """The version as commands print it."""
        return {**asdict(self), "id": self.id}


class DataAssetStore:
    """Reads and writes data assets; each write is atomic."""

    def __init__(self, home: Path | None = None) -> None:
        """None takes the workspace of the settings."""
        self._root = (home or get_settings().home) / "data-assets"

    def create(self, document: DataAssetDocument) -> DataAsset:
        """Keep a document as a version of its name: the one it says, or the next number.

        Raises:
            UsageError: there is that version already.
            OutputError: the workspace cannot be written.
        """
        # The lock keeps two that create in the same moment from making up the same number.
        with locked_folder(self._root / document.name):
            taken = [asset.version for asset in self._versions(document.name)]
            version = new_version(f"data asset {document.name!r}", document.version, taken)
            asset = DataAsset(
                document.name,
                version,
                document.type,
                document.path,
                document.description,
                document.tags,
                document.properties,
            )
            self._write(asset)
        return asset

    def get(self, name: str, version: str | None = None, *, label: str | None = None) -> DataAsset:
        """One version of `name`, archived or not; without a version, the latest that is not.

        Args:
            label: latest, the same as no version.

        Raises:
            UsageError: no such asset, version or label; names the nearest.
        """
        if label not in (None, "latest"):
            raise UsageError(f"label {label!r}: expected latest")
        if label is not None and version is not None:
            raise UsageError(f"both version {version!r} and label {label!r} given; keep one")
        versions = self._known(name)
        if version is None:
            latest = next((asset for asset in versions if not asset.archived), None)
            if latest is None:
                raise UsageError(
                    f"every version of data asset {name!r} is archived; name one of "
                    f"{_told(versions)}, or restore one"
                )
            return latest
        for asset in versions:
            if asset.version == version:
                return asset
        raise UsageError(
            f"data asset {name!r} has no version {version!r}; it has {_told(versions)}"
        )

    def list(self, name: str | None = None, *, include_archived: bool = False) -> list[DataAsset]:
        """The latest version of every asset by name, or every version of `name`, newest first.

        Raises:
            UsageError: no asset of that name; names the nearest.
        """

        def kept(assets: Sequence[DataAsset]) -> list[DataAsset]:
            return [asset for asset in assets if include_archived or not asset.archived]

        if name is not None:
            return kept(self._known(name))
        return [asset for known in self._names() for asset in kept(self._versions(known))[:1]]

    def archive(self, name: str, version: str | None = None, *, archived: bool = True) -> None:
        """Hide a version (None: all) from lists and from `@latest`, or bring it back.

        Raises:
            UsageError: no such asset or version; names the nearest.
            OutputError: the workspace cannot be written.
        """
        chosen = self._known(name) if version is None else [self.get(name, version)]
        with locked_folder(self._root / name):
            for asset in chosen:
                self._write(replace(asset, archived=archived))

    def _names(self) -> Sequence[str]:
        return sorted({path.parent.name for path in self._root.glob("*/[!.]*.json")})

    def _known(self, name: str) -> Sequence[DataAsset]:
        """Versions of `name`, newest first; there is at least one."""
        names = self._names()
        if name not in names:
            raise UsageError(f"there is no data asset {name!r}.{nearest(name, names)}")
        return self._versions(name)

    def _versions(self, name: str) -> Sequence[DataAsset]:
        assets = [_read(path) for path in (self._root / name).glob("[!.]*.json")]
        return sorted(assets, key=lambda asset: asset.created_at, reverse=True)

    def _write(self, asset: DataAsset) -> None:
        write_json(self._root / asset.name / f"{asset.version}.json", asdict(asset))


def resolve_data(reference: str) -> str:
    """The path, `azureml://` path or URL of a data asset: of `azureml:name:1`, `azureml:name@latest`.

    Anything else (paths, datastores' `azureml://` paths, URLs) stays as it is.

    Raises:
        UsageError: there is no such asset or version, or `azureml:` without one.
    """
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


def _told(versions: Sequence[DataAsset]) -> str:
    known = [asset.version for asset in versions]
    more = ", ..." if len(known) > _VERSIONS_TOLD else ""
    return ", ".join(known[:_VERSIONS_TOLD]) + more


def _read(path: Path) -> DataAsset:
    try:
        return DataAsset(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise OutputError(f"cannot read {path}: {error}") from None
