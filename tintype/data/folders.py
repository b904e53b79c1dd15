"""A folder of class folders: `<root>/<class>/**/<image>`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tintype.data.rows import Row
from tintype.errors import DataError

__all__ = ["IMAGE_ENDINGS", "is_folder", "read_folder_rows", "visible_entries"]

IMAGE_ENDINGS = frozenset(
    ".jpg .jpeg .jpe .jfif .png .webp .gif .bmp .tif .tiff .avif .heic .heif .hif".split()
)


def read_folder_rows(root: Path) -> Iterator[Row]:
    """Every image below each class folder, sorted, labelled with that folder's name.

    Hidden files and folders, and files without an image's ending (in either case), are passed
    over; so are files that lie in `root` itself. Links to folders are followed, but for those that
    lead back to a folder above them or that were followed before in the same class.

    Raises:
        DataError: there is no class folder with an image in it, or a folder cannot be read.
    """
    above = (str(root.absolute()),)
    any_image = False
    for entry in visible_entries(above[0]):
        if not is_folder(entry):
            continue
        for location in _images(entry, above, set()):
            any_image = True
            yield Row(location, entry.name, str(root / entry.name), 0, "image")
    if not any_image:
        raise DataError(
            "no images in class folders below it; expected <class name>/<image>, an MLTable file, "
            "or a file of labels (.jsonl, .csv, .json, .parquet)",
            file=root,
        )


def visible_entries(folder: str | Path) -> list[os.DirEntry[str]]:
    """What is not hidden in `folder`, by name.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=folder) from None
    return sorted(visible, key=lambda entry: entry.name)


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:
        # A link that leads to itself. With an image's ending, it is missed where images are checked.
        return False


def _images(
    folder: os.DirEntry[str], above: tuple[str, ...], followed: set[tuple[int, int]]
) -> Iterator[str]:
    """Images below `folder`.

    Args:
        above: the folders that are open above it.
        followed: (device, inode) of the folders that links in this class have led to.
    """
    # Folders that are no links cannot lead back, and cost no call of `stat`.
    if folder.is_symlink():
        status = folder.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in followed or any(os.path.samestat(status, os.stat(path)) for path in above):
            return
        followed.add(identity)
    above = (*above, folder.path)
    for entry in visible_entries(folder.path):
        if is_folder(entry):
            yield from _images(entry, above, followed)
        elif os.path.splitext(entry.name)[1].lower() in IMAGE_ENDINGS:
            yield entry.path
