"""A table that was read: its columns on disk, looked at where a request needs them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tintype.errors import RequestError

__all__ = ["PictureTable", "TableFilter"]


@dataclass(frozen=True)
class TableFilter:
    """Which rows are wanted; what is None or empty leaves all."""

    labels: tuple[str, ...] = ()
    """One of these."""
    splits: tuple[str, ...] = ()
    predictions: tuple[str, ...] = ()
    wrong: bool = False
    """Only where the prediction is none of the labels."""
    least: float | None = None
    most: float | None = None
    """Confidence, 0 to 1, bounds included."""
    text: str = ""
    """In the name, in either case."""
    fault: bool | None = None
    rows: tuple[int, ...] | None = field(default=None, repr=False)
    """Ascending: a selection."""


class PictureTable:
    """The columns of a table; arrays are mapped from their files, so that opening one reads nothing."""

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            OSError, ValueError: it was not read yet, or is damaged.
        """
        document: dict[str, Any] = json.loads((folder / "rows.json").read_text("utf-8"))
        self.folder = folder
        self.classes: list[str] = document["classes"]
        self.splits: list[str] = document["splits"]
        self.notices: list[str] = document["notices"]
        self.multilabel: bool = document["multilabel"]
        self._files: list[str] = document["files"]
        self._faults: list[str] = document["faults"]
        self._length: int = document["rows"]

    def __len__(self) -> int:
        return self._length

    @cached_property
    def _names(self) -> Any:
        import pyarrow as pa

        return pa.ipc.open_file(pa.memory_map(str(self.folder / "names.arrow"))).read_all()

    @cached_property
    def _codes(self) -> np.ndarray:
        return self._column("codes")

    @cached_property
    def _ends(self) -> np.ndarray:
        return self._column("ends")

    @cached_property
    def _split(self) -> np.ndarray:
        return self._column("split")

    @cached_property
    def _prediction(self) -> np.ndarray:
        return self._column("prediction")

    @cached_property
    def confidence(self) -> np.ndarray:
        """float32 (n,): of the prediction; NaN where there is none."""
        return self._column("confidence")

    @cached_property
    def _fault(self) -> np.ndarray:
        return self._column("fault")

    @cached_property
    def has_predictions(self) -> bool:
        """Whether any row has one."""
        return bool((self._prediction >= 0).any())

    def location(self, row: int) -> str:
        """Absolute path or URL.

        Raises:
            RequestError: 404, there is no such row.
        """
        self._check(row)
        return os.fsdecode(self._names.column("location")[row].as_py())

    def name(self, row: int) -> str:
        """As it is shown."""
        return str(self._names.column("name")[row].as_py())

    def labels(self, row: int) -> list[str]:
        """The labels of a row; none where the table has none."""
        start = self._ends[row - 1] if row else 0
        return [self.classes[code] for code in self._codes[start : self._ends[row]]]

    def first_codes(self, rows: np.ndarray) -> np.ndarray:
        """int32 (m,): the place in `classes` of each row's first label; -1 where it has none."""
        starts = np.where(rows > 0, self._ends[rows - 1], 0)
        there = self._ends[rows] > starts
        found = np.full(len(rows), -1, np.int32)
        found[there] = self._codes[starts[there]]
        return found

    def split_codes(self, rows: np.ndarray) -> np.ndarray:
        """int32 (m,): places in `splits`; -1 where a row is of none."""
        return np.asarray(self._split[rows])

    def prediction_codes(self, rows: np.ndarray) -> np.ndarray:
        """int32 (m,): places in `classes`; -1 where nothing was predicted."""
        return np.asarray(self._prediction[rows])

    def fault(self, row: int) -> str | None:
        """Why the picture of a row cannot be shown, as far as reading the table told."""
        code = int(self._fault[row])
        return None if code < 0 else self._faults[code]

    def faulty(self) -> np.ndarray:
        """bool (n,): rows that have a `fault`."""
        return np.asarray(self._fault >= 0)

    def shown(self, row: int) -> dict[str, Any]:
        """A row as answers have it.

        Raises:
            RequestError: 404, there is no such row.
        """
        self._check(row)
        split, prediction = int(self._split[row]), int(self._prediction[row])
        confidence = float(self.confidence[row])
        return {
            "row": row,
            "name": self.name(row),
            "labels": self.labels(row),
            "split": None if split < 0 else self.splits[split],
            "prediction": None if prediction < 0 else self.classes[prediction],
            "confidence": None if np.isnan(confidence) else round(confidence, 4),
            "fault": self.fault(row),
        }

    def origin(self, row: int) -> tuple[str | None, int | None]:
        """The file and line (from 1) that a row was read from."""
        code = int(self._column("file")[row])
        line = int(self._column("line")[row])
        return (None if code < 0 else self._files[code]), line or None

    def found(self, wanted: TableFilter, damaged: np.ndarray | None = None) -> np.ndarray:
        """The rows of a filter, int64 (m,), ascending.

        Args:
            damaged: int64 (k,): rows that cannot be read beside those that reading told.

        Raises:
            RequestError: 400, a label or split that there is not.
        """
        keep = np.ones(len(self), bool)
        if wanted.rows is not None:
            keep[:] = False
            rows = np.array(wanted.rows, np.int64)
            keep[rows[(rows >= 0) & (rows < len(self))]] = True
        if wanted.splits:
            keep &= np.isin(self._split, _places(wanted.splits, self.splits, "split"))
        if wanted.predictions:
            codes = _places(wanted.predictions, self.classes, "label")
            keep &= np.isin(self._prediction, codes)
        if wanted.labels:
            keep &= self._with_labels(_places(wanted.labels, self.classes, "label"))
        if wanted.wrong:
            keep &= (self._prediction >= 0) & ~self._right()
        if wanted.least is not None or wanted.most is not None:
            least = -np.inf if wanted.least is None else wanted.least
            most = np.inf if wanted.most is None else wanted.most
            with np.errstate(invalid="ignore"):
                # As people read them: rounded as they are shown.
                shown = np.round(np.asarray(self.confidence), 4)
                keep &= (shown >= least) & (shown <= most)
        if wanted.fault is not None:
            faulty = self.faulty()
            if damaged is not None:
                faulty[damaged] = True
            keep &= faulty == wanted.fault
        if wanted.text:
            import pyarrow.compute as pc

            names = self._names.column("name")
            keep &= pc.match_substring(names, wanted.text, ignore_case=True).to_numpy()
        return np.flatnonzero(keep)

    def balance(self, rows: np.ndarray) -> np.ndarray:
        """int64 (classes,): how many of `rows` have each label."""
        chosen = np.zeros(len(self), bool)
        chosen[rows] = True
        return np.bincount(self._codes[chosen[self._owners()]], minlength=len(self.classes))

    def split_counts(self, rows: np.ndarray) -> dict[str, int]:
        """How many of `rows` are of each split."""
        codes = self._split[rows]
        counts = np.bincount(codes[codes >= 0], minlength=len(self.splits))
        return dict(zip(self.splits, counts.tolist(), strict=True))

    def _owners(self) -> np.ndarray:
        """int64 (labels,): the row of each entry of `codes`."""
        return np.repeat(np.arange(len(self)), np.diff(self._ends, prepend=0))

    def _with_labels(self, codes: np.ndarray) -> np.ndarray:
        keep = np.zeros(len(self), bool)
        keep[self._owners()[np.isin(self._codes, codes)]] = True
        return keep

    def _right(self) -> np.ndarray:
        owners = self._owners()
        right = np.zeros(len(self), bool)
        right[owners[self._codes == self._prediction[owners]]] = True
        return right

    def _check(self, row: int) -> None:
        if not 0 <= row < len(self):
            raise RequestError(f"there is no row {row}: the table has {len(self)}", status=404)

    def _column(self, name: str) -> np.ndarray:
        return np.load(self.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)


def _places(names: tuple[str, ...], known: list[str], what: str) -> np.ndarray:
    places = {name: place for place, name in enumerate(known)}
    for name in names:
        if name not in places:
            raise RequestError(f"the table has no {what} {name!r}")
    return np.array([places[name] for name in names])
