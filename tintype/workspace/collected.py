"""What online deployments recorded of the pictures they were asked about: files below `<home>/collected/`.

    collected/<endpoint>/<deployment>/rows/<UTC time>-<process>-<number>.parquet
    collected/<endpoint>/<deployment>/pictures/<two digits>/<SHA-256>.<extension>

A picture that comes again is kept once. Instances write, each files of its own; anybody reads.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import time
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
    "prune",
    "read_collected",
    "write_picture",
    "write_rows",
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
    import pyarrow as pa
    import pyarrow.parquet as pq

    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S")
    path = folder / _ROWS / f"{stamp}-{os.getpid()}-{number}.parquet"
    columns = {name: [getattr(row, name) for row in rows] for name in _PLAIN}
    # A thousand classes in each of a thousand rows: their names are written once, their numbers as they lie
    # in memory.
    texts = {labels: orjson.dumps(labels).decode() for labels in {row.labels for row in rows}}
    columns["labels"] = [None if row.labels is None else texts[row.labels] for row in rows]
    numbers = [np.asarray(() if row.probabilities is None else row.probabilities) for row in rows]
    ends = np.cumsum([0, *map(len, numbers)]).astype(np.int32)
    lists = pa.ListArray.from_arrays(
        pa.array(ends), pa.array(np.concatenate(numbers).astype(np.float32))
    )
    table = pa.table({**columns, "probabilities": lists}, schema=_schema())
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    write_bytes(path, sink.getvalue().to_pybytes(), mode=0o600)
    return path


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


def prune(folder: Path, *, days: float, most_bytes: int) -> int:
    """Delete what of a deployment is older than so many days, and the oldest of what is more than so many bytes.

    Returns:
        How many files were deleted.
    """
    files = []
    for path in folder.glob("**/*"):
        with contextlib.suppress(OSError):
            status = path.stat()
            # Not a file that is being written.
            if path.is_file() and not path.name.startswith("."):
                files.append((status.st_mtime, status.st_size, path))
    files.sort(key=lambda file: file[0], reverse=True)
    oldest, total, deleted = time.time() - days * 86_400, 0, 0
    for modified, size, path in files:
        total += size
        if modified < oldest or total > most_bytes:
            path.unlink(missing_ok=True)
            deleted += 1
    return deleted


def _below_home(path: Path) -> tuple[str, ...] | None:
    with contextlib.suppress(ValueError, OSError):
        return path.resolve().relative_to((get_settings().home / "collected").resolve()).parts
    return None


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
        ]
    )
