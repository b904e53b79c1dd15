"""What a batch reads: the files below an input, in a fixed order, each of a known kind."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tintype.data.archives import is_archive, unpacked
from tintype.data.folders import IMAGE_ENDINGS
from tintype.data.locations import local_path, resolve_location
from tintype.errors import DataError
from tintype.images.source import is_url
from tintype.settings import get_settings

__all__ = ["DATA_ENDINGS", "InputFile", "Kind", "find_inputs", "stamp_of"]

Kind = Literal["image", "csv", "jsonl", "parquet", "tar", "list", "mltable"]

DATA_ENDINGS: dict[str, Kind] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".tar": "tar",
}

# Only where the input is such a file itself: folders are full of notes.
_LIST_ENDINGS = (".txt", ".lst", ".list")


@dataclass(frozen=True)
class InputFile:
    """One file of the input."""

    name: str
    """Relative to the input's root."""

    path: str
    """Absolute path; of an image, also its URL."""

    kind: Kind

    stamp: tuple[int, int] | None = None
    """Size in bytes and time of change in ns: the file must not change while the batch runs. None for
    a URL, and for an image that could not be looked at."""


def find_inputs(reference: str | Path, skipped: Counter[str]) -> Iterator[InputFile]:
    """Every file to read below `reference`, in the order of their names, folder by folder.

    Args:
        reference: a folder (its subfolders too), an MLTable folder, or one image, .csv, .jsonl,
            .parquet, .tar (WebDataset) or .txt (a path or URL a line) file; `file:` and mapped
            `azureml://` references; the URL of one image; or a .zip or compressed .tar, whose content is
            read as a folder.
        skipped: gets to hold how many files of which ending were passed over. Hidden files and
            folders are passed over without a word.

    Raises:
        DataError: there is no such file or folder, or nothing in it can be read.
    """
    settings = get_settings()
    text = str(reference)
    if is_url(text):
        yield _url(text)
        return
    try:
        path = local_path(resolve_location(text, str(Path.cwd()), settings), Path.cwd(), settings)
    except ValueError as error:
        raise DataError(str(error), file=text) from None
    # A plain tar is streamed; a batch that goes on could not enter other archives in the middle.
    if path.suffix.lower() not in DATA_ENDINGS and is_archive(path) and path.is_file():
        path = unpacked(path)
    if path.is_dir():
        if (path / "MLTable").is_file():
            yield _with_rows(path / "MLTable", "MLTable", "mltable")
            return
        any_file = False
        for file in _below(str(path.absolute()), "", skipped, set()):
            any_file = True
            yield file
        if not any_file:
            others = ", ".join(
                f"{count} {ending or 'without ending'}" for ending, count in skipped.most_common(5)
            )
            raise DataError(
                "nothing in it can be read: expected images, .csv, .jsonl, .parquet or .tar files"
                + (f"; there are {others}" if others else ""),
                file=path,
            )
        return
    if not path.exists():
        raise DataError("no such file or folder", file=path)
    yield _single(path)


def _url(text: str) -> InputFile:
    name = text.split("?")[0].rstrip("/").rsplit("/", 1)[-1] or text
    if os.path.splitext(name)[1].lower() in DATA_ENDINGS:
        raise DataError("a data set must be local; only images may be http(s) URLs", file=text)
    return InputFile(name, text, "image")


def _single(path: Path) -> InputFile:
    ending = path.suffix.lower()
    absolute = path.absolute()
    if path.name == "MLTable":
        return _with_rows(absolute, path.name, "mltable")
    if ending in DATA_ENDINGS:
        return _with_rows(absolute, path.name, DATA_ENDINGS[ending])
    if ending in _LIST_ENDINGS:
        return _with_rows(absolute, path.name, "list")
    if ending in IMAGE_ENDINGS:
        return InputFile(path.name, str(absolute), "image", _image_stamp(absolute))
    raise DataError(
        f"file type {ending or 'without ending'} is not supported: expected an image, .csv, "
        ".jsonl, .parquet, .tar, .zip or .txt (a path or URL a line)",
        file=path,
    )


def _with_rows(path: Path, name: str, kind: Kind) -> InputFile:
    return InputFile(name, str(path), kind, stamp_of(path))


def stamp_of(path: str | Path) -> tuple[int, int]:
    """See `InputFile.stamp`.

    Raises:
        DataError: there is no such file, or it cannot be looked at.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=path) from None
    return status.st_size, status.st_mtime_ns


def _image_stamp(path: str | Path) -> tuple[int, int] | None:
    """`stamp_of` an image; that it cannot be read is told in its row."""
    try:
        return stamp_of(path)
    except DataError:
        return None


def _below(
    folder: str, prefix: str, skipped: Counter[str], above: set[tuple[int, int]]
) -> Iterator[InputFile]:
    """Files below `folder`; a link to a folder that leads back up is not followed again."""
    try:
        status = os.stat(folder)
        # Names alone: of a million entries, more would be a lot to hold.
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=folder) from None
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        return
    for entry in names:
        if entry.startswith("."):
            continue
        path, name = os.path.join(folder, entry), f"{prefix}{entry}"
        if os.path.isdir(path):
            yield from _below(path, f"{name}/", skipped, above | {identity})
            continue
        ending = os.path.splitext(entry)[1].lower()
        if ending in IMAGE_ENDINGS:
            yield InputFile(name, path, "image", _image_stamp(path))
        elif ending in DATA_ENDINGS:
            yield _with_rows(Path(path), name, DATA_ENDINGS[ending])
        else:
            skipped[ending] += 1
