"""Finding images that cannot be read before training starts, by file and line."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import IO

import numpy as np

from tintype.data.image_table import ImageTable
from tintype.errors import DataError, FetchError, ImageError
from tintype.images.decode import ImageLimits, decode_image, formats_of
from tintype.images.source import is_url, read_image
from tintype.progress import track
from tintype.settings import get_settings

__all__ = ["drop_unreadable", "find_unreadable"]

# Tables up to this many rows are decoded whole (some 1,000 photos a second and core at 224 pixels,
# about 100 at 2 megapixels); larger ones are checked by header, and a damaged body is then found
# when its pixels or features are first computed.
FULL_DECODE_ROWS = 20_000


def find_unreadable(table: ImageTable) -> list[tuple[int, str]]:
    """(row, reason) of every image that cannot be read. URLs are not fetched here."""
    check = _check_whole if len(table) <= FULL_DECODE_ROWS else _check_header
    unreadable: list[tuple[int, str]] = []
    with ThreadPoolExecutor(get_settings().cpu_threads) as pool:
        results = pool.map(check, table.locations(), chunksize=32)
        for row, reason in enumerate(track(results, "checking images", len(table))):
            if reason is not None:
                unreadable.append((row, reason))
    return unreadable


def drop_unreadable(table: ImageTable, *, ignore_data_errors: bool) -> tuple[ImageTable, int]:
    """`table` without unreadable images, and how many there were.

    Raises:
        DataError: there are some and `ignore_data_errors` is false (names the first, its file and
            line, and counts the others), or none is left.
    """
    unreadable = find_unreadable(table)
    if not unreadable:
        return table, 0
    row, reason = unreadable[0]
    file, line = table.origin(row)
    if len(unreadable) == len(table):
        raise DataError(
            f"none of its {len(table)} images can be read: {reason}", file=file, line=line
        )
    if not ignore_data_errors:
        others = f" ({len(unreadable) - 1} more like it)" if len(unreadable) > 1 else ""
        raise DataError(
            f"{table.location(row)}: {reason}{others}. Remove the row, or set "
            "ignore_data_errors: true to skip and count such images",
            file=file,
            line=line,
        )
    keep = np.ones(len(table), bool)
    keep[[row for row, _ in unreadable]] = False
    return table.select(np.flatnonzero(keep)), len(unreadable)


def _check_whole(location: str) -> str | None:
    if is_url(location):
        return None
    try:
        decode_image(read_image(location), min_size=(32, 32))
    except (ImageError, FetchError) as error:
        return str(error)
    return None


def _check_header(location: str) -> str | None:
    if is_url(location):
        return None
    from PIL import Image

    try:
        with open(location, "rb") as file, Image.open(file, formats=_formats(file)) as image:
            if image.size[0] * image.size[1] > ImageLimits.from_settings().max_pixels:
                return f"{image.size[0]} x {image.size[1]} pixels are over the limit"
    except (ImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return str(error) or type(error).__name__
    return None


def _formats(file: IO[bytes]) -> tuple[str, ...]:
    formats = formats_of(file.read(64))
    file.seek(0)
    return formats
