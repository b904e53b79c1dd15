"""Finding the nearest rows: exactly in small tables, through a kept usearch index in large ones."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from tintype.errors import MissingExtraError, OutputError, UsageError
from tintype.files import write_json
from tintype.settings import get_settings
from tintype.similarity.grouping import ROUNDING, Group, Grouping, join_close_pairs
from tintype.similarity.table import EmbeddingTable, unit_rows

__all__ = ["EXACT_ROWS", "Neighbours", "SimilarityIndex", "neighbours_of_rows", "open_index"]

EXACT_ROWS = 20_000
"""Up to so many rows, every row is compared: quicker than building an index, and never wrong."""

_FORMAT = 1  # of what is kept; raise it when that changes
_NEIGHBOURS = 32  # looked at for near-duplicates, the row itself included
# Candidates that usearch keeps in sight. More is slower and misses less: of the true ten nearest of
# 50,000 random rows of 64 numbers, which are the hardest, 128 and 256 find 99%.
_EXPANSION_ADD = 128
_EXPANSION_SEARCH = 256
# Near-duplicates stand apart from everything else and are found with less.
_EXPANSION_DUPLICATES = 64

_QUERIES = 64  # compared at once

Precision = Literal["f32", "bf16"]


@dataclass(frozen=True)
class Neighbours:
    """The rows nearest to one query."""

    rows: np.ndarray
    """int64 (n,): nearest first; among equals, the smaller number first."""

    cosines: np.ndarray
    """float32 (n,), from 1 (same direction) to -1, to six places."""


class SimilarityIndex(Protocol):
    """What finds rows of one table."""

    def neighbours(self, queries: np.ndarray, count: int) -> list[Neighbours]:
        """The `count` rows nearest to each of `queries`, float32 (n, D); fewer where there are not
        so many.

        Raises:
            UsageError: the queries have another width than the table, or no direction.
        """

    def near_duplicates(self, threshold: float) -> list[Group]:
        """Groups of rows joined by pairs whose cosine is `threshold` or more, largest first."""


def open_index(
    table: EmbeddingTable,
    *,
    precision: Precision = "f32",
    exact: bool = False,
    exact_rows: int = EXACT_ROWS,
) -> SimilarityIndex:
    """The index of `table`; built, and kept beside the data, where there is none for them as they are.

    Args:
        precision: of what the kept index holds. bf16 is half as large; its cosines are right to
            about 0.002.
        exact: compare every row however many there are; all features are then held in memory.
        exact_rows: the most rows that are compared exactly without `exact`.

    Raises:
        MissingExtraError: usearch is needed and not installed.
        OutputError: the index cannot be written beside the data.
    """
    if exact or table.rows <= exact_rows:
        return _ExactIndex(table)
    return _KeptIndex(table, precision)


def neighbours_of_rows(
    table: EmbeddingTable, index: SimilarityIndex, rows: np.ndarray, count: int
) -> list[Neighbours]:
    """The `count` rows nearest to each of `rows`, int64 (n,), of the table; itself left out.

    Raises:
        UsageError: there is no such row, or it has no features.
    """
    neighbours = []
    near = index.neighbours(table.features_at(rows), count + 1)
    for row, one in zip(rows.tolist(), near, strict=True):
        others = np.flatnonzero(one.rows != row)[:count]
        neighbours.append(Neighbours(one.rows[others], one.cosines[others]))
    return neighbours


class _ExactIndex:
    """All features in memory."""

    def __init__(self, table: EmbeddingTable) -> None:
        self._table = table
        self._rows = np.empty(table.rows, np.int64)
        self._units = np.empty((table.rows, table.dimension), np.float32)
        size = 0
        for rows, units in table.blocks("reading"):
            self._rows[size : size + len(rows)] = rows
            self._units[size : size + len(rows)] = units
            size += len(rows)
        self._rows, self._units = self._rows[:size], self._units[:size]

    def neighbours(self, queries: np.ndarray, count: int) -> list[Neighbours]:
        units = _query_units(queries, self._table.dimension)
        neighbours = []
        for start in range(0, len(units), _QUERIES):
            scores = units[start : start + _QUERIES] @ self._units.T
            neighbours += [_nearest(self._rows, row, count) for row in scores]
        return neighbours

    def near_duplicates(self, threshold: float) -> list[Group]:
        grouping = Grouping(self._table.rows)
        join_close_pairs(grouping, self._rows, self._units, threshold)
        return grouping.groups()


class _KeptIndex:
    """A usearch index in a file beside the data; read through the page cache, not loaded."""

    def __init__(self, table: EmbeddingTable, precision: Precision) -> None:
        self._table = table
        self._threads = get_settings().cpu_threads
        self._file = table.base.with_name(f"{table.base.name}.usearch")
        self._note = table.base.with_name(f"{table.base.name}.json")
        wanted = {
            **table.fingerprint(),
            "format": _FORMAT,
            "metric": "cos",
            "precision": precision,
        }
        kept = self._kept(wanted)
        self._index = self._build(wanted) if kept is None else kept

    def neighbours(self, queries: np.ndarray, count: int) -> list[Neighbours]:
        units = _query_units(queries, self._table.dimension)
        expansion = max(_EXPANSION_SEARCH, 2 * count)
        keys, cosines = self._search(units, count, expansion)
        pairs = zip(keys, cosines, strict=True)
        return [_nearest(row[row >= 0], near[row >= 0], count) for row, near in pairs]

    def near_duplicates(self, threshold: float) -> list[Group]:
        grouping = Grouping(self._table.rows)
        crowded = []
        for rows, units in self._table.blocks("comparing"):
            if not len(rows):
                continue
            keys, cosines = self._search(units, _NEIGHBOURS, _EXPANSION_DUPLICATES)
            cosines[(keys == rows[:, None]) | (keys < 0)] = -2
            close = cosines >= threshold - ROUNDING
            line, column = np.nonzero(close)
            grouping.join(rows[line], keys[line, column], cosines[line, column])
            crowded.append(rows[close.sum(1) >= keys.shape[1] - 1])
        # A crowd of copies larger than what was looked at may have been found in several parts.
        parts = np.unique(grouping.roots(np.concatenate([*crowded, np.empty(0, np.int64)])))
        if len(parts) > 1:
            join_close_pairs(grouping, parts, self._table.features_at(parts), threshold)
        return grouping.groups()

    def _search(
        self, units: np.ndarray, count: int, expansion: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows, int64 (n, k), -1 where fewer were found; and cosines, float32 (n, k)."""
        if not len(self._index):
            return np.empty((len(units), 0), np.int64), np.empty((len(units), 0), np.float32)
        self._index.expansion_search = expansion
        matches = self._index.search(units, min(count, len(self._index)), threads=self._threads)
        # One query alone comes back without the first axis, and without places that are empty.
        keys = np.atleast_2d(matches.keys).astype(np.int64)
        cosines = (1 - np.atleast_2d(matches.distances)).astype(np.float32)
        counts = np.atleast_1d(np.asarray(getattr(matches, "counts", keys.shape[1]), np.int64))
        keys[np.arange(keys.shape[1]) >= counts[:, None]] = -1
        return keys, cosines

    def _kept(self, wanted: dict[str, Any]) -> Any:
        """The index in the file, or None where it is not that of the data, or damaged."""
        usearch = _usearch()
        try:
            note = json.loads(self._note.read_text("utf-8"))
            if note != {**wanted, "index": _stamp(self._file)}:
                return None
            return usearch.Index.restore(str(self._file), view=True)
        except (OSError, ValueError, RuntimeError):
            return None

    def _build(self, wanted: dict[str, Any]) -> Any:
        index = _usearch().Index(
            ndim=self._table.dimension,
            metric="cos",
            dtype=wanted["precision"],
            expansion_add=_EXPANSION_ADD,
        )
        with _taking_the_place_of(self._file) as temporary:
            for rows, units in self._table.blocks("indexing"):
                if len(rows):
                    index.add(rows, units, threads=self._threads)
            try:
                index.save(str(temporary))
            except (RuntimeError, ValueError) as error:
                raise OutputError(f"cannot write {self._file}: {error}") from None
            # Of the very file that was written: another build may be going on beside this one.
            stamp = _stamp(temporary)
        write_json(self._note, {**wanted, "index": stamp})
        return index


def _usearch() -> Any:
    try:
        import usearch.index
    except ImportError:
        raise MissingExtraError(
            f"similarity among more than {EXACT_ROWS:,} pictures", "similar"
        ) from None
    return usearch.index


def _query_units(queries: np.ndarray, dimension: int) -> np.ndarray:
    if queries.ndim != 2 or queries.shape[1] != dimension:
        raise UsageError(
            f"a query of {queries.shape[-1]} numbers among features of {dimension}: they were made "
            "by different models"
        )
    units, good = unit_rows(queries.astype(np.float32, copy=False))
    if not good.all():
        raise UsageError("a query's features are all zeros, or not all finite")
    return units


def _nearest(rows: np.ndarray, cosines: np.ndarray, count: int) -> Neighbours:
    """The best of `cosines`, float32 (n,), that `rows`, int64 (n,), have."""
    # Rounded before they are ordered: copies are equals, whatever the last bit says.
    cosines = np.round(np.clip(cosines, -1, 1), 6)
    if count < len(rows):
        best = cosines >= np.partition(cosines, -count)[-count]
        rows, cosines = rows[best], cosines[best]
    order = np.lexsort((rows, -cosines))[:count]
    return Neighbours(rows[order], cosines[order])


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


@contextmanager
def _taking_the_place_of(path: Path) -> Iterator[Path]:
    """A temporary file that replaces `path` when the block succeeds, and is removed when not.

    Made first, so that a folder that cannot be written is found before the work is done.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)
