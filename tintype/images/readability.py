"""Looking at every image once before training starts: which cannot be read, and which look
alike."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO

import numpy as np

from tintype.data.image_table import ImageTable
from tintype.errors import DataError, FetchError, ImageError
from tintype.images.decode import ImageLimits, decode_image, formats_of
from tintype.images.fingerprints import (
    Fingerprints,
    NearDuplicates,
    find_near_duplicates,
    grey_of,
)
from tintype.images.source import is_url, read_image
from tintype.progress import track
from tintype.settings import get_settings

__all__ = [
    "FULL_DECODE_ROWS",
    "Inspection",
    "Looks",
    "drop_unreadable",
    "find_unreadable",
    "inspect_images",
    "none_readable",
]

# Tables up to this many rows are decoded whole (some 1,000 photos a second and core at 224 pixels,
# about 100 at 2 megapixels); larger ones are checked by header, and a damaged body is then found
# when its pixels or features are first computed.
FULL_DECODE_ROWS = 20_000

# Pairs of near-duplicates that are kept to be shown.
_MOST_PAIRS = 50


class Looks:
    """Fingerprints of images by where these are."""

    def __init__(self) -> None:
        self._greys: dict[str, bytes] = {}

    def add(self, location: str, grey: bytes) -> None:
        """Keep what `grey_of` gave for the image at `location`."""
        self._greys[location] = grey

    def near_duplicates(self, table: ImageTable, others: ImageTable) -> NearDuplicates:
        """Images of `table` that are nearly the same as images of `others`; no image as itself.

        Images that were not looked at whole (URLs, those of very large tables) are left out.
        """
        (here, mine), (there, theirs) = self._of(table), self._of(others)
        rows, columns, alike = find_near_duplicates(mine, theirs)
        pairs = [
            (here[row], there[column], round(float(value), 4))
            for row, column, value in zip(rows, columns, alike, strict=True)
            if here[row] != there[column]
        ]
        pairs.sort(key=lambda pair: -pair[2])
        first: dict[str, tuple[str, str, float]] = {}
        for pair in pairs:
            first.setdefault(pair[0], pair)
        return NearDuplicates(len(first), len(here), tuple(first.values())[:_MOST_PAIRS])

    def pairs_within(self, table: ImageTable) -> np.ndarray:
        """int64 (m, 2): rows of `table` that are nearly the same, each pair once; no image with
        itself.

        Images that were not looked at whole are left out.
        """
        rows = [row for row, place in enumerate(table.locations()) if place in self._greys]
        prints = Fingerprints.of([self._greys[table.location(row)] for row in rows])
        left, right, _ = find_near_duplicates(prints, prints)
        pairs = np.array(rows, np.int64)[np.column_stack([left, right])[left < right]]
        apart = [table.location(one) != table.location(other) for one, other in pairs.tolist()]
        return pairs[np.array(apart, bool)]

    def _of(self, table: ImageTable) -> tuple[list[str], Fingerprints]:
        known = [location for location in table.locations() if location in self._greys]
        return known, Fingerprints.of([self._greys[location] for location in known])


@dataclass(frozen=True)
class Inspection:
    """What looking at every image of a table told."""

    unreadable: list[tuple[int, str]]
    """(row, reason)."""

    looks: Looks
    """Of those that could be read; empty where only headers were looked at."""


def inspect_images(table: ImageTable, looks: Looks | None = None) -> Inspection:
    """Look at every image. URLs are not fetched here.

    Args:
        looks: receives the fingerprints; None: new ones.
    """
    looks = Looks() if looks is None else looks
    look = _look_whole if len(table) <= FULL_DECODE_ROWS else _look_at_header
    unreadable: list[tuple[int, str]] = []
    with ThreadPoolExecutor(get_settings().cpu_threads) as pool:
        results = pool.map(look, table.locations(), chunksize=32)
        for row, found in enumerate(track(results, "checking images", len(table))):
            if isinstance(found, str):
                unreadable.append((row, found))
            elif found is not None:
                looks.add(table.location(row), found)
    return Inspection(unreadable, looks)


def find_unreadable(table: ImageTable) -> list[tuple[int, str]]:
    """(row, reason) of every image that cannot be read. URLs are not fetched here."""
    return inspect_images(table).unreadable


def none_readable(table: ImageTable, unreadable: Sequence[tuple[int, str]]) -> DataError:
    """The error that no image of `table` can be read; it says why of the first.

    Args:
        unreadable: (row, reason) of each.
    """
    row, reason = unreadable[0]
    file, line = table.origin(row)
    return DataError(f"none of its {len(table)} images can be read: {reason}", file=file, line=line)


def drop_unreadable(
    table: ImageTable, *, ignore_data_errors: bool, looks: Looks | None = None
) -> tuple[ImageTable, int]:
    """`table` without unreadable images, and how many there were.

    Args:
        looks: receives the fingerprints of the others.

    Raises:
        DataError: there are some and `ignore_data_errors` is false (names the first, its file and
            line, and counts the others), or none is left.
    """
    unreadable = inspect_images(table, looks).unreadable
    if not unreadable:
        return table, 0
    row, reason = unreadable[0]
    file, line = table.origin(row)
    if len(unreadable) == len(table):
        raise none_readable(table, unreadable)
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


def _look_whole(location: str) -> str | bytes | None:
    """Why the image cannot be read, or what its fingerprint is made of; None where it was not
    looked at."""
    if is_url(location):
        return None
    try:
        return grey_of(decode_image(read_image(location), min_size=(32, 32)))
    except (ImageError, FetchError) as error:
        return str(error)


def _look_at_header(location: str) -> str | None:
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
