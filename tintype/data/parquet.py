"""Parquet and Arrow files of labelled images, as Hugging Face's datasets write them.

A table of images holds places, so the pictures in a file are written out once, into the workspace's
cache, under the file's digest.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tintype.data.columns import ImageColumns, choose_columns, features_of
from tintype.data.digests import digest_of_file
from tintype.data.folders import IMAGE_ENDINGS
from tintype.data.locations import resolve_location
from tintype.data.rows import Reading, Row
from tintype.data.unpacking import UnpackingBudget
from tintype.errors import DataError
from tintype.files import folder_made_once
from tintype.progress import counting
from tintype.settings import get_settings

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TABLE_ENDINGS", "read_table_rows"]

TABLE_ENDINGS = (".parquet", ".arrow")

# Rows held at once: with their pictures, and without.
_PICTURES = 64
_ROWS = 8192

# Files in one folder of the cache.
_IN_FOLDER = 10_000

_MAGIC = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG", ".png"),
    (b"RIFF", ".webp"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
)


def read_table_rows(path: Path, reading: Reading, features: dict[str, Any]) -> Iterator[Row]:
    """Rows of a Parquet file, or of an Arrow file that `save_to_disk` wrote.

    The image column holds encoded bytes, paths, or structs of both; the label column names or
    numbers of classes (with names in the metadata, those are the labels), or lists of them. A
    row's line is its number in the file, from 1.

    Args:
        features: of columns, where the file's own metadata has none.

    Raises:
        DataError: not such a file, no such columns, or an image or label that cannot be used.
        OutputError: the cache cannot be written.
    """
    file = str(path)
    settings, base = reading.settings, str(path.parent.absolute())
    schema = _schema(path)
    columns = choose_columns(schema, features_of(schema) or features, reading, path)
    pictures = _pictures(path, columns)
    wanted = [columns.label, *([columns.path_column] if columns.path_column else [])]
    number = 0
    group = _group_column(schema, columns, reading)
    if group is not None and group not in wanted:
        wanted.append(group)
    for batch in _batches(path, wanted, _ROWS):
        groups = [None] * batch.num_rows if group is None else batch.column(group).to_pylist()
        cells = batch.column(columns.label).to_pylist()
        for place, cell, named in zip(_places(batch, columns), cells, groups, strict=True):
            location = pictures.location(number)
            number += 1
            field = columns.image
            try:
                if location is None:
                    location = resolve_location(_given(place), base, settings)
                field = columns.label
                label = columns.label_of(cell, reading)
            except ValueError as error:
                raise DataError(str(error), file=path, line=number, field=field) from None
            yield Row(location, label, file, number, columns.image, named)


def _group_column(schema: pa.Schema, columns: ImageColumns, reading: Reading) -> str | None:
    name = reading.groups.column
    known = name in schema.names and name not in (columns.label, columns.image)
    return name if known and reading.groups.pattern is None else None


def _given(place: Any) -> str:
    if not isinstance(place, str) or not place:
        raise ValueError("the image is empty: neither bytes nor a path")
    return place


class _Pictures:
    """The pictures of one file in the cache, by the numbers of their rows."""

    def __init__(self, folder: Path | None) -> None:
        """`folder` None: the file holds no bytes."""
        self._folder = folder
        self._block = -1
        self._names: dict[int, str] = {}

    def location(self, row: int) -> str | None:
        """Where the picture of `row` is; None where it has none."""
        if self._folder is None:
            return None
        block = row // _IN_FOLDER
        folder = f"{self._folder}/{block}"
        if block != self._block:
            # Endings are the pictures' own, so names are looked up, a folder at a time.
            names = os.listdir(folder) if os.path.isdir(folder) else []
            self._names = {int(name.partition(".")[0]): name for name in names}
            self._block = block
        name = self._names.get(row)
        return None if name is None else f"{folder}/{name}"


def _pictures(path: Path, columns: ImageColumns) -> _Pictures:
    if not columns.has_bytes:
        return _Pictures(None)
    with _reading(path):
        digest = digest_of_file(path)
    # Another column of the same file is another set of pictures.
    name = f"{digest[:32]}-{columns.image.encode().hex()[:64]}"
    folder = get_settings().home / "cache" / "pictures" / name
    return _Pictures(folder_made_once(folder, lambda target: _write(path, columns, target)))


def _write(path: Path, columns: ImageColumns, folder: Path) -> None:
    """Write every picture of `path` to `<folder>/<thousands>/<row>.<ending>`."""
    rows = _count(path)
    budget = UnpackingBudget.of(path, folder, entries=rows)
    number = 0
    with counting(f"writing the pictures of {path.name}", rows) as done:
        for batch in _batches(path, [columns.image], _PICTURES):
            for cell in batch.column(columns.image).to_pylist():
                content = cell.get("bytes") if isinstance(cell, dict) else cell
                if content:
                    budget.take(len(content))
                    given = cell.get("path") if isinstance(cell, dict) else None
                    target = folder / str(number // _IN_FOLDER)
                    target.mkdir(exist_ok=True)
                    (target / f"{number}{_ending(content, given)}").write_bytes(content)
                number += 1
                done(1)


def _ending(content: bytes, given: Any) -> str:
    for magic, ending in _MAGIC:
        if content.startswith(magic):
            return ending
    ending = os.path.splitext(given)[1].lower() if isinstance(given, str) else ""
    return ending if ending in IMAGE_ENDINGS else ""


def _places(batch: pa.RecordBatch, columns: ImageColumns) -> list[Any]:
    if columns.image not in batch.schema.names:
        return [None] * batch.num_rows
    cells = batch.column(columns.image).to_pylist()
    return [cell.get("path") if isinstance(cell, dict) else cell for cell in cells]


def _schema(path: Path) -> pa.Schema:
    from pyarrow import parquet

    with _reading(path):
        if path.suffix.lower() == ".parquet":
            return parquet.read_schema(path)
        with _arrow(path) as reader:
            return reader.schema


def _count(path: Path) -> int:
    from pyarrow import parquet

    with _reading(path):
        if path.suffix.lower() == ".parquet":
            return int(parquet.read_metadata(path).num_rows)
        with _arrow(path) as reader:
            return sum(batch.num_rows for batch in reader)


def _batches(path: Path, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    """`columns` of the file, at most `rows` at a time; of a struct one part as `column.part`."""
    import pyarrow as pa
    from pyarrow import parquet

    with _reading(path):
        if path.suffix.lower() == ".parquet":
            with parquet.ParquetFile(path) as file:
                yield from file.iter_batches(rows, columns=columns)
            return
        with _arrow(path) as reader:
            for batch in reader:
                taken = {}
                for column in columns:
                    name, _, part = column.rpartition(".")
                    if column in batch.schema.names:
                        taken[column] = batch.column(column)
                    else:
                        taken[name] = batch.column(name).field(part)
                whole = pa.RecordBatch.from_pydict(taken)
                for start in range(0, whole.num_rows, rows):
                    yield whole.slice(start, rows)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What pyarrow has against the file, as a DataError."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        text = str(error).partition("\n")[0][:200]
        raise DataError(f"not a {path.suffix} file that can be read: {text}", file=path) from None


def _arrow(path: Path) -> pa.ipc.RecordBatchStreamReader:
    """The stream in an Arrow file; mapped, so that only what is looked at is read."""
    import pyarrow as pa

    return pa.ipc.open_stream(pa.memory_map(str(path)))
