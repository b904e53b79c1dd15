"""What a parallel task is given: mini-batches of the files of a folder, or of the rows of a table.

Source of the rules: Azure's "How to use parallel job in pipeline": sizes count files of a folder, and bytes of
a table; rows with the same values of `partition_keys` are one mini-batch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tintype.data.locations import local_path
from tintype.errors import DocumentError, UsageError
from tintype.schemas.document import Document, KeyPath, read_yaml
from tintype.settings import get_settings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MiniBatch", "bytes_of", "mini_batches"]

_SIZE = re.compile(r"(?P<number>\d+)\s*(?P<unit>[kmg]?b)?", re.I)
_UNITS = {"b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30}

_FILES, _TABLE_BYTES = 1, 2**20
"""Azure's sizes where none is given."""

_READ = ("read_delimited", "read_parquet", "read_json_lines")
_COLUMNS = ("keep_columns", "drop_columns")
_PARTITIONS = "extract_columns_from_partition_format"


@dataclass(frozen=True)
class MiniBatch:
    """Some files, or a part of a table."""

    files: tuple[str, ...]
    """Of a table: one Parquet file with its rows."""
    is_table: bool
    items: int
    """Files, or rows."""


def bytes_of(size: str) -> int | None:
    """A size such as `10`, `100kb` or `2 MB`: bytes where it has a unit.

    Returns:
        None: it is a number alone.

    Raises:
        ValueError: it is no size.
    """
    match = _SIZE.fullmatch(size.strip())
    if match is None or int(match["number"]) < 1:
        raise ValueError(f"{size!r} given; expected a number of files (10) or bytes (100kb, 2mb)")
    unit = match["unit"]
    return None if unit is None else int(match["number"]) * _UNITS[unit.lower()]


def mini_batches(
    data: Path, size: str | None, keys: Sequence[str], scratch: Path
) -> list[MiniBatch]:
    """Everything below `data`, in mini-batches: rows, if an MLTable there says how they are read, else files.

    Args:
        size: files, or bytes of a table; None: one file, 1 MiB.
        keys: columns by which the rows of a table are put together.
        scratch: an empty folder for parts of tables.

    Raises:
        UsageError: there is nothing, or the table cannot be read.
    """
    table = data / "MLTable"
    document = read_yaml(table) if table.is_file() else None
    files = _files_below(data) if document is None else _files_of(document, data)
    if document is not None and any(name in _READ for name, _, _ in _steps(document)):
        frames = ((file, _frame(document, file, data)) for file in files)
        found = _of_rows(frames, size, keys, scratch)
    elif keys:
        raise UsageError(f"partition_keys are for tables; {data} holds no MLTable of rows")
    elif size is not None and bytes_of(size) is not None:
        raise UsageError(f"mini_batch_size {size}: {data} holds files; say how many")
    else:
        names, count = [str(file) for file in files], _FILES if size is None else int(size)
        found = [
            MiniBatch(tuple(names[start : start + count]), False, len(names[start : start + count]))
            for start in range(0, len(names), count)
        ]
    if not found:
        raise UsageError(f"{data} holds nothing")
    return found


def _of_rows(
    frames: Iterator[tuple[Path, pd.DataFrame]],
    size: str | None,
    keys: Sequence[str],
    scratch: Path,
) -> list[MiniBatch]:
    """Mini-batches of a table, each in a file of its own."""
    given = _TABLE_BYTES if size is None else bytes_of(size) or int(size)
    found: list[MiniBatch] = []
    for part in _parts_by_keys(frames, keys) if keys else _parts_by_size(frames, given):
        path = scratch / f"{len(found)}.parquet"
        part.to_parquet(path, index=False)
        found.append(MiniBatch((str(path),), True, len(part)))
    return found


def _files_below(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _files_of(document: Document, folder: Path) -> list[Path]:
    """Every file that an MLTable names."""
    entries = document.data.get("paths")
    if not isinstance(entries, list):
        raise _error(document, ("paths",), "expected a list such as '- file: ./rows.csv'")
    files: list[Path] = []
    for position, entry in enumerate(entries):
        key: KeyPath = ("paths", position)
        ((kind, value),) = (
            entry.items() if isinstance(entry, dict) and len(entry) == 1 else [("", "")]
        )
        try:
            if kind == "pattern":
                files += sorted(path for path in folder.glob(str(value)) if path.is_file())
            elif kind in ("file", "folder"):
                files += _files_below(local_path(str(value), folder, get_settings()))
            else:
                raise ValueError("expected one of file, folder or pattern")
        except (ValueError, NotImplementedError) as error:
            raise _error(document, key, str(error)) from None
    return list(dict.fromkeys(files))


def _steps(document: Document) -> list[tuple[str, Any, KeyPath]]:
    """Transformations: their names, what stands at them, and their places."""
    found: list[tuple[str, Any, KeyPath]] = []
    for position, entry in enumerate(document.data.get("transformations") or []):
        key = ("transformations", position)
        step = {entry: None} if isinstance(entry, str) else entry
        if not isinstance(step, dict) or len(step) != 1:
            raise _error(document, key, "expected one transformation")
        ((name, value),) = step.items()
        if name not in (*_READ, *_COLUMNS, _PARTITIONS):
            known = ", ".join((*_READ, *_COLUMNS, _PARTITIONS))
            raise _error(document, (*key, name), f"not read here; expected one of {known}")
        found.append((name, value, (*key, name)))
    return found


def _frame(document: Document, file: Path, folder: Path) -> pd.DataFrame:
    """The rows of one file of a table, after its transformations."""
    import pandas as pd

    frame = pd.DataFrame()
    for name, value, key in _steps(document):
        try:
            if name in _READ:
                frame = _READERS[name](file, value or {})
            elif name == _PARTITIONS:
                frame = frame.assign(**_in_path(value, file.relative_to(folder.resolve())))
            else:
                columns = [value] if isinstance(value, str) else list(value)
                frame = frame[columns] if name == "keep_columns" else frame.drop(columns=columns)
        except (ValueError, KeyError, OSError, TypeError) as error:
            raise _error(document, key, f"{file}: {error}") from None
    return frame


def _delimited(file: Path, options: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    header = options.get("header", "all_files_same_headers")
    return pd.read_csv(
        file,
        sep=str(options.get("delimiter", ",")),
        header=None if header in (False, "no_header") else 0,
        encoding="utf-8" if options.get("encoding", "utf8") == "utf8" else str(options["encoding"]),
    )


def _parquet(file: Path, options: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(file)


def _json_lines(file: Path, options: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.read_json(file, lines=True)


_READERS: dict[str, Callable[[Path, dict[str, Any]], Any]] = {
    "read_delimited": _delimited,
    "read_parquet": _parquet,
    "read_json_lines": _json_lines,
}


def _in_path(given: Any, path: Path) -> dict[str, str]:
    """Columns that stand in a file's path, as `{Store}/{Brand}/*.csv` says it."""
    pattern = given.get("partition_format") if isinstance(given, dict) else given
    text = re.escape(str(pattern).strip("/")).replace(r"\*", "[^/]*")
    text = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", text)
    match = re.search(f"(?:^|/){text}$", path.as_posix())
    if match is None:
        raise ValueError(f"its path is not of the form {pattern}")
    return match.groupdict()


def _parts_by_size(
    frames: Iterator[tuple[Path, pd.DataFrame]], size: int
) -> Iterator[pd.DataFrame]:
    for file, frame in frames:
        if len(frame) == 0:
            continue
        rows = max(1, int(size * len(frame) / max(1, file.stat().st_size)))
        for start in range(0, len(frame), rows):
            yield frame.iloc[start : start + rows]


def _parts_by_keys(
    frames: Iterator[tuple[Path, pd.DataFrame]], keys: Sequence[str]
) -> Iterator[pd.DataFrame]:
    import pandas as pd

    parts = [frame for _, frame in frames]
    if not parts:
        return
    whole = pd.concat(parts, ignore_index=True)
    missing = [key for key in keys if key not in whole.columns]
    if missing:
        known = ", ".join(map(str, whole.columns))
        raise UsageError(f"partition_keys: there is no column {missing[0]!r}; columns are {known}")
    for _, part in whole.groupby(list(keys), sort=True, dropna=False):
        yield part


def _error(document: Document, key: KeyPath, message: str) -> DocumentError:
    field = ".".join(map(str, key))
    return DocumentError(message, file=document.path, line=document.line(key), field=field)
