"""JSON Lines: one object per line with an image reference and a label (docs/contracts.md §3.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import orjson

from tintype.data.groups import GROUP_COLUMN
from tintype.data.locations import image_location
from tintype.data.rows import Row
from tintype.errors import DataError, nearest
from tintype.settings import Settings, get_settings

__all__ = ["InvalidLines", "read_jsonl_objects", "read_jsonl_rows", "rows_from_objects"]

InvalidLines = Literal["error", "drop"]

# (object, line) pairs: the line travels along through filters.
Numbered = tuple[dict[str, Any], int]


def read_jsonl_rows(
    path: Path,
    label_column: str,
    image_column: str,
    group_column: str = GROUP_COLUMN,
    *,
    settings: Settings | None = None,
) -> Iterator[Row]:
    """Rows of a JSONL file; image references are relative to it.

    Raises:
        DataError: a line is not a JSON object, or lacks the image or the label.
    """
    objects = read_jsonl_objects(path)
    return rows_from_objects(
        objects,
        path,
        path.parent,
        label_column,
        image_column,
        group_column,
        settings=settings,
    )


def read_jsonl_objects(
    path: Path, *, encoding: str = "utf-8", invalid_lines: InvalidLines = "error"
) -> Iterator[Numbered]:
    """Objects of a JSONL file with their line numbers (from 1); blank lines are passed over.

    Raises:
        DataError: unreadable file, or (with `invalid_lines` error) a line that is no JSON object.
    """
    recode = encoding.lower().replace("-", "").replace("_", "") not in ("utf8", "utf8sig", "ascii")
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                content = line.decode(encoding).encode() if recode else line
                if number == 1:
                    content = content.removeprefix(b"\xef\xbb\xbf")
                if not content.strip():
                    continue
                try:
                    value = orjson.loads(content)
                except orjson.JSONDecodeError as error:
                    if invalid_lines == "drop":
                        continue
                    raise DataError(
                        f"not valid JSON: {error}. Correct the line, or set invalid_lines: drop",
                        file=path,
                        line=number,
                    ) from None
                if isinstance(value, dict):
                    yield value, number
                elif invalid_lines == "error":
                    raise DataError(
                        f"expected a JSON object, found {type(value).__name__}",
                        file=path,
                        line=number,
                    )
    except UnicodeDecodeError as error:
        raise DataError(f"not {encoding} text: {error.reason}", file=path) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=path) from None


def rows_from_objects(
    objects: Iterable[Numbered],
    path: Path,
    base: Path,
    label_column: str | None,
    image_column: str,
    group_column: str = GROUP_COLUMN,
    *,
    settings: Settings | None = None,
) -> Iterator[Row]:
    """Take image and label out of each object; references are relative to `base`.

    Raises:
        DataError: an object lacks one of them, or the reference cannot be resolved.
    """
    file = str(path)
    settings, folder = settings or get_settings(), str(base.absolute())
    for value, line in objects:
        try:
            reference = value[image_column]
            label = value[label_column] if label_column is not None else None
        except KeyError as missing:
            raise _missing(str(missing.args[0]), value, file, line) from None
        if not isinstance(reference, str) or not reference:
            raise DataError(
                f"{reference!r} given; expected a path or URL",
                file=file,
                line=line,
                field=image_column,
            )
        location = image_location(
            reference, folder, settings, file=file, line=line, field=image_column
        )
        yield Row(location, label, file, line, image_column, value.get(group_column))


def _missing(column: str, value: dict[str, Any], file: str, line: int) -> DataError:
    keys = ", ".join(list(value)[:8]) or "nothing"
    hint = nearest(column, value)
    return DataError(
        f"the row has no such key (it has {keys}).{hint}", file=file, line=line, field=column
    )
