"""`.json` files: which program wrote one is told by its content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from tintype.data.coco import coco_rows, is_coco
from tintype.data.jsonl import read_jsonl_rows
from tintype.data.label_studio import label_studio_rows, label_studio_tasks
from tintype.data.rows import Reading, Row
from tintype.errors import DataError

__all__ = ["read_json_rows"]


def read_json_rows(path: Path, reading: Reading) -> Iterator[Row]:
    """Rows of a COCO document, an export of Label Studio, or JSON lines under this ending.

    The whole document is held in memory, which a JSON document cannot do without.

    Raises:
        DataError: it is not JSON, or none of these; see also the readers of each.
    """
    try:
        content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=path) from None
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        if _begins_with_an_object(content):
            return _lines(path, reading)
        raise DataError(f"not valid JSON: {error}", file=path) from None
    if is_coco(document):
        return coco_rows(document, path, reading)
    tasks = label_studio_tasks(document)
    if tasks is not None:
        return label_studio_rows(tasks, path, reading)
    if isinstance(document, dict) and reading.image_column in document:
        return _lines(path, reading)
    raise DataError(
        f"{_shape(document)}; expected COCO (images, annotations and categories), an export of Label "
        'Studio (JSON or JSON_MIN), or JSON lines such as {"image_url": "1.jpg", "label": "cat"}',
        file=path,
    )


def _lines(path: Path, reading: Reading) -> Iterator[Row]:
    return read_jsonl_rows(
        path,
        reading.label_column,
        reading.image_column,
        reading.groups.column,
        settings=reading.settings,
    )


def _begins_with_an_object(content: bytes) -> bool:
    try:
        return isinstance(orjson.loads(content.lstrip().partition(b"\n")[0]), dict)
    except orjson.JSONDecodeError:
        return False


def _shape(document: object) -> str:
    if isinstance(document, dict):
        return f"an object with {', '.join(list(document)[:8]) or 'no keys'}"
    if isinstance(document, list) and document and isinstance(document[0], dict):
        return f"a list of objects with {', '.join(list(document[0])[:8]) or 'no keys'}"
    return f"a {type(document).__name__}" + (" of nothing" if document == [] else "")
