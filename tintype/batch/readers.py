"""Rows of one input file, with the place where each next one begins: reading can start anywhere.

The image of a row is read later, in the thread that decodes it. What is wrong with a row becomes the
row's error; what is wrong with the rest of a file becomes one last row with the reason.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, Any

import orjson

from tintype.batch.inputs import InputFile, Kind
from tintype.batch.rows import (
    InputRow,
    failed_row,
    row_of_bytes,
    row_of_cell,
    row_without_image,
)
from tintype.data.folders import IMAGE_ENDINGS
from tintype.errors import ImageError, ImageReadError
from tintype.images.source import is_url
from tintype.schemas.long_csv import MAX_FIELD_CHARACTERS, long_csv

__all__ = ["Placed", "read_rows"]

Placed = tuple[InputRow, int]
"""A row, and the offset at which the next one begins."""

IMAGE_COLUMNS = ("image", "image_url", "filename", "file", "path", "url")
_TEXT_COLUMN = "text"
_LONGEST_RECORD = MAX_FIELD_CHARACTERS + 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_PARQUET_ROWS = 64
# With a buffer pages are read one by one; without, a row group's images all at once.
_PARQUET_BUFFER = 1024 * 1024


class _FileFault(Exception):
    """Why the rest of a file cannot be read."""


def read_rows(file: InputFile, offset: int = 0, number: int = 0) -> Iterator[Placed]:
    """Rows of `file` from `offset` on, the first of which is row `number`.

    Args:
        offset: 0, or what came with an earlier row: bytes, but rows of a Parquet file.
    """
    if file.kind == "image":
        yield InputRow(file.name, 0, file.path, file.path), 0
        return
    count = number
    try:
        for placed in _READERS[file.kind](file, offset, number):
            count += 1
            yield placed
    except _FileFault as fault:
        yield failed_row(file.name, count, str(fault)), -1
    except OSError as error:
        yield failed_row(file.name, count, f"cannot be read: {error.strerror or error}"), -1


# Text -----------------------------------------------------------------------------------------------


def _list_rows(file: InputFile, offset: int, number: int) -> Iterator[Placed]:
    """A path or URL a line."""
    base = os.path.dirname(file.path)
    for line, after in _lines(file.path, offset):
        text = line.decode("utf-8", "surrogateescape").strip()
        if not text:
            continue
        path = text if is_url(text) else os.path.join(base, text)
        yield InputRow(file.name, number, path, path), after
        number += 1


def _jsonl_rows(file: InputFile, offset: int, number: int) -> Iterator[Placed]:
    base = os.path.dirname(file.path)
    for line, after in _lines(file.path, offset):
        if not line.strip():
            continue
        yield _jsonl_row(file.name, number, line, base), after
        number += 1


def _jsonl_row(name: str, number: int, line: bytes, base: str) -> InputRow:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return failed_row(name, number, f"not valid JSON: {error}")
    if not isinstance(record, dict):
        return failed_row(name, number, "expected a JSON object")
    column = next((column for column in IMAGE_COLUMNS if column in record), None)
    text = record.get(_TEXT_COLUMN)
    if column is None or record[column] is None:
        reason = (
            f"no key {' or '.join(IMAGE_COLUMNS[:2])}" if column is None else f"{column} is null"
        )
        return row_without_image(name, number, reason, text=text)
    if not isinstance(record[column], str):
        return failed_row(name, number, f"{column} is not a text")
    return row_of_cell(name, number, record[column], base, text=text)


def _csv_rows(file: InputFile, offset: int, number: int) -> Iterator[Placed]:
    """Rows below a header with a column `image`, `text` or both; further columns are passed over."""
    base = os.path.dirname(file.path)
    records = _csv_records(file.path, 0)
    header, begin = next(records, (b"", 0))
    names = [name.strip() for name in _cells(header.removeprefix(_BOM))]
    column = next((column for column in IMAGE_COLUMNS if column in names), None)
    shown = ", ".join(names)[:200] or "empty"
    no_image = f"the header is {shown}; expected a column 'image'"
    if column is None and _TEXT_COLUMN not in names:
        raise _FileFault(no_image)
    image_at = names.index(column) if column is not None else None
    text_at = names.index(_TEXT_COLUMN) if _TEXT_COLUMN in names else None
    for record, after in _csv_records(file.path, offset or begin):
        if not record.strip():
            continue
        cells = _cells(record)
        if len(cells) != len(names):
            reason = f"{len(cells)} cells, but the header has {len(names)}"
            row = failed_row(file.name, number, reason)
        else:
            text = cells[text_at] if text_at is not None else None
            row = (
                row_without_image(file.name, number, no_image, text=text)
                if image_at is None
                else row_of_cell(file.name, number, cells[image_at], base, text=text)
            )
        yield row, after
        number += 1


def _csv_records(path: str, offset: int) -> Iterator[tuple[bytes, int]]:
    """Records and where each ends: a line break inside quotes, of which there is an odd number
    before it, belongs to the record (RFC 4180)."""
    parts: list[bytes] = []
    quotes = size = 0
    after = offset
    for line, after in _lines(path, offset):
        parts.append(line)
        quotes += line.count(b'"')
        size += len(line)
        if size > _LONGEST_RECORD:
            raise _FileFault(
                f"a record is longer than {_LONGEST_RECORD} bytes; is a quote missing?"
            )
        if quotes % 2 == 0:
            yield b"".join(parts), after
            parts, quotes, size = [], 0, 0
    if parts:
        yield b"".join(parts), after


def _cells(record: bytes) -> list[str]:
    try:
        return next(long_csv.reader([record.decode("utf-8")], strict=True), [])
    except UnicodeDecodeError:
        raise _FileFault("is not UTF-8 text; save the CSV as UTF-8") from None
    except long_csv.Error as error:
        raise _FileFault(f"not valid CSV: {error}") from None


def _lines(path: str, offset: int) -> Iterator[tuple[bytes, int]]:
    """Lines from a byte offset on, and where each ends."""
    with open(path, "rb") as stream:
        stream.seek(offset)
        while line := stream.readline(_LONGEST_RECORD):
            if len(line) == _LONGEST_RECORD:
                raise _FileFault(f"a line is longer than {_LONGEST_RECORD} bytes")
            start, offset = offset, offset + len(line)
            yield (line.removeprefix(_BOM) if start == 0 else line), offset


# Parquet --------------------------------------------------------------------------------------------


def _parquet_rows(file: InputFile, offset: int, number: int) -> Iterator[Placed]:
    """Columns `image` (text, bytes, or the {bytes, path} of Hugging Face's datasets) and `text`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    base = os.path.dirname(file.path)
    try:
        with pq.ParquetFile(file.path, buffer_size=_PARQUET_BUFFER) as parquet:
            names = parquet.schema_arrow.names
            column = next((column for column in IMAGE_COLUMNS if column in names), None)
            columns = [name for name in (column, _TEXT_COLUMN) if name in names]
            if not columns:
                shown = ", ".join(names)[:200]
                raise _FileFault(f"its columns are {shown}; expected a column 'image'")
            row = 0
            for group in range(parquet.num_row_groups):
                size = parquet.metadata.row_group(group).num_rows
                if row + size <= offset:
                    row += size
                    continue
                batches = parquet.iter_batches(_PARQUET_ROWS, row_groups=[group], columns=columns)
                for batch in batches:
                    begin = min(max(offset - row, 0), len(batch))
                    for at, values in enumerate(batch.slice(begin).to_pylist(), row + begin):
                        text = values.get(_TEXT_COLUMN)
                        image = values[column] if column is not None else None
                        yield _value_row(file.name, number, image, base, text), at + 1
                        number += 1
                    row += len(batch)
    except (pa.ArrowException, ValueError) as error:
        raise _FileFault(f"not a Parquet file that can be read: {str(error)[:200]}") from None


def _value_row(name: str, number: int, value: Any, base: str, text: Any) -> InputRow:
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if value is None or value == b"":
        return row_without_image(name, number, "the image is empty", text=text)
    if isinstance(value, bytes):
        return row_of_bytes(name, number, partial(_given, value), text=text)
    if isinstance(value, str):
        return row_of_cell(name, number, value, base, text=text)
    return failed_row(name, number, "not an image")


# Tar ------------------------------------------------------------------------------------------------


def _tar_rows(file: InputFile, offset: int, number: int) -> Iterator[Placed]:
    """The images of a WebDataset shard, each under `<tar>/<member>`."""
    with open(file.path, "rb") as stream:
        stream.seek(offset)
        try:
            with tarfile.open(fileobj=stream, mode="r:") as archive:
                while (member := archive.next()) is not None:
                    # Kept for random access, which this is not: a million members are a lot.
                    archive.members = []  # type: ignore[attr-defined]
                    ending = os.path.splitext(member.name)[1].lower()
                    if not member.isreg() or ending not in IMAGE_ENDINGS:
                        continue
                    read = _member_reader(file.path, member.offset_data, member.size)
                    name = f"{file.name}/{member.name}"
                    yield row_of_bytes(name, number, read), archive.offset
                    number += 1
                # tarfile takes a damaged header for the end; the end is a block of zeros, or nothing.
                stream.seek(archive.offset)
                if any(stream.read(tarfile.BLOCKSIZE)):
                    raise _FileFault(f"the tar file is damaged at byte {archive.offset}")
        except tarfile.TarError as error:
            raise _FileFault(f"not a tar file that can be read: {error}") from None


def _member_reader(path: str, offset: int, size: int) -> Callable[[], bytes]:
    def read() -> bytes:
        from tintype.settings import get_settings

        limit = get_settings().max_image_bytes
        if size > limit:
            raise ImageError(f"{size} bytes; the limit is {limit}")
        try:
            with open(path, "rb") as stream:
                stream.seek(offset)
                return _whole(stream, size)
        except OSError as error:
            raise ImageReadError(f"cannot read {path}: {error.strerror}") from None

    return read


def _whole(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise ImageError("the tar file ends inside the image")
    return content


def _given(value: bytes) -> bytes:
    return value


_READERS: dict[Kind, Callable[[InputFile, int, int], Iterator[Placed]]] = {
    "list": _list_rows,
    "jsonl": _jsonl_rows,
    "csv": _csv_rows,
    "parquet": _parquet_rows,
    "tar": _tar_rows,
}
