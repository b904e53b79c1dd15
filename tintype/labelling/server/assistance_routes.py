"""Routes of the assistant: groups, look-alikes, sure suggestions, likely errors, and how good it is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from tintype.errors import RequestError
from tintype.labelling.assistance.asking import AskedAssistant
from tintype.labelling.labels import named_label
from tintype.labelling.pictures import picture_of
from tintype.labelling.server.answers import (
    AssistantAnswer,
    ConfidentAnswer,
    GroupAnswer,
    IdsAnswer,
    LikelyErrorAnswer,
)
from tintype.labelling.server.proposals import shown_suggestion
from tintype.labelling.server.visitors import Access, as_labeller, as_reviewer

__all__ = ["router"]

router = APIRouter(prefix="/api/projects/{name}/assistant", tags=["assistant"])

AsLabeller = Annotated[Access, Depends(as_labeller)]
AsReviewer = Annotated[Access, Depends(as_reviewer)]
Limit = Annotated[int, Query(ge=1, le=1000)]


@router.get("", response_model=AssistantAnswer)
def show_assistant(access: AsLabeller) -> dict[str, Any]:
    """How far it has come: features, labels, where suggestions come from; `accuracy` on a random sample
    with its interval, and whether labelling more still pays; `fault` where it cannot work."""
    assistants, name = access.labelling.assistants, access.project.name
    assistant = assistants.of(name)
    status = {"features": 0, "labelled": 0, "suggestions_from": None, "accuracy": None}
    if assistant is not None:
        status = assistant.status()
    return {**status, "fault": assistants.fault(name)}


@router.get("/groups", response_model=list[GroupAnswer])
def list_groups(access: AsLabeller) -> list[dict[str, Any]]:
    """Unlabelled pictures that look alike, to be labelled at one stroke; the tightest first."""
    return [
        {"pictures": list(group.pictures), "tightness": round(group.tightness, 4)}
        for group in _assistant(access).groups()
    ]


@router.get("/similar/{number}", response_model=IdsAnswer)
def list_similar(access: AsLabeller, number: int, limit: Limit = 60) -> dict[str, Any]:
    """Unlabelled pictures that look most like one, nearest first."""
    with access.database.reading() as connection:
        picture_of(connection, access.project, number)
    return {"pictures": _assistant(access).similar(number, limit)}


@router.get("/confident", response_model=list[ConfidentAnswer])
def list_confident(
    access: AsLabeller,
    label: str | None = None,
    least: Annotated[float, Query(ge=0, le=1)] = 0.95,
    limit: Limit = 200,
) -> list[dict[str, Any]]:
    """Unlabelled pictures whose suggestion is that sure or more, to be confirmed at one stroke."""
    number = None if label is None else named_label(access.project.labels, label).id
    names = {label.id: label.name for label in access.project.labels}
    return [
        {"id": one.picture, **shown_suggestion(one, names)}
        for one in _assistant(access).confident(number, least, limit)
    ]


@router.get("/likely-errors", response_model=list[LikelyErrorAnswer])
def list_likely_errors(access: AsReviewer, limit: Limit = 100) -> list[dict[str, Any]]:
    """Labelled pictures whose labels are likely wrong, the worst first."""
    names = {label.id: label.name for label in access.project.labels}
    return [
        {
            "id": one.picture,
            "labels": [names[label] for label in one.given if label in names],
            "proposed": [names[label] for label in one.proposed if label in names],
            "confidence": round(one.confidence, 4),
        }
        for one in _assistant(access).likely_errors(limit)
    ]


def _assistant(access: Access) -> AskedAssistant:
    assistants, name = access.labelling.assistants, access.project.name
    assistant = assistants.of(name)
    if assistant is None:
        raise RequestError(f"the project has no assistant: {assistants.fault(name)}", status=409)
    return assistant
