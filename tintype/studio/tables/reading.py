"""Reading a table once, into columns that any number of requests can look at without reading them whole."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tintype.batch.predictions import predicted_rows
from tintype.data.reading import open_image_source
from tintype.errors import DataError, UsageError
from tintype.files import write_json
from tintype.images.source import is_url
from tintype.labelling.allowed_folders import refuse_outside
from tintype.labelling.sources import SourcePicture, unlabelled_pictures
from tintype.studio.tables.references import TableSource

__all__ = ["read_table"]

_PART = 20_000

Tell = Callable[[int, int], None]


class _Row(NamedTuple):
    picture: SourcePicture
    split: str | None = None
    prediction: str | None = None
    confidence: float | None = None
    fault: str | None = None


def read_table(source: TableSource, folder: Path, tell: Tell) -> None:
    """Read `source` into `folder`; `tell(done, total)` is called now and then, `total` 0 where it is not known.

    Raises:
        DataError: names file, line and field of what cannot be used.
        OutputError: the cache cannot be written.
    """
    notices: list[str] = []
    columns = _Columns(folder)
    within = None if source.within is None else refuse_outside(source.within)
    for row in _rows(source, notices):
        if within is not None:
            within(row.picture)
        columns.add(row)
        if columns.count % _PART == 0:
            tell(columns.count, 0)
    if not columns.count:
        raise DataError("there is no picture in it", file=source.path or source.predictions)
    columns.close(notices)


def _rows(source: TableSource, notices: list[str]) -> Iterator[_Row]:
    predicted: dict[str, _Row] = {}
    if source.predictions is not None:
        if source.path is None:
            yield from _predictions(source.predictions)
            return
        predicted = {row.picture.location: row for row in _predictions(source.predictions)}
    for row in _pictures(source, notices):
        found = predicted.get(row.picture.location)
        if found is None:
            yield row
        else:
            yield row._replace(
                prediction=found.prediction,
                confidence=found.confidence,
                fault=found.fault or row.fault,
            )


def _pictures(source: TableSource, notices: list[str]) -> Iterator[_Row]:
    """Labelled pictures of all splits; of data without labels, the pictures."""
    path = source.path
    assert path is not None
    try:
        opened = open_image_source(path)
        tables = [
            (
                split,
                opened.read(
                    split,
                    task=None,
                    label_column=source.label_column,
                    image_column=source.image_column,
                    check_files=False,
                ),
            )
            for split in opened.parts or [None]
        ]
    except UsageError as error:
        try:
            without = list(unlabelled_pictures(path))
        except UsageError:
            raise error from None
        notices.append(f"Read without labels: {error}")
        for picture in without:
            yield _Row(picture, fault=_missing(picture.location))
        return
    notices.extend(opened.notices)
    root = f"{opened.path if opened.path.is_dir() else opened.path.parent}/"
    for split, table in tables:
        notices.extend(table.notices)
        for number in range(len(table)):
            location, label = table.location(number), table.label(number)
            file, line = table.origin(number)
            name = location.removeprefix(root)
            labels = tuple(label) if isinstance(label, list) else (label,)
            picture = SourcePicture(
                location,
                name,
                labels,
                None,
                file,
                line,
                "list" if isinstance(label, list) else None,
            )
            yield _Row(picture, split, fault=_missing(location))


def _missing(location: str) -> str | None:
    if is_url(location) or os.path.isfile(location):
        return None
    return "there is no such file"


def _predictions(folder: Path) -> Iterator[_Row]:
    for found in predicted_rows(folder):
        picture = SourcePicture(found.location, found.name, None, None, found.file, found.line)
        fault = found.fault or _missing(found.location)
        yield _Row(picture, None, found.label, found.score, fault)


class _Columns:
    """Columns of rows in the making, some thousand rows of names at a time."""

    def __init__(self, folder: Path) -> None:
        import pyarrow as pa

        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self.count = folder, 0
        self._codes = array("i")
        self._ends = array("q")
        self._small: dict[str, array[Any]] = {
            name: array("f" if name == "confidence" else "i")
            for name in ("split", "prediction", "confidence", "line", "file", "fault")
        }
        self._words: dict[str, dict[str, int]] = {
            name: {} for name in ("class", "split", "file", "fault")
        }
        self._multilabel = False
        self._names: list[tuple[bytes, str]] = []
        self._schema = pa.schema([("location", pa.binary()), ("name", pa.string())])
        self._sink = pa.OSFile(str(folder / "names.arrow"), "wb")
        self._writer = pa.ipc.new_file(self._sink, self._schema)

    def add(self, row: _Row) -> None:
        picture = row.picture
        self._names.append((os.fsencode(picture.location), _shown(picture.name)))
        self._codes.extend(self._code("class", label) for label in picture.labels or ())
        self._ends.append(len(self._codes))
        self._multilabel |= picture.field == "list"
        small = self._small
        small["split"].append(self._code("split", row.split))
        small["prediction"].append(self._code("class", row.prediction))
        small["confidence"].append(np.nan if row.confidence is None else row.confidence)
        small["line"].append(picture.line or 0)
        small["file"].append(self._code("file", picture.file))
        small["fault"].append(self._code("fault", row.fault))
        self.count += 1
        if len(self._names) >= _PART:
            self._flush()

    def close(self, notices: list[str]) -> None:
        self._flush()
        self._writer.close()
        self._sink.close()
        # In the order of their names, whatever order the rows have.
        classes = sorted(self._words["class"])
        place = np.zeros(len(classes) + 1, np.int32)
        place[-1] = -1
        for code, name in enumerate(classes):
            place[self._words["class"][name]] = code
        self._save("codes", place[np.array(self._codes, np.int32)])
        self._save("ends", np.array(self._ends, np.int64))
        self._save("prediction", place[np.array(self._small["prediction"], np.int32)])
        self._save("confidence", np.array(self._small["confidence"], np.float32))
        for name in ("split", "line", "file", "fault"):
            self._save(name, np.array(self._small[name], np.int32))
        document = {
            "rows": self.count,
            "multilabel": self._multilabel,
            "classes": [_shown(name) for name in classes],
            "splits": list(self._words["split"]),
            "files": [_shown(name) for name in self._words["file"]],
            "faults": [_shown(name) for name in self._words["fault"]],
            "notices": [_shown(notice) for notice in dict.fromkeys(notices)],
        }
        # Last: with it the table is there.
        write_json(self._folder / "rows.json", document)

    def _code(self, column: str, word: str | None) -> int:
        if word is None:
            return -1
        words = self._words[column]
        return words.setdefault(word, len(words))

    def _flush(self) -> None:
        import pyarrow as pa

        if self._names:
            locations, names = zip(*self._names, strict=True)
            arrays = [pa.array(locations, pa.binary()), pa.array(names, pa.string())]
            self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
            self._names = []

    def _save(self, name: str, column: np.ndarray) -> None:
        np.save(self._folder / f"{name}.npy", column, allow_pickle=False)


def _shown(text: str) -> str:
    """Text that JSON and Arrow can hold: a file name may be no UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")
