"""Routes of comparisons: two models on the same pictures, by two runs."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from tintype.errors import RequestError, UsageError
from tintype.images.shown_pictures import thumbnail_bytes
from tintype.studio.comparing import begin_comparison, compared
from tintype.studio.explanations import PredictedPicture
from tintype.studio.routes.explained import (
    ExplainBody,
    ExplainedAnswer,
    OfferedAnswer,
    unless_gone,
)
from tintype.studio.state import StudioOf
from tintype.workspace.comparisons import Comparison, ComparisonStore

__all__ = ["router"]

router = APIRouter(prefix="/api/comparisons", tags=["models"])

_SIDE = 512


class ComparisonBody(BaseModel):
    """Which models, and on which pictures: at most a hundred of them, evenly chosen."""

    first: str = Field(min_length=1, max_length=4096)
    second: str = Field(min_length=1, max_length=4096)
    data: str = Field(min_length=1, max_length=4096)


class ModelOfComparisonAnswer(BaseModel):
    """One side."""

    model: str
    run: str
    status: str | None
    """Of its run; None where that is gone."""
    error: str | None


class SideAnswer(BaseModel):
    """What a model said of a picture: the five likeliest labels."""

    labels: list[str]
    probs: list[float]
    error: str | None


class ComparedAnswer(BaseModel):
    """A picture."""

    row: int
    picture: str
    label: str | list[str] | None
    """What the data say."""
    answers: list[SideAnswer | None]
    agree: bool
    """Whether the likeliest label is the same."""
    difference: float
    """Between the probabilities, 0 to 1."""


class ComparisonAnswer(BaseModel):
    """Both sides, and pictures: those first where they differ."""

    id: str
    data: str
    created_at: str
    sides: list[ModelOfComparisonAnswer]
    rows: list[ComparedAnswer]


class StartedAnswer(BaseModel):
    """A comparison that has begun."""

    id: str
    runs: list[str]


@router.post("", response_model=StartedAnswer, status_code=201)
def compare(studio: StudioOf, body: ComparisonBody) -> dict[str, Any]:
    """Have both models look at the same pictures: two batch runs, whose topics tell how far they are."""
    begun = begin_comparison(body.first, body.second, body.data)
    studio.runs.refresh()
    return {"id": begun.id, "runs": list(begun.runs)}


@router.get("/{id_}", response_model=ComparisonAnswer)
def show_comparison(studio: StudioOf, id_: str) -> dict[str, Any]:
    """How far the runs are, and what they have found."""
    found = _known(id_)
    sides = []
    for model, run in zip(found.models, found.runs, strict=True):
        side: dict[str, Any] = {"model": model, "run": run, "status": None, "error": None}
        with contextlib.suppress(UsageError):
            # Its folder may have been deleted by hand.
            record = studio.runs.get(run)
            side |= {"status": record.status, "error": record.error}
        sides.append(side)
    return {**vars(found), "sides": sides, "rows": compared(found)}


@router.get("/{id_}/pictures/{row}", response_class=Response)
def show_picture(id_: str, row: int) -> Response:
    """A picture of the comparison, small, as JPEG: no other file can be asked for."""
    content = thumbnail_bytes(_location(_known(id_), row), _SIDE)
    return Response(content, media_type="image/jpeg", headers={"cache-control": "max-age=3600"})


def run_of_side(id_: str, side: int) -> str:
    """The run of one of the two models.

    Raises:
        RequestError: 404, no such comparison or side.
    """
    runs = _known(id_).runs
    if not 0 <= side < len(runs):
        raise RequestError(f"side {side}: a comparison has 0 and 1", status=404)
    return runs[side]


def picture_of_side(id_: str, side: int, row: int) -> PredictedPicture:
    """A picture as one of the two models has predicted it.

    Raises:
        RequestError: 404, there is none.
    """
    found = _known(id_)
    labels = found.labels[row] if 0 <= row < len(found.labels) else None
    known = tuple(labels) if isinstance(labels, list) else () if labels is None else (labels,)
    return PredictedPicture(run_of_side(id_, side), _location(found, row), known)


@router.get("/{id_}/sides/{side}/explanations", response_model=OfferedAnswer)
async def show_explanations(
    studio: StudioOf, request: Request, run: Annotated[str, Depends(run_of_side)]
) -> dict[str, Any]:
    """How one of the two models can be asked why it says what it says."""
    return await unless_gone(request, studio.explanations.offered(run))


@router.post("/{id_}/sides/{side}/pictures/{row}/explanation", response_model=list[ExplainedAnswer])
async def explain_picture(
    studio: StudioOf,
    request: Request,
    asked: Annotated[PredictedPicture, Depends(picture_of_side)],
    body: ExplainBody,
) -> list[dict[str, Any]]:
    """Why one of the two models says what it says of a picture, and how far it sees what the data say."""
    return await unless_gone(request, studio.explanations.explain(asked, body.method))


def _location(comparison: Comparison, row: int) -> str:
    pictures = ComparisonStore().pictures(comparison.id)
    if not 0 <= row < len(pictures):
        raise RequestError("there is no such picture", status=404)
    return pictures[row]


def _known(id_: str) -> Comparison:
    try:
        return ComparisonStore().get(id_)
    except UsageError as error:
        raise RequestError(str(error), status=404) from None
