"""Routes of the pictures of a table: one with all that is known of it, its bytes, a small copy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from tintype.errors import RequestError
from tintype.images.shown_pictures import SIDES, picture_bytes, thumbnail_bytes
from tintype.images.source import is_url
from tintype.studio.explanations import PredictedPicture
from tintype.studio.routes.explained import (
    ExplainBody,
    ExplainedAnswer,
    OfferedAnswer,
    unless_gone,
)
from tintype.studio.routes.table_answers import OpenedOf, PictureAnswer
from tintype.studio.routes.tables import rows_shown
from tintype.studio.state import StudioOf
from tintype.studio.tables.opened import OpenTable

__all__ = ["router"]

router = APIRouter(prefix="/api/table/pictures/{row}", tags=["data"])

_NEIGHBOURS = 24

# Addresses hold the table's key, which is another one once rows have other numbers.
_KEPT = {"cache-control": "private, max-age=3600"}


@router.get("", response_model=PictureAnswer)
def show_picture(opened: OpenedOf, row: int) -> dict[str, Any]:
    """A picture: its row, where it was read from, near-duplicates, and pictures that are like it."""
    location = opened.table.location(row)
    shown = rows_shown(opened, [row])[0]
    file, line = opened.table.origin(row)
    inspection, found = opened.inspection, opened.map
    near = [] if found is None else found.neighbours(row, _NEIGHBOURS)
    alike: list[int] = []
    if inspection is not None and row in inspection.group_of:
        alike = inspection.groups[inspection.group_of[row]]["rows"]
    neighbours = zip(rows_shown(opened, [other for other, _ in near]), near, strict=True)
    return {
        **shown,
        "location": location.encode("utf-8", "replace").decode(),
        "file": file,
        "line": line,
        "neighbours": [{**each, "cosine": round(cosine, 4)} for each, (_, cosine) in neighbours],
        "near_duplicates": rows_shown(
            opened, [other for other in alike if other != row][:_NEIGHBOURS]
        ),
        "predicted_by": None if shown["prediction"] is None else opened.source.predicted_by,
        "mapped": bool(near),
    }


@router.get("/image", response_class=Response)
def show_image(opened: OpenedOf, row: int) -> Response:
    """The picture in full."""
    content, media_type = picture_bytes(_place(opened, row))
    return Response(content, media_type=media_type, headers=_KEPT)


@router.get("/thumbnail", response_class=Response)
def show_thumbnail(opened: OpenedOf, row: int, side: int = 256) -> Response:
    """The picture as a JPEG of at most `side` pixels a side: 128, 256, 512 or 1024."""
    if side not in SIDES:
        raise RequestError(f"side={side}: expected one of {', '.join(map(str, SIDES))}")
    content = thumbnail_bytes(_place(opened, row), side)
    return Response(content, media_type="image/jpeg", headers=_KEPT)


def predicted_picture(opened: OpenedOf, row: int) -> PredictedPicture:
    """A picture as a run has predicted it.

    Raises:
        RequestError: 404, which model predicted it is not known, or there is no such picture.
    """
    run = opened.source.predicted_by
    if run is None:
        raise RequestError("which model predicted these pictures is not known", status=404)
    labels = rows_shown(opened, [row])[0]["labels"]
    return PredictedPicture(run, _place(opened, row), tuple(labels))


PredictedOf = Annotated[PredictedPicture, Depends(predicted_picture)]


@router.get("/explanations", response_model=OfferedAnswer)
async def show_explanations(
    studio: StudioOf, request: Request, asked: PredictedOf
) -> dict[str, Any]:
    """How the model that predicted can be asked why it did."""
    return await unless_gone(request, studio.explanations.offered(asked.run))


@router.post("/explanation", response_model=list[ExplainedAnswer])
async def explain_picture(
    studio: StudioOf, request: Request, asked: PredictedOf, body: ExplainBody
) -> list[dict[str, Any]]:
    """Why the model predicted what it did, and how far it sees what the data say."""
    return await unless_gone(request, studio.explanations.explain(asked, body.method))


def _place(opened: OpenTable, row: int) -> str:
    """Where the picture of a row is.

    Raises:
        RequestError: 404, there is none, or a link leads out of the folder that may be looked at.
    """
    location = opened.table.location(row)
    within = opened.source.within
    if within is not None and not is_url(location):
        # It lay inside when the table was read.
        location = os.path.realpath(location)
        if not Path(location).is_relative_to(within):
            raise RequestError("the picture cannot be read", status=404)
    return location
