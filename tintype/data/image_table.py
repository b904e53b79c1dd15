"""ImageTable: rows of image reference and labels, kept in a few flat arrays.

A million rows take well under 100 MB: names lie in one byte string, folders are stored once, and
labels are small integers.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tintype.data.groups import joined_groups
from tintype.errors import DataError, nearest
from tintype.schemas.task import MULTICLASS, MULTILABEL, ClassificationTask

__all__ = ["ImageTable", "ImageTableBuilder"]

Label = str | list[str]


@dataclass(frozen=True)
class _Columns:
    """The shared storage of a table and all its selections; one entry per row as read."""

    folders: tuple[str, ...]
    folder_codes: np.ndarray  # int32 (n,)
    names: bytes
    name_ends: np.ndarray  # int64 (n,): names[name_ends[i - 1]:name_ends[i]] is row i's
    files: tuple[str, ...]
    file_codes: np.ndarray  # int32 (n,)
    lines: np.ndarray  # int32 (n,), 0 where a row has no line
    label_codes: np.ndarray  # int32 (m,), all rows' labels behind one another
    label_ends: np.ndarray  # int64 (n,)
    groups: tuple[str, ...] = ()
    group_codes: np.ndarray | None = None  # int32 (n,), -1 where a row is of no group
    alike_codes: np.ndarray | None = None  # int32 (n,), one number for near-duplicates


class ImageTable:
    """Rows of image reference and label(s). Immutable; selections share storage."""

    def __init__(
        self,
        columns: _Columns,
        task: ClassificationTask | None,
        classes: tuple[str, ...],
        rows: np.ndarray,
        label_column: str,
        notices: tuple[str, ...] = (),
    ) -> None:
        """Made by `read_image_table` and by the methods below, not by hand."""
        self._columns = columns
        self._rows = rows
        self.task = task
        """None where the rows carry no labels."""
        self.classes = classes
        """Sorted; a label's code is its position here."""
        self.label_column = label_column
        """What the source calls the label, for messages."""
        self.notices = notices
        """What people should know of how it was read, a sentence each."""

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"ImageTable({len(self)} rows, {len(self.classes)} classes, task={self.task!r})"

    def location(self, row: int) -> str:
        """Where the image of `row` is: an absolute local path, or an http(s) URL."""
        source = self._rows[row]
        columns = self._columns
        start = columns.name_ends[source - 1] if source else 0
        name = columns.names[start : columns.name_ends[source]].decode("utf-8", "surrogateescape")
        return columns.folders[columns.folder_codes[source]] + name

    def locations(self, rows: Sequence[int] | np.ndarray | None = None) -> Iterator[str]:
        """`location` of each of `rows` (None: all), one after another."""
        for row in range(len(self)) if rows is None else rows:
            yield self.location(int(row))

    def label(self, row: int) -> Label:
        """The label of `row` (multi-class), or its labels in the order given (multi-label)."""
        names = [self.classes[code] for code in self._codes(self._rows[row])]
        return names if self.task == MULTILABEL else names[0]

    def targets(self, rows: np.ndarray | None = None) -> np.ndarray:
        """Labels of `rows` (None: all) as a model learns them.

        Returns:
            int64 (n,) class codes (multi-class), or float32 (n, classes) of 0 and 1 (multi-label).
        """
        sources = self._rows if rows is None else self._rows[rows]
        columns = self._columns
        ends = columns.label_ends[sources]
        if self.task != MULTILABEL:
            return columns.label_codes[ends - 1].astype(np.int64)
        starts = np.where(sources > 0, columns.label_ends[sources - 1], 0)
        counts = ends - starts
        row_numbers = np.repeat(np.arange(len(sources)), counts)
        first = np.repeat(starts - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        codes = columns.label_codes[first + np.arange(len(row_numbers))]
        targets = np.zeros((len(sources), len(self.classes)), np.float32)
        targets[row_numbers, codes] = 1.0
        return targets

    def class_counts(self) -> np.ndarray:
        """Rows carrying each class: int64 (classes,)."""
        if self.task == MULTILABEL:
            # In parts: a million rows of a thousand classes would not fit at once.
            counts = np.zeros(len(self.classes), np.int64)
            for start in range(0, len(self), 10_000):
                part = np.arange(start, min(start + 10_000, len(self)))
                counts += self.targets(part).sum(0).astype(np.int64)
            return counts
        return np.bincount(self.targets(), minlength=len(self.classes))

    @property
    def groups(self) -> np.ndarray | None:
        """int64 (n,): rows that belong together have one number; None where nothing is said of
        that.

        A row without a group has a number of its own.
        """
        if self._columns.group_codes is None:
            return None
        codes = self._columns.group_codes[self._rows].astype(np.int64)
        return np.where(codes < 0, len(self._columns.groups) + self._rows, codes)

    @property
    def looked_for_near_duplicates(self) -> bool:
        """Whether `with_near_duplicates` has said of them, even that there are none."""
        return self._columns.alike_codes is not None

    @property
    def together(self) -> np.ndarray | None:
        """int64 (n,): rows that belong on one side of every split have one number, those of a group
        and near-duplicates; None where all rows stand by themselves and nothing is said of groups."""
        groups = self.groups
        if self._columns.alike_codes is None:
            return groups
        alike = self._columns.alike_codes[self._rows].astype(np.int64)
        if len(np.unique(alike)) == len(np.unique(self._rows)):
            return groups
        return alike if groups is None else joined_groups(alike, groups)

    def group_names(self) -> list[str]:
        """Names of the groups that rows have, sorted."""
        if self._columns.group_codes is None:
            return []
        codes = np.unique(self._columns.group_codes[self._rows])
        return sorted(self._columns.groups[code] for code in codes if code >= 0)

    def origin(self, row: int) -> tuple[str, int | None]:
        """The file and line (from 1; None for class folders) that `row` was read from."""
        source = self._rows[row]
        line = int(self._columns.lines[source])
        return self._columns.files[self._columns.file_codes[source]], line or None

    def select(self, rows: np.ndarray) -> ImageTable:
        """The table of `rows` (int (n,)) in that order, with the same classes."""
        chosen = self._rows[np.asarray(rows, dtype=np.int64)]
        return self._with(self._columns, self.classes, chosen)

    def is_of_one_table_with(self, other: ImageTable) -> bool:
        """Whether both are selections of one table, as the two sides of a split are."""
        return self._columns is other._columns

    def joined_with(self, other: ImageTable) -> ImageTable:
        """The rows of this table and, after them, of `other`.

        Raises:
            ValueError: they are not of one table.
        """
        if not self.is_of_one_table_with(other):
            raise ValueError("only selections of one table can be joined")
        return self._with(self._columns, self.classes, np.concatenate([self._rows, other._rows]))

    def with_classes(self, classes: Sequence[str]) -> ImageTable:
        """The same rows with labels coded by `classes`.

        Raises:
            DataError: a row carries a label that is not among them; names its file and line.
        """
        classes = tuple(classes)
        if classes == self.classes:
            return self
        places = {name: code for code, name in enumerate(classes)}
        recode = np.array([places.get(name, -1) for name in self.classes], np.int32)
        for code in np.flatnonzero(recode < 0):
            row = self._first_row_with(int(code))
            if row is not None:
                file, line = self.origin(row)
                name = self.classes[code]
                raise DataError(
                    f"{name!r} is not among the {len(classes)} training labels."
                    f"{nearest(name, classes)} Add training images of it, or remove the row",
                    file=file,
                    line=line,
                    field=self.label_column,
                )
        columns = _Columns(
            **{**self._columns.__dict__, "label_codes": recode[self._columns.label_codes]}
        )
        return self._with(columns, classes, self._rows)

    def with_near_duplicates(self, series: np.ndarray) -> ImageTable:
        """The same table, knowing which of its rows are nearly the same.

        Args:
            series: int64 (n,), 0 to n - 1: near-duplicates have one number.
        """
        codes = np.arange(len(self._columns.lines), dtype=np.int32)
        # Numbers of rows as read, so that those of other rows stay free.
        first = np.full(len(series), np.iinfo(np.int32).max, np.int32)
        np.minimum.at(first, series, self._rows.astype(np.int32))
        codes[self._rows] = first[series]
        columns = _Columns(**{**self._columns.__dict__, "alike_codes": codes})
        return self._with(columns, self.classes, self._rows)

    def with_notices(self, notices: Sequence[str]) -> ImageTable:
        """The same table with `notices` before its own."""
        together = (*notices, *self.notices)
        return ImageTable(
            self._columns, self.task, self.classes, self._rows, self.label_column, together
        )

    def _with(self, columns: _Columns, classes: tuple[str, ...], rows: np.ndarray) -> ImageTable:
        return ImageTable(columns, self.task, classes, rows, self.label_column, self.notices)

    def _codes(self, source: int) -> np.ndarray:
        start = self._columns.label_ends[source - 1] if source else 0
        return self._columns.label_codes[start : self._columns.label_ends[source]]

    def _first_row_with(self, code: int) -> int | None:
        for row, source in enumerate(self._rows):
            if code in self._codes(source):
                return row
        return None


class ImageTableBuilder:
    """Collects rows into flat arrays as they are read."""

    def __init__(self, task: ClassificationTask | None, label_column: str) -> None:
        """`task` None: decided by the first row's label, a string or a list."""
        self.task = task
        self._numbers = ""
        self._label_column = label_column
        self._folders: dict[str, int] = {}
        self._folder_codes = array("i")
        self._names = bytearray()
        self._name_ends = array("q")
        self._files: dict[str, int] = {}
        self._file_codes = array("i")
        self._lines = array("i")
        self._classes: dict[str, int] = {}
        self._label_codes = array("i")
        self._label_ends = array("q")
        self._groups: dict[str, int] = {}
        self._group_codes = array("i")

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def group_count(self) -> int:
        """Different groups so far."""
        return len(self._groups)

    @property
    def grouped_rows(self) -> int:
        """Rows that have a group, so far."""
        return len(self) - self._group_codes.count(-1)

    def drop_groups(self) -> None:
        """Forget them."""
        self._groups.clear()

    def add(
        self, location: str, label: object, file: str, line: int, group: str | None = None
    ) -> None:
        """Append one row; `line` 0 means the source has no lines.

        Raises:
            DataError: the label is not of the task's type.
        """
        labels = self._checked(label, file, line)
        cut = location.rfind("/") + 1
        folder = location[:cut]
        self._folder_codes.append(self._folders.setdefault(folder, len(self._folders)))
        self._names += location[cut:].encode("utf-8", "surrogateescape")
        self._name_ends.append(len(self._names))
        self._file_codes.append(self._files.setdefault(file, len(self._files)))
        self._lines.append(line)
        classes = self._classes
        for name in labels:
            self._label_codes.append(classes.setdefault(name, len(classes)))
        self._label_ends.append(len(self._label_codes))
        code = -1 if group is None else self._groups.setdefault(group, len(self._groups))
        self._group_codes.append(code)

    def build(self, notices: Sequence[str] = ()) -> ImageTable:
        """The table of all rows added, with classes sorted.

        Args:
            notices: what people should know of how the rows were read.
        """
        classes = tuple(sorted(self._classes))
        recode = np.zeros(max(len(classes), 1), np.int32)
        for code, name in enumerate(classes):
            recode[self._classes[name]] = code
        columns = _Columns(
            folders=tuple(self._folders),
            folder_codes=_numpy(self._folder_codes, np.int32),
            names=bytes(self._names),
            name_ends=_numpy(self._name_ends, np.int64),
            files=tuple(self._files),
            file_codes=_numpy(self._file_codes, np.int32),
            lines=_numpy(self._lines, np.int32),
            label_codes=recode[_numpy(self._label_codes, np.int32)],
            label_ends=_numpy(self._label_ends, np.int64),
            groups=tuple(self._groups),
            group_codes=_numpy(self._group_codes, np.int32) if self._groups else None,
        )
        rows = np.arange(len(self))
        told = (*notices, self._numbers) if self._numbers else tuple(notices)
        return ImageTable(columns, self.task, classes, rows, self._label_column, told)

    def _checked(self, label: object, file: str, line: int) -> list[str]:
        if self.task is None:
            self.task = MULTILABEL if isinstance(label, list) else MULTICLASS
        if self.task == MULTICLASS:
            # The usual case, before anything is called.
            name = label if isinstance(label, str) else self._text(label, file, line)
            if name:
                return [name]
            raise self._wrong(f"{_shown(label)} given; expected a non-empty string", file, line)
        if not isinstance(label, list):
            raise self._wrong(
                f"{_shown(label)} given; expected a list of strings (one label: [{_shown(label)}])",
                file,
                line,
            )
        names = []
        for item in label:
            name = self._text(item, file, line)
            if not name:
                raise self._wrong(
                    f"the list holds {_shown(item)}; expected non-empty strings", file, line
                )
            names.append(name)
        return list(dict.fromkeys(names))

    def _text(self, label: object, file: str, line: int) -> str:
        """`label` where it is text or a whole number; "" where it is neither."""
        if isinstance(label, str):
            return label
        if not isinstance(label, int | float):
            return ""
        if isinstance(label, bool):
            # As the document has it, not as Python would write it.
            text = str(label).lower()
        elif math.isfinite(label) and label == int(label):
            text = str(int(label))
        else:
            raise self._wrong(
                f"{label} given; a number that is not whole is no label. Write a string, such as "
                f'"{label}", if it is meant as a name',
                file,
                line,
            )
        if not self._numbers:
            where = f"{file}:{line}" if line else file
            self._numbers = (
                f"{where}: {self._label_column}: labels that are numbers or booleans are taken as "
                f'text, {_shown(label)} as "{text}"'
            )
        return text

    def _wrong(self, message: str, file: str, line: int) -> DataError:
        return DataError(
            f"{message} for task {self.task}",
            file=file,
            line=line or None,
            field=self._label_column,
        )


def _numpy(values: array, kind: type) -> np.ndarray:
    return np.frombuffer(values, dtype=kind).copy() if len(values) else np.zeros(0, kind)


def _shown(value: object) -> str:
    text = repr(value) if not isinstance(value, str) else f'"{value}"'
    return text if len(text) <= 60 else text[:57] + "..."
