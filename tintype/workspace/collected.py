"""What online deployments recorded of the pictures they were asked about: files below `<home>/collected/`.

    collected/<endpoint>/<deployment>/rows/<UTC time>-<process>-<number>.parquet
    collected/<endpoint>/<deployment>/pictures/<two digits>/<SHA-256>.<extension>

A picture that comes again is kept once. One process of a machine writes (endpoints/online/collecting/), each file
whole: the newest of a deployment is replaced by one with more rows. Anybody reads.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson

from tintype.errors import DataError
from tintype.files import write_bytes
from tintype.settings import get_settings

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "CollectedRow",
    "collected_folder",
    "is_collected",
    "read_collected",
    "rows_path",
    "table_of_rows",
    "write_picture",
    "write_rows",
    "write_table",
]

_ROWS, _PICTURES = "rows", "pictures"

_PLAIN = (
    "time",
    "request_id",
    "row",
    "endpoint",
    "deployment",
    "latency_ms",
    "picture",
    "label",
    "score",
)


# Columns of few different texts. Numbers would be written twice by a dictionary.
_REPEATED = ("endpoint", "deployment", "label", "labels")


@dataclass(frozen=True)
class CollectedRow:
    """One picture of one request."""

    time: datetime.datetime
    """UTC, when it was answered."""
    request_id: str
    row: int
    """Its place in the request."""
    endpoint: str
    deployment: str
    latency_ms: float
    """Of the request, in the instance."""
    picture: str | None = None
    """Path below the deployment's folder; None where pictures are not recorded."""
    label: str | None = None
    """The likeliest; None where answers are not recorded, and of embeddings."""
    score: float | None = None
    """Its probability."""
    labels: tuple[str, ...] | None = None
    """All classes, in the model's order, or those that the request named."""
    probabilities: Sequence[float] | np.ndarray | None = None
    """Of `labels`."""
    embedding: Sequence[float] | np.ndarray | None = None
    """The model's image features; None where they are not recorded."""


def collected_folder(endpoint: str, deployment: str | None = None) -> Path:
    """Of an endpoint, or of one of its deployments; may not be there."""
    folder = get_settings().home / "collected" / endpoint
    return folder if deployment is None else folder / deployment


def is_collected(path: Path) -> bool:
    """Whether `path` is a folder that `collected_folder` gives."""
    parts = _below_home(path)
    return parts is not None and len(parts) in (1, 2)


def write_picture(folder: Path, content: bytes, extension: str) -> str:
    """Keep a picture of a deployment; its path below `folder`, the deployment's.

    Raises:
        OutputError: the disk is full, or the folder cannot be written.
    """
    digest = hashlib.sha256(content).hexdigest()
    name = f"{_PICTURES}/{digest[:2]}/{digest}{extension}"
    path = folder / name
    try:
        # As new as the newest row that tells of it, so that it is kept as long.
        os.utime(path)
    except OSError:
        write_bytes(path, content, mode=0o600, survives_power_cut=False)
    return name


def write_rows(folder: Path, rows: Sequence[CollectedRow], number: int) -> Path:
    """Keep rows of a deployment in a file of their own.

    Args:
        number: of this process's files, each another.

    Raises:
        OutputError: the disk is full, or the folder cannot be written.
    """
    path = rows_path(folder, datetime.datetime.now(datetime.UTC), number)
    write_table(path, table_of_rows(rows))
    return path


def rows_path(folder: Path, began: datetime.datetime, number: int) -> Path:
    """A file of rows of a deployment, whose first came at `began`, in UTC; `number` is of this process's files."""
    return folder / _ROWS / f"{began:%Y%m%dT%H%M%S}-{os.getpid()}-{number}.parquet"


def table_of_rows(rows: Sequence[CollectedRow]) -> pa.Table:
    """Rows as they are kept."""
    import pyarrow as pa

    columns = {name: [getattr(row, name) for row in rows] for name in _PLAIN}
    # A thousand classes in each of a thousand rows: their names are written once, their numbers as they lie
    # in memory.
    texts = {labels: orjson.dumps(labels).decode() for labels in {row.labels for row in rows}}
    columns["labels"] = [None if row.labels is None else texts[row.labels] for row in rows]
    lists = {
        "probabilities": _lists([row.probabilities for row in rows]),
        "embedding": _lists([row.embedding for row in rows]),
    }
    return pa.table({**columns, **lists}, schema=_schema())


def write_table(path: Path, table: pa.Table) -> int:
    """Keep a table of rows as the file `path`; its bytes.

    Raises:
        OutputError: the disk is full, or the folder cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", use_dictionary=list(_REPEATED))
    content = sink.getvalue().to_pybytes()
    write_bytes(path, content, mode=0o600)
    return len(content)


def read_collected(folder: Path) -> Iterator[tuple[Path, CollectedRow]]:
    """Rows of an endpoint or of a deployment, the oldest file first, and the folder that pictures are below.

    Raises:
        DataError: a file cannot be read; names it.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Of a deployment, or of all of an endpoint's; pictures, of which there are many, are not looked through.
    found = [*folder.glob(f"{_ROWS}/*.parquet"), *folder.glob(f"*/{_ROWS}/*.parquet")]
    files = sorted(found, key=lambda path: path.name)
    for path in files:
        try:
            table = pq.read_table(path)
        except FileNotFoundError:
            # It has grown too old meanwhile.
            continue
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"cannot be read: {error}", file=path) from None
        labels: dict[str, tuple[str, ...]] = {}
        for row in table.to_pylist():
            text = row["labels"]
            if text is None:
                row["probabilities"] = None
            elif text not in labels:
                labels[text] = tuple(orjson.loads(text))
            yield path.parent.parent, CollectedRow(**{**row, "labels": labels.get(text)})


def _below_home(path: Path) -> tuple[str, ...] | None:
    with contextlib.suppress(ValueError, OSError):
        return path.resolve().relative_to((get_settings().home / "collected").resolve()).parts
    return None


def _lists(rows: Sequence[Sequence[float] | np.ndarray | None]) -> pa.Array:
    """A list of numbers in each row, or null."""
    import pyarrow as pa

    numbers = [np.asarray(() if row is None else row, np.float32) for row in rows]
    ends = np.cumsum([0, *map(len, numbers)]).astype(np.int32)
    missing = pa.array([row is None for row in rows])
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(np.concatenate(numbers)), mask=missing)


def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            ("time", pa.timestamp("us", tz="UTC")),
            ("request_id", pa.string()),
            ("row", pa.int32()),
            ("endpoint", pa.string()),
            ("deployment", pa.string()),
            ("latency_ms", pa.float32()),
            ("picture", pa.string()),
            ("label", pa.string()),
            ("score", pa.float32()),
            # A JSON array.
            ("labels", pa.dictionary(pa.int32(), pa.string())),
            ("probabilities", pa.list_(pa.float32())),
            ("embedding", pa.list_(pa.float32())),
        ]
    )
