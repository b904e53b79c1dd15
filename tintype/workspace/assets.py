"""Assets with names and versions, a JSON file each: data, components, environments.

    <home>/<folder of the kind>/<name>/<version>.json

A version, once written, never changes; archiving hides it from lists and from `@latest`, so nothing is
lost by it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from tintype.errors import OutputError, UsageError, nearest
from tintype.files import locked_folder, write_json
from tintype.schemas.asset_parts import AssetDocument
from tintype.settings import get_settings
from tintype.workspace.runs import now
from tintype.workspace.versions import new_version

__all__ = ["Asset", "AssetStore"]

_VERSIONS_TOLD = 10


@dataclass(frozen=True, kw_only=True)
class Asset:
    """What every asset has."""

    name: str
    version: str
    type: str
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


A = TypeVar("A", bound=Asset)


class AssetStore(Generic[A]):
    """Reads and writes the assets of one kind; each write is atomic."""

    def __init__(self, noun: str, kind: type[A], home: Path | None = None) -> None:
        """
        Args:
            noun: what messages call one, "data asset"; its folder is data-assets.
            kind: the record of one version.
            home: None takes the workspace of the settings.
        """
        self._noun, self._kind = noun, kind
        self._root = (home or get_settings().home) / f"{noun.replace(' ', '-')}s"

    def create(self, document: AssetDocument) -> A:
        """Keep a document as a version of its name: the one it says, or the next number.

        Raises:
            UsageError: there is that version already.
            OutputError: the workspace cannot be written.
        """
        kept = {field.name for field in fields(self._kind)} - {"version"}
        given = document.model_dump(include=kept)
        # The lock keeps two that create in the same moment from making up the same number.
        with locked_folder(self._root / document.name):
            taken = [asset.version for asset in self._versions(document.name)]
            version = new_version(f"{self._noun} {document.name!r}", document.version, taken)
            asset = self._kind(version=version, **given)
            self._write(asset)
        return asset

    def get(self, name: str, version: str | None = None, *, label: str | None = None) -> A:
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
                    f"every version of {self._noun} {name!r} is archived; name one of "
                    f"{_told(versions)}, or restore one"
                )
            return latest
        for asset in versions:
            if asset.version == version:
                return asset
        raise UsageError(
            f"{self._noun} {name!r} has no version {version!r}; it has {_told(versions)}"
        )

    def list(self, name: str | None = None, *, include_archived: bool = False) -> list[A]:
        """The latest version of every asset by name, or every version of `name`, newest first.

        Raises:
            UsageError: no asset of that name; names the nearest.
        """

        def kept(assets: Sequence[A]) -> list[A]:
            return [asset for asset in assets if include_archived or not asset.archived]

        if name is not None:
            return kept(self._known(name))
        return [asset for known in self.names() for asset in kept(self._versions(known))[:1]]

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

    def names(self) -> Sequence[str]:
        """Every name, sorted."""
        return sorted({path.parent.name for path in self._root.glob("*/[!.]*.json")})

    def _known(self, name: str) -> Sequence[A]:
        """Versions of `name`, newest first; there is at least one."""
        names = self.names()
        if name not in names:
            raise UsageError(f"there is no {self._noun} {name!r}.{nearest(name, names)}")
        return self._versions(name)

    def _versions(self, name: str) -> Sequence[A]:
        assets = [self._read(path) for path in (self._root / name).glob("[!.]*.json")]
        return sorted(assets, key=lambda asset: asset.created_at, reverse=True)

    def _write(self, asset: A) -> None:
        write_json(self._root / asset.name / f"{asset.version}.json", asdict(asset))

    def _read(self, path: Path) -> A:
        try:
            return self._kind(**json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise OutputError(f"cannot read {path}: {error}") from None


def _told(versions: Sequence[Asset]) -> str:
    known = [asset.version for asset in versions]
    more = ", ..." if len(known) > _VERSIONS_TOLD else ""
    return ", ".join(known[:_VERSIONS_TOLD]) + more
