"""MLflow's scoring protocol: what `POST /invocations` takes and answers.

The shapes are those that `mlflow models serve` reads (mlflow.pyfunc.scoring_server): a JSON object
with one of four keys, or CSV. The model's columns are `image` and, where it reads text, `text`.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import Any

from tintype.errors import RequestError
from tintype.schemas.csv_rows import EXAMPLE_CSV, csv_rows
from tintype.schemas.wire import (
    ScoreRequest,
    checked_request,
    listed_cells,
    read_object,
    split_cells,
)

__all__ = ["EXAMPLE_INVOCATION", "FORMATS", "read_invocation", "write_predictions"]

FORMATS = ("dataframe_split", "dataframe_records", "inputs", "instances")
"""The keys of which a JSON body has exactly one."""

EXAMPLE_INVOCATION = '{"dataframe_split": {"columns": ["image"], "data": [["<base64 or URL>"]]}}'

_JSON = ("application/json", "text/json", "text/plain", "")


def read_invocation(
    body: bytes,
    content_type: str,
    *,
    max_rows: int,
    images_required: bool = True,
    read_csv: Callable[[bytes, int], list[list[str]]] = csv_rows,
) -> ScoreRequest:
    """Read the body of a request to /invocations.

    `params` must be an object and is otherwise passed over, as by MLflow for a model that has none.

    Args:
        content_type: the header; "" counts as JSON.
        images_required: False lets rows have a text and no image.
        read_csv: what does the work of `csv_rows`, where it is not to be done here.

    Raises:
        RequestError: 400 with what is wrong and where, 413 for more than `max_rows` rows, 415 for
            another type of content or another charset than UTF-8.
    """
    kind, charset = _parse_content_type(content_type)
    if kind not in (*_JSON, "text/csv"):
        raise RequestError(
            f"content type {reprlib.repr(kind)}; expected application/json or text/csv", status=415
        )
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise RequestError(f"charset {reprlib.repr(charset)}; expected utf-8", status=415)
    example = EXAMPLE_INVOCATION
    if kind == "text/csv":
        example = EXAMPLE_CSV
        cells, texts = _csv_cells(read_csv(body, max_rows), images_required)
    else:
        cells, texts = _json_cells(body, images_required)
    return checked_request(
        cells, texts, example, max_rows=max_rows, images_required=images_required
    )


def write_predictions(answer: bytes) -> bytes:
    """`{"predictions": answer}`, where `answer` is the JSON list that wire.py wrote."""
    return b'{"predictions":' + answer + b"}"


def _parse_content_type(header: str) -> tuple[str, str]:
    """Media type and charset, in lower case; other parameters say nothing here."""
    kind, *parameters = header.split(";")
    charset = "utf-8"
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
    return kind.strip().lower(), charset


def _json_cells(body: bytes, images_required: bool) -> tuple[list[Any], list[Any]]:
    """Image and text cells of a JSON body."""
    document = read_object(body, EXAMPLE_INVOCATION)
    given = [name for name in FORMATS if name in document]
    if len(given) != 1:
        raise RequestError(
            f"expected exactly one of {', '.join(FORMATS)}; the body has the keys "
            f"{reprlib.repr(given or list(document))}. For example {EXAMPLE_INVOCATION}"
        )
    if not isinstance(document.get("params"), dict | None):
        raise RequestError("'params' must be a JSON object")
    (name,) = given
    value = document[name]
    if name == "dataframe_split":
        if not isinstance(value, dict):
            raise RequestError(f"'dataframe_split' must be an object: {EXAMPLE_INVOCATION}")
        return split_cells(value, EXAMPLE_INVOCATION, images_required=images_required)
    if name == "dataframe_records":
        if not isinstance(value, list):
            raise RequestError(
                "'dataframe_records' must be a list of objects: "
                '{"dataframe_records": [{"image": "<base64 or URL>"}]}'
            )
    elif isinstance(value, dict):
        return _column_cells(value, name, images_required)
    return listed_cells(value, EXAMPLE_INVOCATION, images_required=images_required)


def _column_cells(
    columns: dict[str, Any], key: str, images_required: bool
) -> tuple[list[Any], list[Any]]:
    """Cells of `{"image": [...], "text": [...]}`; without a list of images (texts), one row."""
    given = {name: columns[name] for name in ("image", "text") if columns.get(name) is not None}
    if "image" not in given and (images_required or not given):
        raise RequestError(
            f"{key!r} has the columns {reprlib.repr(list(columns))}; expected a column named "
            f'\'image\', as in {{"{key}": {{"image": ["<base64 or URL>"]}}}}'
        )
    first = given.get("image", given.get("text"))
    if not isinstance(first, list):
        # A list beside a single image is its list of labels.
        return [given.get("image")], [given.get("text")]
    for name, cells in given.items():
        if not isinstance(cells, list) or len(cells) != len(first):
            raise RequestError(
                f"the column {name!r} must be a list of {len(first)} cells, "
                "as many as there are images"
            )
    nothing = [None] * len(first)
    images = [
        cell[0] if isinstance(cell, list) and len(cell) == 1 else cell
        for cell in given.get("image", nothing)
    ]
    return images, given.get("text", nothing)


def _csv_cells(rows: list[list[str]], images_required: bool) -> tuple[list[Any], list[Any]]:
    """Image and text cells of a CSV body's rows, of which the first is the header."""
    header, data = (rows[0], rows[1:]) if rows else ([], [])
    columns = [name.strip() for name in header]
    if "image" not in columns and (images_required or "text" not in columns):
        raise RequestError(
            f"the CSV's header is {reprlib.repr(columns)}; expected a column named 'image': "
            f"{EXAMPLE_CSV}"
        )
    return split_cells(
        {"columns": columns, "data": data}, EXAMPLE_CSV, images_required=images_required
    )
