"""Folders that projects may be made of by a request, and nothing outside of them.

Who runs the server names them (`tintype label serve --data FOLDER`); requests say `photos` or `photos/new`, never
a path of this machine. Pictures that lie elsewhere, by a link or by a line of a label file, are refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from tintype.errors import DataError, RequestError, UsageError
from tintype.images.source import is_url
from tintype.labelling.sources import SourcePicture

__all__ = ["AllowedFolders", "refuse_outside"]

# Folders that one answer lists.
_MOST_LISTED = 1_000


class AllowedFolders:
    """Folders by their names."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        """
        Raises:
            UsageError: one is not there, or two have one name.
        """
        self._roots: dict[str, Path] = {}
        for folder in folders:
            name = folder.expanduser().absolute().name
            root = Path(os.path.realpath(folder.expanduser()))
            if not root.is_dir():
                raise UsageError(f"--data {folder}: there is no such folder")
            if name in self._roots:
                raise UsageError(
                    f"--data {folder}: another folder is called {name!r}, too; pages know them by "
                    "that name"
                )
            self._roots[name] = root

    def listed(self) -> list[str]:
        """Every folder's name, and those of the folders right below it: photos, photos/new."""
        found = []
        for name, root in self._roots.items():
            found.append(name)
            with os.scandir(root) as entries:
                below = sorted(
                    entry.name
                    for entry in entries
                    if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
                )
            found += [f"{name}/{each}" for each in below]
        return found[:_MOST_LISTED]

    def path_of(self, reference: str) -> Path:
        """What a request means by `photos/new`.

        Raises:
            RequestError: 403, no folder is allowed; 404, it is none, or lies outside of all.
        """
        if not self._roots:
            raise RequestError(
                "no folder may be made a project of from here; start the server with --data FOLDER",
                status=403,
            )
        name, _, below = reference.partition("/")
        root = self._roots.get(name)
        # An absolute path would take the place of the root.
        below = below.lstrip("/")
        path = None if root is None or "\0" in below else Path(os.path.realpath(root / below))
        if root is None or path is None or not path.is_relative_to(root) or not path.exists():
            # Neither there nor not there: what lies outside is not the client's business.
            known = ", ".join(self._roots)
            raise RequestError(
                f"data: there is no {reference!r} in the folders that are allowed ({known})",
                status=404,
            )
        return path

    def root_of(self, reference: str) -> Path:
        """The allowed folder that `path_of` found something in."""
        return self._roots[reference.partition("/")[0]]


def refuse_outside(root: Path) -> Callable[[SourcePicture], SourcePicture]:
    """What passes pictures on that lie in the folder `root`, links followed, or are URLs.

    It raises:
        DataError: for another picture; names file and line.
    """
    real_folder = lru_cache(maxsize=1_000)(os.path.realpath)

    def passed(picture: SourcePicture) -> SourcePicture:
        if is_url(picture.location):
            return picture
        folder, name = os.path.split(picture.location)
        place = os.path.join(real_folder(folder), name)
        if os.path.islink(place):
            place = os.path.realpath(place)
        if not Path(place).is_relative_to(root):
            raise DataError(
                f"the picture {picture.name!r} lies outside of the folder that is allowed",
                file=picture.file,
                line=picture.line,
                field="image",
            )
        return picture

    return passed
