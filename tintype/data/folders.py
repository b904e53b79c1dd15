"""A folder of class folders: `<root>/<class>/**/<image>`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tintype.data.rows import Row
from tintype.errors import DataError

__all__ = ["IMAGE_ENDINGS", "read_folder_rows"]

IMAGE_ENDINGS = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"]
)


def read_folder_rows(root: Path) -> Iterator[Row]:
    """Every image below each class folder, sorted, labelled with that folder's name.

    Hidden files and folders, and files without an image's ending (in either case), are passed
    over; so are files that lie in `root` itself.

    Raises:
        DataError: there is no class folder with an image in it.
    """
    try:
        classes = sorted(
            entry.name
            for entry in os.scandir(root)
            if entry.is_dir() and not entry.name.startswith(".")
        )
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=root) from None
    any_image = False
    for label in classes:
        for location in _images(str(root.absolute() / label)):
            any_image = True
            yield Row(location, label, str(root / label), 0, "image")
    if not any_image:
        raise DataError(
            "no images in class folders below it; expected <class name>/<image>, an MLTable file, "
            "or the path of a .jsonl or .csv file",
            file=root,
        )


def _images(folder: str) -> Iterator[str]:
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _images(entry.path)
        elif os.path.splitext(entry.name)[1].lower() in IMAGE_ENDINGS:
            yield entry.path
