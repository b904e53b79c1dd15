"""A deployment's rows in rolling files: one for each minute, hour or day, or for so many bytes."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tintype.workspace.collected import CollectedRow, rows_path, table_of_rows, write_table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["RollingRows"]

# The digits of a moment that two rows of one file have in common.
_PERIODS = {"minute": "%Y%m%d%H%M", "hour": "%Y%m%d%H", "day": "%Y%m%d"}

# A file is written anew with every part that is added: it must stay small.
_MOST_FILE_BYTES = 4 * 1024 * 1024


class RollingRows:
    """Adds rows to the newest file of one deployment. A reader finds each file whole: with more rows, another takes
    its name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._table: pa.Table | None = None
        self._path = folder
        self._period = ""
        self._files = self._size = 0

    def add(self, rows: Sequence[CollectedRow], period: str) -> int:
        """Add rows, one at least.

        Args:
            period: that a file covers: `minute`, `hour` or `day`.

        Returns:
            Bytes by which files grew.

        Raises:
            OutputError: the disk is full, or the folder cannot be written; files are as they were.
        """
        now = datetime.datetime.now(datetime.UTC)
        added = table_of_rows(rows)
        begins = f"{period} {now.strftime(_PERIODS[period])}"
        # A file that has been deleted must not come back.
        if self._table is None or begins != self._period or not self._path.exists():
            self._begin(now, begins)
        table = added if self._table is None else _joined(self._table, added)
        before = self._size
        self._size = write_table(self._path, table)
        # What is full goes on in another file.
        self._table = None if self._size >= _MOST_FILE_BYTES else table
        return self._size - before

    def _begin(self, now: datetime.datetime, period: str) -> None:
        self._files += 1
        self._path, self._period = rows_path(self._folder, now, self._files), period
        self._table, self._size = None, 0


def _joined(first: pa.Table, second: pa.Table) -> pa.Table:
    import pyarrow as pa

    return pa.concat_tables([first, second]).unify_dictionaries().combine_chunks()
