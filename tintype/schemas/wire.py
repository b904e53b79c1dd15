"""The wire: score requests as clients write them, answers in each of Azure's three styles.

The accepted shapes and the names A, B, C of the styles are those of docs/contracts.md §0.4.
Nothing is decoded here: a request becomes a list of texts, one per image. The readers of other
protocols (mlflow_protocol.py, open_inference.py) share the checks of cells and rows.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import orjson

from tintype.errors import RequestError, UsageError
from tintype.schemas.explained_cell import XaiParameters, read_explained_cell

__all__ = [
    "EXAMPLE_REQUEST",
    "STYLES",
    "ScoreRequest",
    "Style",
    "checked_request",
    "listed_cells",
    "parse_style",
    "read_object",
    "read_score_request",
    "split_cells",
    "write_answer",
    "write_embeddings",
]

Style = Literal["probs", "list", "ranked"]

STYLES: dict[str, Style] = {
    "probs": "probs",
    "list": "list",
    "ranked": "ranked",
    # Azure's generations, for those who know them by letter.
    "A": "probs",
    "B": "list",
    "C": "ranked",
}

EXAMPLE_REQUEST = (
    '{"input_data": {"columns": ["image"], "index": [0], "data": ["<base64 or URL>"]}}'
)

# The rank-keyed style answers with five labels, as Azure's deployed models do.
_RANKED = 5


@dataclass(frozen=True)
class ScoreRequest:
    """A request whose shape is right."""

    images: list[str]
    """base64, data: URI or URL of each row, not looked into yet; "" where a row has none."""

    texts: list[str]
    """The column `text` of each row, "" where there is none. A JSON list of labels stays JSON."""

    explanations: dict[int, XaiParameters] = field(default_factory=dict)
    """How the answers of some rows are to be explained."""


def parse_style(name: str) -> Style:
    """
    Raises:
        UsageError: no such response style.
    """
    if name not in STYLES:
        raise UsageError(f"response style {name!r}: expected probs (A), list (B) or ranked (C)")
    return STYLES[name]


def read_score_request(body: bytes, *, max_rows: int, images_required: bool = True) -> ScoreRequest:
    """Read the JSON body of a score request.

    Args:
        images_required: False lets rows have a text and no image.

    Raises:
        RequestError: 400 with what is wrong and where, 413 for more than `max_rows` rows.
    """
    document = read_object(body, EXAMPLE_REQUEST)
    if not isinstance(document.get("params"), dict | None):
        raise RequestError("'params' must be a JSON object; it may be left out")
    data = document.get("input_data", document.get("inputs"))
    if data is None:
        raise RequestError(
            f"A value is not provided for the 'input_data' parameter. Expected {EXAMPLE_REQUEST}"
        )
    if isinstance(data, dict):
        cells, texts = split_cells(data, EXAMPLE_REQUEST, images_required=images_required)
    else:
        cells, texts = listed_cells(data, EXAMPLE_REQUEST, images_required=images_required)
    return checked_request(
        cells, texts, EXAMPLE_REQUEST, max_rows=max_rows, images_required=images_required
    )


def read_object(body: bytes, example: str) -> dict[str, Any]:
    """The JSON object that a body holds.

    Raises:
        RequestError: 400 with `example`, where it holds none.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"the body is not JSON: {error}. Expected {example}") from None
    if not isinstance(document, dict):
        raise RequestError(f"the body must be a JSON object: {example}")
    return document


def checked_request(
    cells: Sequence[Any],
    texts: Sequence[Any],
    example: str,
    *,
    max_rows: int,
    images_required: bool,
) -> ScoreRequest:
    """Image and text cells of each row, as read from JSON, once they are known to be right.

    Raises:
        RequestError: 400 for no rows (shows `example`) and for a cell that is not what it should
            be, 413 for more than `max_rows` rows.
    """
    if len(cells) > max_rows:
        raise RequestError(f"{len(cells)} rows; the limit is {max_rows} a request", status=413)
    if not cells:
        raise RequestError(f"there are no rows in it. Expected {example}")
    if not images_required:
        cells = ["" if cell is None else cell for cell in cells]
    read = [_checked_cell(cell, row) for row, cell in enumerate(cells)]
    return ScoreRequest(
        [image for image, _ in read],
        # Where a text may stand alone it is what is embedded, not a list of labels.
        [_checked_text(text, row, may_be_labels=images_required) for row, text in enumerate(texts)],
        {row: wanted for row, (_, wanted) in enumerate(read) if wanted is not None},
    )


def write_answer(probabilities: Sequence[np.ndarray], labels: Sequence[str], style: Style) -> bytes:
    """JSON for float32 (classes,) probabilities of each row, in the style asked for."""
    if style == "probs":
        names = list(labels)
        answer: list[Any] = [{"probs": row, "labels": names} for row in probabilities]
    elif style == "list":
        answer = [_ranked(row, labels, len(labels)) for row in probabilities]
    else:
        answer = [
            {str(rank): entry for rank, entry in enumerate(_ranked(row, labels, _RANKED))}
            for row in probabilities
        ]
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def write_embeddings(
    image_features: Sequence[np.ndarray] | None, text_features: Sequence[np.ndarray] | None
) -> bytes:
    """JSON for float32 (D,) features of each row, of its image, its text or both."""
    named = {"image_features": image_features, "text_features": text_features}
    given = {name: features for name, features in named.items() if features is not None}
    rows = [
        dict(zip(given, features, strict=True)) for features in zip(*given.values(), strict=True)
    ]
    return orjson.dumps(rows, option=orjson.OPT_SERIALIZE_NUMPY)


def _ranked(row: np.ndarray, labels: Sequence[str], count: int) -> list[dict[str, Any]]:
    order = np.argsort(-row, kind="stable")[:count]
    return [{"label": labels[code], "score": float(row[code])} for code in order]


def split_cells(
    data: dict[str, Any], example: str, *, images_required: bool
) -> tuple[list[Any], list[Any]]:
    """Image and text cells of `{"columns": [...], "index": [...], "data": [...]}`.

    Raises:
        RequestError: 400 for another shape; may show `example`.
    """
    rows = data.get("data")
    if rows is None and isinstance(data.get("input_string"), list):
        return list(data["input_string"]), [None] * len(data["input_string"])
    if not isinstance(rows, list):
        raise RequestError(
            f"Invalid input format: expected an array of items in 'data'. Expected {example}"
        )
    columns = data.get("columns", ["image"])
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise RequestError("'columns' must be a list of names, such as [\"image\"]")
    if "image" not in columns and (images_required or "text" not in columns):
        shown = reprlib.repr(columns)
        raise RequestError(f"'columns' is {shown}; expected a column named 'image'")
    index = data.get("index")
    if index is not None and (not isinstance(index, list) or len(index) != len(rows)):
        raise RequestError(
            f"'index' must be a list of {len(rows)} entries, one for each row of 'data'"
        )
    # A row that is too short lacks its last columns: Azure's own request leaves the text out.
    needed = columns.index("image") + 1 if "image" in columns else 0
    cells, texts = [], []
    for number, row in enumerate(rows):
        listed = row if isinstance(row, list) else [row]
        if len(listed) < needed or len(listed) > len(columns):
            raise RequestError(
                f"row {number} has {len(listed)} cells for the columns {reprlib.repr(columns)}",
                row=number,
            )
        named = dict(zip(columns, listed, strict=False))
        cells.append(named.get("image"))
        texts.append(named.get("text"))
    return cells, texts


def listed_cells(data: Any, example: str, *, images_required: bool) -> tuple[list[Any], list[Any]]:
    """Cells of a plain list: texts, one-element lists, or {"image": ..., "text": ...} objects.

    Raises:
        RequestError: 400 for another shape; may show `example`.
    """
    if isinstance(data, str):
        return [data], [None]
    if not isinstance(data, list):
        raise RequestError(f"Invalid input format: expected an array of items. Expected {example}")
    cells, texts = [], []
    for number, item in enumerate(data):
        text: Any = None
        if isinstance(item, dict):
            if "image" not in item and (images_required or "text" not in item):
                raise RequestError(f"row {number} has no key 'image'", row=number)
            text, item = item.get("text"), item.get("image")
        elif isinstance(item, list):
            if len(item) != 1:
                raise RequestError(f"row {number} has {len(item)} cells; expected one", row=number)
            item = item[0]
        cells.append(item)
        texts.append(text)
    return cells, texts


def _checked_text(text: Any, row: int, *, may_be_labels: bool) -> str:
    if text is None:
        return ""
    if isinstance(text, list) and may_be_labels:
        try:
            return orjson.dumps(text).decode()
        except orjson.JSONEncodeError:
            # orjson reads deeper nesting than it writes.
            raise RequestError(
                f"row {row}: the text is nested too deeply; expected text, or a list of labels",
                row=row,
            ) from None
    if not isinstance(text, str):
        expected = "text, or a list of labels" if may_be_labels else "text"
        raise RequestError(
            f"row {row}: the text is {type(text).__name__}; expected {expected}", row=row
        )
    return text


def _checked_cell(cell: Any, row: int) -> tuple[str, XaiParameters | None]:
    if not isinstance(cell, str):
        kind = "null" if cell is None else type(cell).__name__
        raise RequestError(
            f"row {row}: the image is {kind}; expected text: base64, a data: URI or an http(s) URL",
            row=row,
        )
    return read_explained_cell(cell, row)
