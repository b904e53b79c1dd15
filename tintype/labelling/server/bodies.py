"""What requests say, checked; `openapi.json` is made of these."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tintype.labelling.making import NewLabels
from tintype.labelling.people import Role
from tintype.labelling.projects import ProjectState
from tintype.schemas.document import StrictModel
from tintype.schemas.labelling_project import LabelDocument, LabellingProjectTerms

__all__ = [
    "ActionBody",
    "AnswerHow",
    "InviteAcceptedBody",
    "InviteBody",
    "MemberBody",
    "NewProjectBody",
    "ProjectChangeBody",
    "ReversalBody",
    "SignInBody",
    "TasksBody",
]

_MOST = 100_000

AnswerHow = Literal["chosen", "suggested", "changed", "bulk"]

ClientId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]


class SignInBody(StrictModel):
    """A name and its password."""

    name: str = Field(max_length=255)
    password: str = Field(max_length=1000)


class InviteAcceptedBody(StrictModel):
    """The token of an invitation's link, and a password to sign in with later."""

    token: str = Field(max_length=100)
    password: str | None = Field(None, max_length=1000)


class InviteBody(StrictModel):
    """Who is invited."""

    person: str = Field(max_length=255)
    role: Role = "labeller"


class MemberBody(StrictModel):
    """A role."""

    role: Role


class NewProjectBody(LabellingProjectTerms):
    """A project to be made; `data` is one of `GET /api/folders`, or something in it."""


class ProjectChangeBody(StrictModel):
    """What is to be changed; the rest stays."""

    state: ProjectState | None = None
    instructions: str | None = Field(None, max_length=200_000)
    add_labels: list[LabelDocument] = Field(default_factory=list, max_length=10_000)
    remove_labels: list[str] = Field(default_factory=list, max_length=10_000)
    existing_answers: NewLabels = "continue"


class TasksBody(StrictModel):
    """How many pictures to hand out, and in which order."""

    count: int = Field(9, ge=1, le=200)
    order: Literal[
        "auto", "uncertainty", "margin", "entropy", "bald", "coreset", "confidence", "random"
    ] = "auto"


class ActionBody(StrictModel):
    """One action about one or more pictures."""

    client_id: ClientId
    """Made anew for each action: sent twice, it is done once."""
    kind: Literal[
        "label", "skip", "clear", "flag", "unflag", "comment", "accept", "change", "reject"
    ]
    pictures: list[int] = Field(min_length=1, max_length=_MOST)
    labels: list[str] = Field(default_factory=list, max_length=1_000)
    """Names, for all of the pictures."""
    labels_by_picture: dict[int, list[str]] | None = Field(None, max_length=_MOST)
    """In place of `labels`: of each picture its own, as when suggestions are confirmed."""
    how: AnswerHow = "chosen"
    text: str = Field("", max_length=10_000)
    """A comment, or why it was skipped or rejected."""
    seconds: float | None = Field(None, ge=0, le=86_400)
    revisions: dict[int, int] = Field(default_factory=dict, max_length=_MOST)
    """Of pictures: the revision that the person saw; 409 where it is another by now."""


class ReversalBody(StrictModel):
    """Of undo and redo."""

    client_id: ClientId
