"""Rows of a batch: an image, a text or both, where they came from, and how the image is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from tintype.data.folders import IMAGE_ENDINGS
from tintype.errors import ImageError
from tintype.images.loading import ImageSource
from tintype.images.request import image_bytes_from_text
from tintype.images.source import is_url

__all__ = [
    "InputRow",
    "failed_row",
    "image_in_cell",
    "printable",
    "row_of_bytes",
    "row_of_cell",
    "row_without_image",
]

_IMAGE_ENDINGS = tuple(IMAGE_ENDINGS)

# No file name is longer; base64 of a picture nearly always is.
_LONGEST_NAME = 4096


@dataclass(slots=True)
class InputRow:
    """One row of the input."""

    file: str
    """The input file, relative to the input's root, as answers name it."""

    number: int
    """Row within that file, from 0."""

    source: ImageSource
    """What `Scorer` reads; often a function that reads it in the thread that decodes."""

    location: str | None = None
    """Path or URL at which the picture can be seen again; None where the input itself holds it."""

    text: Any = None
    """What its column or key `text` holds; None where there is none."""

    labels: str | None = None
    """Zero-shot: the labels of its file, which are the text of that file's first row."""

    has_image: bool = True
    """False: `source` only says why there is none."""


def failed_row(file: str, number: int, reason: str) -> InputRow:
    """A row whose image cannot even be looked for; scoring it gives `reason`."""
    return row_without_image(file, number, reason, text=None)


def row_without_image(file: str, number: int, reason: str, *, text: Any) -> InputRow:
    """A row of a text alone; `reason` is what comes of it where an image is needed."""

    def fail() -> bytes:
        raise ImageError(reason)

    return InputRow(file, number, fail, text=text, has_image=False)


def row_of_bytes(
    file: str, number: int, read: Callable[[], bytes], *, text: Any = None
) -> InputRow:
    """A row whose encoded image the input holds."""
    return InputRow(file, number, read, None, text)


def row_of_cell(file: str, number: int, cell: str, base: str, *, text: Any = None) -> InputRow:
    """A row whose image stands in a cell: base64, a data: URI, a URL, or a path from `base`. A cell
    that is empty holds none."""
    if not cell.strip():
        return row_without_image(file, number, "the image is an empty string", text=text)
    source = image_in_cell(cell, base)
    if source is None:
        return InputRow(file, number, partial(image_bytes_from_text, cell), None, text)
    return InputRow(file, number, source, source, text)


def image_in_cell(cell: str, base: str) -> str | None:
    """The path or URL that a cell names; None where it holds the image itself, as base64.

    Base64 has no dot, and what is shorter than a file name is hardly a picture.
    """
    text = cell.strip()
    if is_url(text[:8].lower()):
        return text
    if text[:5].lower() == "data:" or len(text) > _LONGEST_NAME or not text or "\n" in text:
        return None
    path = text.removeprefix("file://") if text.startswith("file:///") else text
    path = path if path.startswith("/") else os.path.join(base, path)
    if text.lower().endswith(_IMAGE_ENDINGS) or os.path.isfile(path):
        return path
    return None


def printable(text: str) -> str:
    """`text`; bytes of a file name that are no UTF-8 are written as \\udcff."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
