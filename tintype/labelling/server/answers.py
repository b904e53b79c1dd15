"""What routes answer; `openapi.json` is made of these."""

from __future__ import annotations

from typing import Any, Literal

import orjson
from fastapi import Response
from pydantic import BaseModel

from tintype.labelling.decisions import State
from tintype.labelling.people import Role
from tintype.labelling.projects import ProjectState

__all__ = [
    "ActionAnswer",
    "AssistantAnswer",
    "ConfidentAnswer",
    "FoldersAnswer",
    "GroupAnswer",
    "IdsAnswer",
    "ImportAnswer",
    "LikelyErrorAnswer",
    "MemberAnswer",
    "PageAnswer",
    "PeopleAnswer",
    "PictureWithHistoryAnswer",
    "PicturesAnswer",
    "ProjectAnswer",
    "ProjectLineAnswer",
    "RefreshAnswer",
    "SessionAnswer",
    "json_answer",
]


def json_answer(content: dict[str, Any]) -> Response:
    """An answer that is not checked against its model, for those that come a hundred times a second or are about
    100,000 pictures: to check takes longer than to answer, and everybody waits for it."""
    return Response(orjson.dumps(content), media_type="application/json")


class SessionAnswer(BaseModel):
    """Who is signed in."""

    person: str | None
    csrf: str
    """Goes into the header x-csrf-token of everything that changes something."""
    local: bool
    """Whether the server is this machine's alone, where nobody signs in."""
    in_studio: bool
    """Whether the server is the studio's, whose pages stand beside these."""


class MemberAnswer(BaseModel):
    """A person and their role; None where it was taken away."""

    person: str
    role: Role | None = None


class FoldersAnswer(BaseModel):
    """Folders that projects may be made of, by the names that requests use."""

    folders: list[str]


class ProjectLineAnswer(BaseModel):
    """A project in a list."""

    name: str
    task: str
    state: ProjectState
    role: Role


class LabelAnswer(BaseModel):
    """A label: `name` in levels is written Animal/Cat."""

    name: str
    colour: str
    key: str | None
    description: str


class LabellersAnswer(BaseModel):
    """How many people answer each picture."""

    least: int
    most: int


class ProjectAnswer(BaseModel):
    """A project; `data` and `members` for owners alone."""

    name: str
    task: str
    state: ProjectState
    labels: list[LabelAnswer]
    instructions: str
    """Markdown as it was written: to be made safe before it is shown."""
    labellers: LabellersAnswer
    existing_labels: str
    model: str
    zero_shot_model: str | None
    created_at: str
    role: Role
    pictures: dict[str, int]
    """By state, and `total`."""
    labelled: dict[str, int]
    """By label."""
    faults: dict[str, int]
    """Files that are missing, changed or unreadable."""
    data: str | None = None
    members: dict[str, str] | None = None


class RefreshAnswer(BaseModel):
    """What became of the data."""

    added: int
    missing: int
    changed: int


class ImportAnswer(BaseModel):
    """What an import did."""

    labelled: int
    suggested: int
    added_pictures: int
    skipped: int
    added_labels: list[str]


class SuggestionAnswer(BaseModel):
    """What is proposed for a picture."""

    labels: list[str]
    confidence: float | None
    """Calibrated; None where the source gives none."""
    source: str
    """imported, earlier, labels (learnt from people's) or names (zero-shot)."""


class GivenAnswerAnswer(BaseModel):
    """What one person says of a picture."""

    person: str
    labels: list[str]
    skipped: bool
    reason: str
    how: str
    at: str


class PictureAnswer(BaseModel):
    """A picture as it is now."""

    id: int
    name: str
    state: State
    labels: list[str]
    how: str | None
    person: str | None
    decided_at: str | None
    flagged: bool
    fault: str | None
    revision: int
    """Goes back with an action, which is refused where it is another by then."""
    suggestion: SuggestionAnswer | None
    answers: list[GivenAnswerAnswer] | None = None
    """Of each person, for reviewers; labellers are not told what others said."""


class HistoryAnswer(BaseModel):
    """Something that was done about a picture."""

    action: int
    kind: str
    how: str
    person: str
    at: str
    text: str
    labels: list[str]


class PictureWithHistoryAnswer(PictureAnswer):
    """A picture, and what was done about it, newest first."""

    history: list[HistoryAnswer]


class PicturesAnswer(BaseModel):
    """Pictures in the order to work through them."""

    pictures: list[PictureAnswer]


class PageAnswer(PicturesAnswer):
    """A page of a filter."""

    next: int | None
    """What `after` is to be for the next page; None on the last."""


class ChangedAnswer(BaseModel):
    """A picture after an action."""

    id: int
    state: State
    labels: list[str]
    flagged: bool
    revision: int


class ActionAnswer(BaseModel):
    """An action that was done and saved."""

    action: int
    kind: str
    repeated: bool
    """It had been done before, under this client_id."""
    conflicts: list[int]
    """Pictures left as they are, for others have changed them since."""
    pictures: list[ChangedAnswer]


class AccuracyAnswer(BaseModel):
    """The share of a random sample that suggestions are right about."""

    accuracy: float
    low: float
    high: float
    pictures: int
    gain_of_last_doubling: float
    paying: bool
    """Whether labelling more may still bring a hundredth."""


class AssistantAnswer(BaseModel):
    """How far the assistant has come."""

    features: int
    """Pictures that it has looked at."""
    labelled: int
    """Pictures that it learnt from."""
    suggestions_from: Literal["labels", "names"] | None
    accuracy: AccuracyAnswer | None
    fault: str | None
    """Why it cannot work."""


class GroupAnswer(BaseModel):
    """Pictures that look alike, the most typical first."""

    pictures: list[int]
    tightness: float


class IdsAnswer(BaseModel):
    """Ids of pictures."""

    pictures: list[int]


class ConfidentAnswer(SuggestionAnswer):
    """A picture whose suggestion is sure."""

    id: int


class LikelyErrorAnswer(BaseModel):
    """A labelled picture that is likely wrong."""

    id: int
    labels: list[str]
    proposed: list[str]
    confidence: float


class PersonAnswer(BaseModel):
    """What one person has done."""

    person: str
    answers: int
    last_hour: int
    seconds: float | None
    """Median for a picture."""


class KappaAnswer(BaseModel):
    """Cohen's kappa of two people over the pictures that both answered."""

    people: list[str]
    kappa: float | None
    pictures: int


class PeopleAnswer(BaseModel):
    """Throughput and agreement."""

    people: list[PersonAnswer]
    alpha: float | None
    """Krippendorff's."""
    kappas: list[KappaAnswer]
