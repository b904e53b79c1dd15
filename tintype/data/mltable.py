"""MLTable folders (docs/contracts.md §3.3): paths of JSONL files and what to do with their rows."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tintype.data.filters import compile_filter
from tintype.data.groups import GROUP_COLUMN
from tintype.data.jsonl import Numbered, read_jsonl_objects, rows_from_objects
from tintype.data.locations import local_path
from tintype.data.rows import Row
from tintype.errors import DataError, nearest
from tintype.schemas.document import Document, read_yaml
from tintype.settings import Settings, get_settings

__all__ = ["read_mltable_rows"]

Objects = Iterator[Numbered]
Step = Callable[[Objects], Objects]

_TOP_KEYS = (
    "$schema",
    "type",
    "paths",
    "transformations",
    "metadata",
    "traits",
    "name",
    "version",
    "description",
    "tags",
)
_REFUSED = {
    "read_delimited": "name the CSV file itself as the data path",
    "read_parquet": "convert the table to JSON lines",
    "read_text": "use read_json_lines",
    "read_delta_lake": "convert the table to JSON lines",
    "extract_columns_from_partition_format": "write the column into each JSON line",
}


def read_mltable_rows(
    folder: Path,
    label_column: str | None,
    image_column: str,
    group_column: str = GROUP_COLUMN,
    *,
    settings: Settings | None = None,
) -> Iterator[Row]:
    """Rows of every JSONL file the MLTable names, after its transformations.

    Args:
        label_column: None leaves the labels out.

    Raises:
        DataError: a key or transformation that is unknown or does not apply to JSON lines, a
            path that does not exist, or a row that cannot be used.
    """
    path = folder / "MLTable"
    document = read_yaml(path)
    for key in document.data:
        if key not in _TOP_KEYS:
            raise _error(document, (key,), f"unknown key.{nearest(key, _TOP_KEYS)}")
    files = _files(document, folder)
    options, steps = _transformations(document)
    for file in files:
        objects = read_jsonl_objects(
            file, encoding=options["encoding"], invalid_lines=options["invalid_lines"]
        )
        # Steps are made anew for each file but for those that count over the whole table.
        for step in steps:
            objects = step(objects)
        yield from rows_from_objects(
            objects,
            file,
            file.parent,
            label_column,
            image_column,
            group_column,
            settings=settings,
        )


def _files(document: Document, folder: Path) -> list[Path]:
    entries = document.data.get("paths")
    if not isinstance(entries, list) or not entries:
        raise _error(document, ("paths",), "expected a list such as '- file: ./train.jsonl'")
    files: list[Path] = []
    for position, entry in enumerate(entries):
        key = ("paths", position)
        if not isinstance(entry, dict) or len(entry) != 1:
            raise _error(document, key, "expected one of file, folder or pattern")
        ((kind, value),) = entry.items()
        if kind not in ("file", "folder", "pattern"):
            hint = nearest(kind, ("file", "folder", "pattern"))
            raise _error(document, (*key, kind), f"expected file, folder or pattern.{hint}")
        try:
            target = local_path(value, folder, get_settings())
        except ValueError as error:
            raise _error(document, (*key, kind), str(error)) from None
        if kind == "file":
            matches = [target] if target.is_file() else []
        elif kind == "folder":
            matches = sorted(target.glob("*.jsonl")) if target.is_dir() else []
        else:
            anchor = Path(target.anchor)
            matches = sorted(p for p in anchor.glob(str(target.relative_to(anchor))) if p.is_file())
        if not matches:
            what = "no .jsonl file in" if kind == "folder" else "nothing at"
            raise _error(document, (*key, kind), f"{what} {target}")
        files.extend(matches)
    return list(dict.fromkeys(files))


def _transformations(document: Document) -> tuple[dict[str, Any], list[Step]]:
    """Reading options and row steps, in the order written."""
    options: dict[str, Any] = {"encoding": "utf8", "invalid_lines": "error"}
    steps: list[Step] = []
    entries = document.data.get("transformations") or []
    if not isinstance(entries, list):
        raise _error(document, ("transformations",), "expected a list")
    for position, entry in enumerate(entries):
        key: tuple[str | int, ...] = ("transformations", position)
        if isinstance(entry, str):
            entry = {entry: {}}
        if not isinstance(entry, dict) or len(entry) != 1:
            raise _error(document, key, "expected one transformation, as in '- take: 100'")
        ((name, value),) = entry.items()
        key = (*key, name)
        if name == "read_json_lines":
            options |= _json_lines_options(document, key, value or {})
        elif name in _STEPS:
            steps.append(_STEPS[name](document, key, value))
        elif name in _REFUSED:
            raise _error(document, key, f"does not apply to JSON lines; {_REFUSED[name]}")
        else:
            valid = ["read_json_lines", *_STEPS]
            raise _error(
                document,
                key,
                f"unknown transformation; expected one of {', '.join(valid)}.{nearest(name, valid)}",
            )
    return options, steps


def _json_lines_options(document: Document, key: tuple[Any, ...], value: Any) -> dict[str, Any]:
    valid = ("encoding", "invalid_lines", "include_path_column")
    if not isinstance(value, dict):
        raise _error(document, key, "expected a mapping")
    for name in value:
        if name not in valid:
            raise _error(document, (*key, name), f"unknown key.{nearest(name, valid)}")
    if value.get("invalid_lines", "error") not in ("error", "drop"):
        raise _error(document, (*key, "invalid_lines"), "expected error or drop")
    encoding = str(value.get("encoding", "utf8"))
    try:
        "".encode(encoding)
    except LookupError:
        raise _error(document, (*key, "encoding"), f"unknown encoding {encoding!r}") from None
    return {"encoding": encoding, "invalid_lines": value.get("invalid_lines", "error")}


# Row steps ------------------------------------------------------------------------------------


def _keep_columns(document: Document, key: tuple[Any, ...], value: Any) -> Step:
    names = _names(document, key, value)
    return lambda objects: (
        ({k: v for k, v in o.items() if k in names}, line) for o, line in objects
    )


def _drop_columns(document: Document, key: tuple[Any, ...], value: Any) -> Step:
    names = _names(document, key, value)
    return lambda objects: (
        ({k: v for k, v in o.items() if k not in names}, line) for o, line in objects
    )


def _take(document: Document, key: tuple[Any, ...], value: Any) -> Step:
    count = _count(document, key, value)
    taken = itertools.count()

    def step(objects: Objects) -> Objects:
        for item in objects:
            if next(taken) >= count:
                return
            yield item

    return step


def _skip(document: Document, key: tuple[Any, ...], value: Any) -> Step:
    count = _count(document, key, value)
    seen = itertools.count()
    return lambda objects: (item for item in objects if next(seen) >= count)


def _take_random_sample(document: Document, key: tuple[Any, ...], value: Any) -> Step:
    probability = value.get("probability") if isinstance(value, dict) else None
    if not isinstance(probability, int | float) or not 0 < probability <= 1:
        raise _error(document, key, "expected {probability: 0..1, seed: number}")
    generator = random.Random(value.get("seed", 0))
    return lambda objects: (item for item in objects if generator.random() < probability)


def _filter(document: Document, key: tuple[Any, ...], value: Any) -> Step:
    try:
        keep = compile_filter(str(value))
    except ValueError as error:
        raise _error(document, key, str(error)) from None
    return lambda objects: (item for item in objects if keep(item[0]))


def _convert_column_types(document: Document, key: tuple[Any, ...], value: Any) -> Step:
    if not isinstance(value, list):
        raise _error(document, key, "expected a list of {columns, column_type}")
    # Types say how Azure's readers present a cell; an image reference and labels need none.
    return lambda objects: objects


_STEPS: dict[str, Callable[[Document, tuple[Any, ...], Any], Step]] = {
    "convert_column_types": _convert_column_types,
    "keep_columns": _keep_columns,
    "drop_columns": _drop_columns,
    "filter": _filter,
    "take": _take,
    "take_random_sample": _take_random_sample,
    "skip": _skip,
}


def _names(document: Document, key: tuple[Any, ...], value: Any) -> frozenset[str]:
    if isinstance(value, dict):
        value = value.get("columns")
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _error(document, key, "expected a list of column names")
    return frozenset(names)


def _count(document: Document, key: tuple[Any, ...], value: Any) -> int:
    if isinstance(value, dict):
        value = value.get("count")
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _error(document, key, f"{value!r} given; expected a whole number")
    return value


def _error(document: Document, key: tuple[str | int, ...], message: str) -> DataError:
    dotted = ".".join(str(part) for part in key)
    return DataError(message, file=document.path, line=document.line(key), field=dotted)
