"""Azure's cells for explanations: a JSON object in the text of an image cell (docs/contracts.md §2.13)."""

from __future__ import annotations

from typing import Any

import orjson

from tintype.errors import RequestError, UsageError
from tintype.schemas.document import Document, validate
from tintype.schemas.explanation import ExplanationOptions, MethodName

__all__ = ["XaiParameters", "read_explained_cell"]


class XaiParameters(ExplanationOptions):
    """`xai_parameters` of a cell, with Azure's names and defaults."""

    xai_algorithm: MethodName = "xrai"
    """Azure's four, and those of `tintype explain`."""

    visualizations: bool = True
    """Whether the answer has a picture: the input, its heat map, both together and the top 30 % of pixels."""

    attributions: bool = False
    """Whether the answer has the numbers behind it: [3, height, width]."""


def read_explained_cell(cell: str, row: int) -> tuple[str, XaiParameters | None]:
    """The image of a cell, and how its answer is to be explained; None: not at all.

    A cell that is no JSON object is the image itself.

    Raises:
        RequestError: 400 for an object without an image, and for what is wrong with its parameters.
    """
    if not cell.lstrip().startswith("{"):
        return cell, None
    try:
        content = orjson.loads(cell)
    except orjson.JSONDecodeError:
        return cell, None
    image = content.get("image_base64") if isinstance(content, dict) else None
    if not isinstance(image, str):
        raise RequestError(f"row {row}: the JSON in the cell has no 'image_base64'", row=row)
    asked = content.get("model_explainability", False)
    if not isinstance(asked, bool):
        raise RequestError(f"row {row}: 'model_explainability' must be true or false", row=row)
    return image, _parameters(content.get("xai_parameters"), row) if asked else None


def _parameters(given: Any, row: int) -> XaiParameters:
    if not isinstance(given, dict | None):
        raise RequestError(f"row {row}: 'xai_parameters' must be a JSON object", row=row)
    try:
        found = validate(XaiParameters, Document(given or {}))
    except UsageError as error:
        raise RequestError(f"row {row}: xai_parameters: {error}", row=row) from None
    if not (found.visualizations or found.attributions):
        raise RequestError(
            f"row {row}: xai_parameters ask for neither visualizations nor attributions", row=row
        )
    return found
