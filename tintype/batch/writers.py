"""Scored rows as files: Azure's CSV (docs/contracts.md §8.4), JSON lines, or Parquet.

A writer appends batches to one file; nothing of it is kept in memory.
"""

from __future__ import annotations

import csv
import io
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson

from tintype.batch.options import OutputFormat
from tintype.batch.scoring import Scored
from tintype.schemas.task import EMBEDDINGS
from tintype.scoring.results import Embedding, Prediction

__all__ = ["ENDINGS", "Width", "Writer", "csv_header", "open_writer"]

ENDINGS: dict[OutputFormat, str] = {"csv": ".csv", "jsonl": ".jsonl", "parquet": ".parquet"}

# Rows of a row group: a reader need not take in more at once.
_GROUP_ROWS = 512


@dataclass(frozen=True)
class Width:
    """How many numbers a row has, and what they are called."""

    labels: tuple[str, ...] | None = None
    """The classes; None where every input file may have its own, and for embeddings."""
    image_features: int | None = None
    """Numbers of an image's embedding; None where no row has one."""
    text_features: int | None = None
    """Likewise of a text's."""

    @property
    def embeddings(self) -> bool:
        """Whether rows are embeddings."""
        return self.image_features is not None or self.text_features is not None


class Writer(ABC):
    """Appends to a file that is not there before."""

    @abstractmethod
    def write(self, batch: Sequence[Scored]) -> None:
        """Append rows.

        Raises:
            OSError: the disk is full or gone.
        """

    @abstractmethod
    def close(self) -> None:
        """Have everything on the disk."""


def open_writer(path: Path, form: OutputFormat, width: Width) -> Writer:
    """A writer of `form` to the new file `path`.

    Raises:
        OSError: it cannot be written.
    """
    if form == "parquet":
        return _ParquetWriter(path, width)
    return _CsvWriter(path, width) if form == "csv" else _JsonlWriter(path)


def csv_header(task: str, *, images: bool, texts: bool) -> bytes:
    """The line with the names of the CSV's columns.

    Args:
        images: whether embeddings of images are among them; likewise `texts`.
    """
    if task != EMBEDDINGS:
        return b"row_number_per_file,preds,labels,file_name\n"
    features = ["image_features"] * images + ["text_features"] * texts
    return ",".join(["row_number_per_file", *features, "file_name"]).encode() + b"\n"


class _LinesWriter(Writer):
    """A file of lines."""

    def __init__(self, path: Path) -> None:
        self._stream: IO[bytes] = path.open("xb")

    def close(self) -> None:
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()


class _CsvWriter(_LinesWriter):
    """Rows that could be scored; the others stand in errors.jsonl."""

    def __init__(self, path: Path, width: Width) -> None:
        super().__init__(path)
        self._width = width
        self._labels: tuple[tuple[str, ...], str] = ((), "[]")

    def write(self, batch: Sequence[Scored]) -> None:
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        for scored in batch:
            if scored.error is not None:
                continue
            if isinstance(scored.result, Prediction):
                preds, labels = _numbers(scored.result.probs), self._list(scored.result.labels)
                writer.writerow([scored.number, preds, labels, scored.file])
            else:
                cells = [_numbers(each) for each in self._features(scored)]
                writer.writerow([scored.number, *cells, scored.file])
        self._stream.write(lines.getvalue().encode("utf-8"))

    def _features(self, scored: Scored) -> list[np.ndarray | None]:
        """What stands in the columns of features, of which a side that no row has is none."""
        columns: list[np.ndarray | None] = []
        if self._width.image_features is not None:
            columns.append(_image_features(scored))
        if self._width.text_features is not None:
            columns.append(scored.text_features)
        return columns

    def _list(self, labels: tuple[str, ...]) -> str:
        """Labels as the list that Python would print: what notebooks read with ast.literal_eval."""
        if labels is not self._labels[0]:
            self._labels = (labels, repr(list(labels)))
        return self._labels[1]


class _JsonlWriter(_LinesWriter):
    def write(self, batch: Sequence[Scored]) -> None:
        options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
        for scored in batch:
            self._stream.write(orjson.dumps(_object(scored), option=options))


def _object(scored: Scored) -> dict[str, Any]:
    line: dict[str, Any] = {"file_name": scored.file, "row": scored.number}
    if scored.location is not None:
        line["image"] = scored.location
    if scored.error is not None:
        line["error"] = scored.error
    elif isinstance(scored.result, Prediction):
        label, score = scored.result.top(1)[0]
        line |= {
            "label": label,
            "score": score,
            "probs": np.ascontiguousarray(scored.result.probs),
            "labels": scored.result.labels,
        }
    else:
        found = {"image_features": _image_features(scored), "text_features": scored.text_features}
        line |= {
            name: np.ascontiguousarray(each) for name, each in found.items() if each is not None
        }
    return line


def _image_features(scored: Scored) -> np.ndarray | None:
    """float32 (D,); None where the row has no image."""
    return scored.result.features if isinstance(scored.result, Embedding) else None


class _ParquetWriter(Writer):
    """Columns file_name, row, image, then label, score, probs (and labels) or features, then error."""

    def __init__(self, path: Path, width: Width) -> None:
        import pyarrow.parquet as pq

        self._width = width
        self._schema = _schema(width)
        text = [field.name for field in self._schema if str(field.type) == "string"]
        self._file = pq.ParquetWriter(
            path, self._schema, compression="zstd", use_dictionary=text, write_statistics=text
        )
        self._waiting: list[Scored] = []

    def write(self, batch: Sequence[Scored]) -> None:
        self._waiting += batch
        if len(self._waiting) >= _GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._file.close()
        with open(self._file.where, "rb") as stream:
            os.fsync(stream.fileno())

    def _flush(self) -> None:
        import pyarrow as pa

        rows, self._waiting = self._waiting, []
        if not rows:
            return
        columns: dict[str, Any] = {
            "file_name": [each.file for each in rows],
            "row": [each.number for each in rows],
            "image": [each.location for each in rows],
            "error": [each.error for each in rows],
        }
        if self._width.image_features is not None:
            images = [_image_features(each) for each in rows]
            columns["features"] = _vectors(images, self._width.image_features)
        if self._width.text_features is not None:
            texts = [each.text_features for each in rows]
            columns["text_features"] = _vectors(texts, self._width.text_features)
        if not self._width.embeddings:
            predictions = [
                each.result if isinstance(each.result, Prediction) else None for each in rows
            ]
            top = [each.top(1)[0] if each else (None, None) for each in predictions]
            columns["label"] = [label for label, _ in top]
            columns["score"] = [score for _, score in top]
            probs = [each.probs if each else None for each in predictions]
            if self._width.labels is not None:
                columns["probs"] = _vectors(probs, len(self._width.labels))
            else:
                columns["probs"] = probs
                columns["labels"] = [list(each.labels) if each else None for each in predictions]
        arrays = [
            value if isinstance(value, pa.Array) else pa.array(value, type=field.type)
            for field in self._schema
            for value in (columns[field.name],)
        ]
        self._file.write_table(pa.Table.from_arrays(arrays, schema=self._schema))


def _schema(width: Width) -> Any:
    import pyarrow as pa

    def vector(size: int) -> Any:
        return pa.list_(pa.float32(), size)

    fields = [("file_name", pa.string()), ("row", pa.int64()), ("image", pa.string())]
    if width.image_features is not None:
        fields.append(("features", vector(width.image_features)))
    if width.text_features is not None:
        fields.append(("text_features", vector(width.text_features)))
    if not width.embeddings:
        fields += [("label", pa.string()), ("score", pa.float32())]
        if width.labels is not None:
            fields.append(("probs", vector(len(width.labels))))
        else:
            fields += [("probs", pa.list_(pa.float32())), ("labels", pa.list_(pa.string()))]
    metadata = {} if width.labels is None else {"tintype.labels": json.dumps(width.labels)}
    return pa.schema([*fields, ("error", pa.string())], metadata=metadata)


def _vectors(rows: Sequence[np.ndarray | None], size: int) -> Any:
    """A fixed-size list of float32 a row; NaN where there is none.

    pyarrow writes a null among fixed-size lists, and then cannot read the file (apache/arrow#35692).
    """
    import pyarrow as pa

    empty = np.full(size, np.nan, np.float32)
    values = np.concatenate([empty if row is None else row for row in rows])
    return pa.FixedSizeListArray.from_arrays(pa.array(values, pa.float32()), size)


def _numbers(values: np.ndarray | None) -> str:
    """A list of float32, each with as many digits as tell it from every other; "" for None."""
    if values is None:
        return ""
    return orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY).decode()
