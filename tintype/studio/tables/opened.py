"""The tables that pages look at: found by their references, read once, forgotten when nobody asks."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from tintype.errors import RequestError
from tintype.files import write_bytes
from tintype.labelling.allowed_folders import AllowedFolders
from tintype.studio.tables.embedding_map import EmbeddingMap
from tintype.studio.tables.inspection import Inspection
from tintype.studio.tables.kept import Progress, Stage, kept_folder, key_of
from tintype.studio.tables.picture_table import PictureTable, TableFilter
from tintype.studio.tables.references import TableSource, named_table
from tintype.studio.tables.work import TableWork

__all__ = ["OpenTable", "Tables"]

# Tables whose columns are mapped at once.
_MOST_OPEN = 8

# Filters of a table whose rows are kept: pages of a grid ask for the same again and again.
_MOST_FILTERS = 16

# Rows of one selection.
_MOST_SELECTED = 100_000

Found = TypeVar("Found", Inspection, EmbeddingMap)


@dataclass
class OpenTable:
    """A table, and what was found out of it by now."""

    source: TableSource
    folder: Path
    table: PictureTable
    _filters: OrderedDict[tuple[TableFilter, str], np.ndarray] = field(default_factory=OrderedDict)
    _kept: dict[str, tuple[object, Inspection | EmbeddingMap]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def key(self) -> str:
        """Another one where the table was read anew: rows have other numbers then."""
        return key_of(self.folder)

    @property
    def inspection(self) -> Inspection | None:
        """None before it is done."""
        return self._made(Inspection, self.folder / "inspection" / "found.json")

    @property
    def map(self) -> EmbeddingMap | None:
        """None before there is a first one."""
        return self._made(EmbeddingMap, self.folder / "map" / "map.json")

    def rows(self, wanted: TableFilter, selection: str = "") -> np.ndarray:
        """The rows of a filter, int64 (m,), ascending.

        Raises:
            RequestError: 400, a label, split or selection that there is not.
        """
        inspection = self.inspection
        # What is damaged is another question once that is known.
        key = (wanted, f"{selection} {inspection is not None}")
        with self._lock:
            if key in self._filters:
                self._filters.move_to_end(key)
                return self._filters[key]
        if selection:
            wanted = replace(wanted, rows=tuple(self._selected(selection).tolist()))
        damaged = None if inspection is None else inspection.damaged_rows
        found = self.table.found(wanted, damaged)
        with self._lock:
            self._filters[key] = found
            while len(self._filters) > _MOST_FILTERS:
                self._filters.popitem(last=False)
        return found

    def fault(self, row: int) -> str | None:
        """Why the picture of a row cannot be shown, as far as it is known."""
        told = self.table.fault(row)
        if told is None and (inspection := self.inspection) is not None:
            return inspection.damaged.get(row)
        return told

    def select(self, rows: list[int]) -> str:
        """Keep a selection; gives the name that filters know it by.

        Raises:
            RequestError: 400, none, too many, or a row that there is not.
            OutputError: the cache cannot be written.
        """
        if not 0 < len(rows) <= _MOST_SELECTED:
            raise RequestError(f"{len(rows)} rows given; expected 1 to {_MOST_SELECTED}")
        numbers = np.unique(np.array(rows, np.int64))
        if numbers[0] < 0 or numbers[-1] >= len(self.table):
            raise RequestError(f"rows are 0 to {len(self.table) - 1}")
        name = hashlib.blake2b(numbers.tobytes(), digest_size=8).hexdigest()
        write_bytes(self.folder / "selections" / name, numbers.tobytes())
        return name

    def _selected(self, name: str) -> np.ndarray:
        known = len(name) == 16 and set(name) <= set("0123456789abcdef")
        path = self.folder / "selections" / name
        if not known or not path.is_file():
            raise RequestError(
                f"there is no selection {name!r} of this table; select anew", status=404
            )
        return np.fromfile(path, np.int64)

    def _made(self, kind: type[Found], path: Path) -> Found | None:
        try:
            stamp = path.stat().st_mtime_ns
        except OSError:
            return None
        known = self._kept.get(kind.__name__)
        if known is None or known[0] != stamp:
            try:
                known = (stamp, kind(self.folder))
            except (OSError, ValueError):
                # Just being replaced.
                return None
            self._kept[kind.__name__] = known
        found = known[1]
        assert isinstance(found, kind)
        return found


class Tables:
    """All tables of one studio."""

    def __init__(self, folders: AllowedFolders) -> None:
        self.folders = folders
        """Folders that may be looked at beside the workspace's own tables."""
        self.work = TableWork()
        self._opened: OrderedDict[str, OpenTable] = OrderedDict()
        self._lock = threading.Lock()

    def look(self, of: str) -> tuple[TableSource, Path, OpenTable | None]:
        """A table as its source is now, and the folder of what is known of it; it is read where it was not yet:
        None until then, and where it cannot be (`work.progress`).

        Raises:
            RequestError: 404, there is no such table.
            OutputError: the cache cannot be written.
        """
        source = named_table(of, self.folders)
        folder = kept_folder(source)
        with self._lock:
            known = self._opened.get(of)
            if known is not None and known.folder == folder:
                self._opened.move_to_end(of)
                return source, folder, known
        progress = self.work.progress("reading", folder)
        try:
            if progress is None or progress.state != "done":
                raise FileNotFoundError
            opened = OpenTable(source, folder, PictureTable(folder))
        except (OSError, ValueError, KeyError):
            if progress is None or progress.state == "done":
                self.work.begin("reading", source, folder)
            return source, folder, None
        with self._lock:
            self._opened[of] = opened
            while len(self._opened) > _MOST_OPEN:
                self._opened.popitem(last=False)
        return source, folder, opened

    def opened(self, of: str, key: str = "") -> OpenTable:
        """A table that was read.

        Args:
            key: of the answer that the row numbers of the request come from; "": of none.

        Raises:
            RequestError: 404, there is no such table; 409, it is not read yet, or was read anew since.
        """
        with self._lock:
            known = self._opened.get(of)
        if known is None or not known.folder.exists():
            known = self.look(of)[2]
        if known is None:
            raise RequestError("the table is being read; ask for it a little later", status=409)
        if key and key != known.key:
            raise RequestError("the table has changed since; load the page again", status=409)
        return known

    def progress(self, stage: Stage, folder: Path) -> Progress | None:
        """How far a piece of work on a table is."""
        return self.work.progress(stage, folder)

    def close(self) -> None:
        """End the work on tables."""
        self.work.close()
