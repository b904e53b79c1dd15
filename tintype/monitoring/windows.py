"""The pictures of a window: rows that a deployment collected in a time."""

from __future__ import annotations

import datetime
import random
from dataclasses import dataclass

import numpy as np

from tintype.monitoring.samples import UNKNOWN, Answers
from tintype.workspace.collected import collected_folder, read_collected
from tintype.workspace.monitors import LaterLabels, RowKey

__all__ = ["WindowRow", "WindowRows", "answers_of", "read_window"]

_SEED = 42


@dataclass(frozen=True)
class WindowRow:
    """One collected picture."""

    key: RowKey
    time: datetime.datetime
    location: str
    """Where the picture lies; "" where none was kept."""
    label: str | None
    """The likeliest; None where answers are not kept."""
    score: float | None


@dataclass(frozen=True)
class WindowRows:
    """Rows of a window, in the order of their times; of many, evenly drawn."""

    rows: list[WindowRow]
    total: int
    """Rows in all."""
    start: datetime.datetime | None
    """Of the oldest row; None without rows."""
    end: datetime.datetime | None
    """Of the newest."""


def read_window(
    endpoint: str,
    deployment: str,
    after: datetime.datetime | None,
    until: datetime.datetime | None,
    most: int,
) -> WindowRows:
    """Rows later than `after` and up to `until`, where these are given, and `most` of them at most.

    An instance writes what it collects half a minute later: of rows that are written after a newer one was looked at,
    the next window has none, and a sample stays a sample.

    Raises:
        DataError: a file of rows cannot be read.
    """
    draw = random.Random(_SEED)
    kept: list[WindowRow] = []
    total = 0
    start: datetime.datetime | None = None
    end: datetime.datetime | None = None
    for folder, row in read_collected(collected_folder(endpoint, deployment)):
        if (after is not None and row.time <= after) or (until is not None and row.time > until):
            continue
        total += 1
        start = row.time if start is None else min(start, row.time)
        end = row.time if end is None else max(end, row.time)
        # Algorithm R (Vitter 1985): as many rows as are wanted, whatever their number.
        place = len(kept) if len(kept) < most else draw.randrange(total)
        if place >= most:
            continue
        location = "" if row.picture is None else str(folder / row.picture)
        found = WindowRow((row.request_id, row.row), row.time, location, row.label, row.score)
        if place == len(kept):
            kept.append(found)
        else:
            kept[place] = found
    return WindowRows(sorted(kept, key=lambda row: (row.time, row.key)), total, start, end)


def answers_of(
    rows: list[WindowRow], classes: tuple[str, ...], labels: dict[RowKey, LaterLabels]
) -> Answers:
    """The answers in `rows`; of labels that are none of `classes`, there is none.

    Args:
        labels: those that came later.
    """
    codes = {name: code for code, name in enumerate(classes)}
    found = np.array([codes.get(row.label or "", UNKNOWN) for row in rows], np.int64)
    scores = np.array([np.nan if row.score is None else row.score for row in rows], np.float64)
    scores[found < 0] = np.nan
    right = np.full(len(rows), UNKNOWN, np.int64)
    for place, row in enumerate(rows):
        true = labels.get(row.key)
        if true is not None and row.label is not None:
            right[place] = row.label in true.labels
    return Answers(classes, found, scores, right)
