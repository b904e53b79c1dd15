"""Looking at every picture of a table once: which cannot be read, which are nearly the same, and a tiny copy of
each to be shown until a better one is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tintype.errors import FetchError, ImageError
from tintype.files import atomic_folder, write_json
from tintype.images.decode import decode_image
from tintype.images.fingerprints import Fingerprints, find_near_duplicates, grey_of
from tintype.images.source import is_url, read_image
from tintype.settings import get_settings
from tintype.similarity.grouping import Grouping
from tintype.studio.tables.picture_table import PictureTable

__all__ = ["Inspection", "TINY_SIDE", "inspect_table"]

TINY_SIDE = 8
"""Pixels of a tiny copy's side."""

_TINY = "tiny.rgb"

_PART = 256

Tell = Callable[[int, int], None]


class Inspection:
    """What was found; arrays are mapped from their files."""

    def __init__(self, folder: Path) -> None:
        """
        Args:
            folder: of the table.

        Raises:
            OSError, ValueError: it was not inspected yet.
        """
        self._folder = folder / "inspection"
        found: dict[str, Any] = json.loads((self._folder / "found.json").read_text("utf-8"))
        self.damaged: dict[int, str] = {int(row): reason for row, reason in found["damaged"]}
        """Why each damaged picture cannot be read."""
        self.groups: list[dict[str, Any]] = found["groups"]
        """Near-duplicates, largest groups first: `rows`, and `alike`, how each correlates with the one of
        its group that is most like it."""

    @cached_property
    def tiny(self) -> np.ndarray:
        """uint8 (n, TINY_SIDE, TINY_SIDE, 3), RGB; zeros where a picture could not be read."""
        flat = np.memmap(self._folder / _TINY, np.uint8, "r")
        return flat.reshape(-1, TINY_SIDE, TINY_SIDE, 3)

    @cached_property
    def damaged_rows(self) -> np.ndarray:
        """int64 (k,), ascending."""
        return np.array(sorted(self.damaged), np.int64)

    @cached_property
    def group_of(self) -> dict[int, int]:
        """The place in `groups` of each row that is in one."""
        return {row: place for place, group in enumerate(self.groups) for row in group["rows"]}


def inspect_table(table: PictureTable, tell: Tell) -> None:
    """Look at every picture; `tell(done, total)` is called now and then. URLs are not fetched.

    Raises:
        OutputError: the cache cannot be written.
    """
    total = len(table)
    skipped = table.faulty()
    damaged: list[tuple[int, str]] = []
    rows: list[int] = []
    greys: list[bytes] = []
    with atomic_folder(table.folder / "inspection") as folder:
        tiny = np.memmap(folder / _TINY, np.uint8, "w+", shape=(total, TINY_SIDE, TINY_SIDE, 3))
        with ThreadPoolExecutor(get_settings().cpu_threads) as pool:
            for start in range(0, total, _PART):
                part = [row for row in range(start, min(start + _PART, total)) if not skipped[row]]
                looks = pool.map(_look, [table.location(row) for row in part])
                for row, look in zip(part, looks, strict=True):
                    if isinstance(look, str):
                        damaged.append((row, look))
                    elif look is not None:
                        rows.append(row)
                        greys.append(look[0])
                        tiny[row] = look[1]
                tell(min(start + _PART, total), total)
        tiny.flush()
        write_json(
            folder / "found.json", {"damaged": damaged, "groups": _groups(table, rows, greys)}
        )


def _groups(table: PictureTable, rows: list[int], greys: list[bytes]) -> list[dict[str, Any]]:
    """Near-duplicates among `rows`; a picture that several rows name is one."""
    by_location: dict[str, int] = {}
    for place, row in enumerate(rows):
        by_location.setdefault(table.location(row), place)
    # The same bytes again and again, as in data that were enlarged, would be pairs without number.
    by_grey: dict[bytes, int] = {}
    grouping = Grouping(len(rows))
    same = []
    for place in by_location.values():
        first = by_grey.setdefault(greys[place], place)
        if first != place:
            same.append((first, place))
    if same:
        ends = np.array(same, np.int64)
        grouping.join(ends[:, 0], ends[:, 1], np.ones(len(ends), np.float32))
    places = np.array(list(by_grey.values()), np.int64)
    prints = Fingerprints.of(list(by_grey))
    left, right, alike = find_near_duplicates(prints, prints)
    once = left < right
    grouping.join(places[left[once]], places[right[once]], alike[once])
    numbers = np.array(rows, np.int64)
    return [
        {"rows": numbers[group.rows].tolist(), "alike": group.cosines.round(4).tolist()}
        for group in grouping.groups()
    ]


def _look(location: str) -> str | tuple[bytes, np.ndarray] | None:
    """Why a picture cannot be read, or what its fingerprint is made of and its tiny copy; None for a URL."""
    if is_url(location):
        return None
    from PIL import Image

    try:
        pixels = decode_image(read_image(location), min_size=(32, 32))
    except (ImageError, FetchError) as error:
        return str(error)
    # A pixel of 8 by 8 is a mean of many: a box is what that is.
    tiny = Image.fromarray(pixels).resize((TINY_SIDE, TINY_SIDE), Image.Resampling.BOX)
    return grey_of(pixels), np.asarray(tiny)
