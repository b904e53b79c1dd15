"""Embeddings that a batch run wrote to Parquet: read in batches, and single rows by their number."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tintype.errors import DataError, UsageError
from tintype.progress import track

__all__ = ["EmbeddingTable", "TableRow", "unit_rows"]

_BATCH = 8192  # rows held at once
_NAMING = ("file_name", "row", "image", "error")
_HOW = "tintype batch --task embeddings ... (output in Parquet)"


@dataclass(frozen=True)
class TableRow:
    """What is known of a row beside its features."""

    row: int
    """Its number in the whole table, over all files in the order of their names."""

    file_name: str
    """The input file that it came from."""

    file_row: int
    """Its number in that input file."""

    image: str | None
    """Absolute path or URL of the picture; None where it was sent inline."""

    error: str | None
    """Why the picture could not be read; None where it could."""


class EmbeddingTable:
    """The Parquet files of one batch run as one table; nothing but their footers is kept."""

    def __init__(
        self, path: Path, base: Path, files: Sequence[tuple[Path, tuple[int, ...]]], dimension: int
    ) -> None:
        """Prefer `EmbeddingTable.open`."""
        self.path = path
        """As it was given."""
        self.base = base
        """What files that are kept beside the data begin with: `base` + `.usearch`."""
        self.dimension = dimension
        """D: numbers in each row of features."""
        self._files = files
        self.rows = sum(sum(sizes) for _, sizes in files)
        """Rows of all files, those without features included."""

    @classmethod
    def open(cls, path: str | Path) -> EmbeddingTable:
        """Find the Parquet files and check their columns.

        Args:
            path: the folder of a batch run, its folder `predictions`, or one Parquet file.

        Raises:
            UsageError: there are none, they hold no features, or features of several widths.
            DataError: one is damaged.
        """
        path = Path(path).expanduser()
        files, base = _find_files(path)
        parts = [(file, *_read_footer(file)) for file in files]
        known = [(file, width) for file, _, width in parts if width]
        if not known:
            raise UsageError(f"no row of {path} has features: no picture could be read")
        first, dimension = known[0]
        for file, width in known:
            if width != dimension:
                raise UsageError(
                    f"features of {width} numbers in {file}, of {dimension} in {first}: "
                    "they were made by different models"
                )
        return cls(path, base, [(file, sizes) for file, sizes, _ in parts], dimension)

    def fingerprint(self) -> dict[str, Any]:
        """What tells the data as they are now from what they were, as JSON has it."""
        stats = [(path.name, path.stat()) for path, _ in self._files]
        return {
            "files": [[name, status.st_size, status.st_mtime_ns] for name, status in stats],
            "dimension": self.dimension,
        }

    def blocks(self, description: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All features, some thousand rows at a time, with a progress bar.

        Yields:
            Row numbers, int64 (n,), ascending, and their features scaled to length 1, float32
            (n, D). Rows without features, of zeros, or with NaN or infinity are left out.
        """
        total = sum(math.ceil(size / _BATCH) for _, sizes in self._files for size in sizes)
        for first, batch in track(self._batches(["features"]), description, total):
            rows, features = self._features(first, batch)
            units, good = unit_rows(features)
            yield rows[good], units

    def features_at(self, rows: np.ndarray) -> np.ndarray:
        """Features of `rows`, int64 (n,), in their order: float32 (n, D) of length 1.

        Raises:
            UsageError: there is no such row, or it has no features.
        """
        self._check_rows(rows)
        found = np.zeros((len(rows), self.dimension), np.float32)
        usable = np.zeros(len(rows), bool)
        for first, batch in self._batches(["features"], rows):
            here, features = self._features(first, batch)
            units, good = unit_rows(features)
            here = here[good]
            wanted = np.flatnonzero(np.isin(rows, here))
            found[wanted] = units[np.searchsorted(here, rows[wanted])]
            usable[wanted] = True
        if not usable.all():
            row = self.rows_at(rows[~usable][:1])[0]
            reason = row.error or "they are all zeros, or not all finite"
            raise UsageError(f"row {row.row} ({row.file_name}) has no usable features: {reason}")
        return found

    def rows_at(self, rows: np.ndarray) -> list[TableRow]:
        """Names and places of `rows`, int64 (n,), in their order.

        Raises:
            UsageError: there is no such row.
        """
        self._check_rows(rows)
        by_number: dict[int, TableRow] = {}
        for first, batch in self._batches(list(_NAMING), rows):
            inside = np.unique(rows[(rows >= first) & (rows < first + len(batch))])
            columns = [batch.column(name).take(inside - first).to_pylist() for name in _NAMING]
            for row, values in zip(inside.tolist(), zip(*columns, strict=True), strict=True):
                by_number[row] = TableRow(row, *values)
        return [by_number[row] for row in rows.tolist()]

    def _check_rows(self, rows: np.ndarray) -> None:
        for row in rows[(rows < 0) | (rows >= self.rows)].tolist():
            raise UsageError(f"there is no row {row}: {self.path} has {self.rows} rows, from 0")

    def _batches(
        self, columns: list[str], wanted: np.ndarray | None = None
    ) -> Iterator[tuple[int, Any]]:
        """(number of the first row, pyarrow.RecordBatch), of row groups with `wanted` rows."""
        ordered = None if wanted is None else np.unique(wanted)
        first = 0
        for path, sizes in self._files:
            if not _any_within(ordered, first, first + sum(sizes)):
                first += sum(sizes)
                continue
            with _opened(path) as file:
                for group, size in enumerate(sizes):
                    start = first
                    first += size
                    if not _any_within(ordered, start, first):
                        continue
                    for batch in file.iter_batches(_BATCH, row_groups=[group], columns=columns):
                        yield start, batch
                        start += len(batch)

    def _features(self, first: int, batch: Any) -> tuple[np.ndarray, np.ndarray]:
        """Row numbers, int64 (n,), and features, float32 (n, D), of rows where they are not null."""
        column = batch.column("features")
        rows = first + np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
        if not hasattr(column.type, "list_size"):
            lengths = column.drop_null().value_lengths().to_numpy(zero_copy_only=False)
            if (lengths != self.dimension).any():
                row = int(rows[lengths != self.dimension][0])
                raise UsageError(f"row {row} of {self.path} has not {self.dimension} features")
        values = column.flatten().to_numpy(zero_copy_only=False)
        return rows, values.reshape(len(rows), self.dimension)


def unit_rows(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scale rows to length 1.

    Args:
        features: float32 (n, D).

    Returns:
        float32 (m, D), the rows that have a direction; and which they are, bool (n,): the others
        are zeros, or hold NaN or infinity.
    """
    largest = np.abs(features).max(1)
    good = np.isfinite(largest) & (largest > 0)
    # By the largest first: squares of very large or small numbers leave the range of float32.
    scaled = features[good] / largest[good, None]
    return scaled / np.linalg.norm(scaled, axis=1, keepdims=True), good


def _find_files(path: Path) -> tuple[list[Path], Path]:
    """The Parquet files in the order of their names, and what is kept beside them is called."""
    if path.is_file():
        return [path], path.with_name(f"{path.name}.similar")
    if not path.is_dir():
        raise UsageError(f"{path}: no such file or folder; make one with: {_HOW}")
    inner = path / "predictions"
    folder = inner if inner.is_dir() else path
    # The folder of a run and its `predictions` are one: they share what is kept.
    whole_run = folder.name == "predictions" and (folder.parent / "summary.json").is_file()
    root = folder.parent if whole_run else path
    files = sorted(file for file in folder.glob("*.parquet") if not file.name.startswith("."))
    if not files:
        raise UsageError(f"{folder} has no .parquet files; make them with: {_HOW}")
    return files, root / "similar"


def _read_footer(path: Path) -> tuple[tuple[int, ...], int]:
    """Rows of each row group, and D; 0 where no row tells.

    Raises:
        UsageError: the columns are not those of embeddings.
        DataError: not Parquet, or damaged.
    """
    import pyarrow

    with _opened(path) as file:
        schema = file.schema_arrow
        if "features" not in schema.names:
            raise UsageError(f"{path} has no column 'features'; embeddings are made with: {_HOW}")
        kind = schema.field("features").type
        lists = pyarrow.types.is_list(kind) or pyarrow.types.is_fixed_size_list(kind)
        if not lists or kind.value_type != pyarrow.float32():
            raise UsageError(
                f"{path}: column 'features' is {kind}; expected lists of float32, as this writes "
                f"them: {_HOW}"
            )
        missing = [name for name in _NAMING if name not in schema.names]
        if missing:
            raise UsageError(
                f"{path} has no column {missing[0]!r}; expected what this makes: {_HOW}"
            )
        groups = range(file.metadata.num_row_groups)
        sizes = tuple(file.metadata.row_group(group).num_rows for group in groups)
        if pyarrow.types.is_fixed_size_list(kind):
            return sizes, kind.list_size
        for batch in file.iter_batches(64, columns=["features"]):
            lengths = batch.column("features").drop_null().value_lengths()
            if len(lengths):
                return sizes, lengths[0].as_py()
        return sizes, 0


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file as a pyarrow.parquet.ParquetFile.

    Raises:
        DataError: not Parquet, or damaged.
    """
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            yield file
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).strip().splitlines()
        raise DataError(
            f"cannot be read as Parquet: {reason[0] if reason else type(error).__name__}",
            file=path,
        ) from None


def _any_within(ordered: np.ndarray | None, start: int, end: int) -> bool:
    """Whether one of the ascending numbers lies in [start, end); None stands for all numbers."""
    if ordered is None:
        return True
    before, until = np.searchsorted(ordered, (start, end))
    return bool(before < until)
