"""The tables of the labelling store, as the latest migration leaves them.

`actions` and `changes` are the log: rows are appended and never altered. Everything else that tells of
a picture (its state, labels, answers) follows from the log and is kept beside it, in the same
transaction, so that pages need not read the log. Times are seconds since 1970 in UTC. Lists of labels
are lists of `labels.id`, ascending.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = [
    "ActionPartRow",
    "ActionRow",
    "AnswerRow",
    "Base",
    "ChangeRow",
    "HandedOutRow",
    "InviteRow",
    "LabelRow",
    "MembershipRow",
    "PersonRow",
    "PictureLabelRow",
    "PictureRow",
    "ProjectRow",
    "SessionRow",
    "SuggestionRow",
]

# SQLite counts up by itself only in a column that is called INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")

Labels = list[int]


class Base(DeclarativeBase):
    """All tables."""

    type_annotation_map = {  # noqa: RUF012
        Labels: JSON,
        dict[str, Any]: JSON,
        int: _Number,
        float: Double,
    }


class ProjectRow(Base):
    """A labelling project; see `projects.Project`."""

    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    task: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    """running, paused or archived."""
    instructions: Mapped[str] = mapped_column(Text)
    """Markdown."""
    source: Mapped[dict[str, Any]]
    """Where the pictures come from, as the project's document says it."""
    least_answers: Mapped[int]
    most_answers: Mapped[int]
    model: Mapped[str] = mapped_column(Text)
    """The backbone whose features suggestions are made of."""
    zero_shot_model: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[float]


class LabelRow(Base):
    """A label of a project; one that was removed stays, for the log names it."""

    __tablename__ = "labels"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(Text)
    colour: Mapped[str] = mapped_column(String(7))
    key: Mapped[str | None] = mapped_column(String(1))
    description: Mapped[str] = mapped_column(Text)
    position: Mapped[int]
    removed_at: Mapped[float | None]


class PictureRow(Base):
    """A picture of a project and what is known of it now."""

    __tablename__ = "pictures"
    __table_args__ = (
        UniqueConstraint("project_id", "location"),
        # One page of a filter is one range of one of these.
        Index("pictures_in_order", "project_id", "id"),
        Index("pictures_by_state", "project_id", "state", "id"),
        Index("pictures_by_how", "project_id", "how", "id"),
        Index("pictures_by_person", "project_id", "person_id", "id"),
        Index("pictures_by_flag", "project_id", "flagged", "id"),
        Index("pictures_by_fault", "project_id", "fault", "id"),
        Index("pictures_by_draw", "project_id", "draw"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    location: Mapped[str] = mapped_column(Text)
    """Absolute path or http(s) URL."""
    name: Mapped[str] = mapped_column(Text)
    """Its path below the source, for people and exports."""
    digest: Mapped[str | None] = mapped_column(String(32))
    """BLAKE2b of the file's bytes; None until it was read."""
    size: Mapped[int | None]
    """Bytes."""
    modified_ns: Mapped[int | None]
    fault: Mapped[str | None] = mapped_column(String(16))
    """missing, changed or unreadable; None where the file is as it was added."""
    draw: Mapped[int]
    """A random number, 0 to 2**31 - 1: the order of random samples."""
    state: Mapped[str] = mapped_column(String(16))
    """unlabelled, labelled, skipped, needs_review or completed."""
    labels: Mapped[Labels]
    how: Mapped[str | None] = mapped_column(String(16))
    """Of the answer that decided: chosen, suggested, changed, bulk, imported or reviewed."""
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[float | None]
    answers: Mapped[int]
    """How many people have answered."""
    wanted: Mapped[int]
    """How many more answers it needs; 0 where it is decided."""
    flagged: Mapped[bool]
    revision: Mapped[int]
    """Counts up with every change."""


class PictureLabelRow(Base):
    """Each label that a picture has been decided to have."""

    __tablename__ = "picture_labels"
    __table_args__ = (Index("pictures_by_label", "label_id", "picture_id"),)

    picture_id: Mapped[int] = mapped_column(ForeignKey("pictures.id"), primary_key=True)
    label_id: Mapped[int] = mapped_column(ForeignKey("labels.id"), primary_key=True)


class AnswerRow(Base):
    """What one person says of one picture now; a reviewer's verdict is of kind `verdict`."""

    __tablename__ = "answers"
    __table_args__ = (Index("answers_by_person", "project_id", "person_id", "at"),)

    picture_id: Mapped[int] = mapped_column(ForeignKey("pictures.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    """answer or verdict."""
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    skipped: Mapped[bool]
    labels: Mapped[Labels]
    how: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[float]


class ActionRow(Base):
    """One thing that somebody did; never altered."""

    __tablename__ = "actions"
    __table_args__ = (
        UniqueConstraint("project_id", "client_id"),
        Index("actions_by_person", "project_id", "person_id", "id"),
        Index("actions_by_target", "target_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    client_id: Mapped[str] = mapped_column(String(64))
    """Given by whoever asked: the same action sent twice is done once."""
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    kind: Mapped[str] = mapped_column(String(16))
    how: Mapped[str] = mapped_column(String(16))
    at: Mapped[float]
    seconds: Mapped[float | None]
    """How long the person looked, where the page says so."""
    target_id: Mapped[int | None] = mapped_column(ForeignKey("actions.id"))
    """Of undo and redo: the action that is undone, or the undo that is taken back."""
    content: Mapped[dict[str, Any]]
    """What was asked for: labels, a reason, a comment."""


class ChangeRow(Base):
    """What an action did to one picture; never altered. `before` undoes it, `after` redoes it."""

    __tablename__ = "changes"
    __table_args__ = (Index("changes_by_picture", "picture_id", "action_id"),)

    action_id: Mapped[int] = mapped_column(ForeignKey("actions.id"), primary_key=True)
    picture_id: Mapped[int] = mapped_column(ForeignKey("pictures.id"), primary_key=True)
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]


class ActionPartRow(Base):
    """What is left to do of an action about many pictures; see `action_parts`."""

    __tablename__ = "action_parts"

    action_id: Mapped[int] = mapped_column(ForeignKey("actions.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    pictures: Mapped[list[int]]
    revisions: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))
    """Of each picture: the one that it had when the action was asked for; None of undo and redo."""
    labels: Mapped[list[list[int]] | None] = mapped_column(JSON(none_as_null=True))
    """Of each picture its own; None where the log has them for all."""


class HandedOutRow(Base):
    """A picture that somebody has before them; nobody else is handed it until it expires."""

    __tablename__ = "handed_out"
    __table_args__ = (Index("handed_out_by_person", "project_id", "person_id"),)

    picture_id: Mapped[int] = mapped_column(ForeignKey("pictures.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    expires_at: Mapped[float]


class SuggestionRow(Base):
    """Labels that a source proposes for a picture, to be taken or changed by people."""

    __tablename__ = "suggestions"

    picture_id: Mapped[int] = mapped_column(ForeignKey("pictures.id"), primary_key=True)
    source: Mapped[str] = mapped_column(String(32), primary_key=True)
    """imported, earlier (labels of before a new start) or the name of a model."""
    labels: Mapped[Labels]
    confidence: Mapped[float | None]


class PersonRow(Base):
    """Somebody who labels; imports and programs have a name, too."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    password: Mapped[str | None] = mapped_column(Text)
    """argon2's digest; None where the person cannot sign in by password."""
    created_at: Mapped[float]


class MembershipRow(Base):
    """The role of a person in a project."""

    __tablename__ = "memberships"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    """owner, reviewer or labeller."""


class SessionRow(Base):
    """Somebody who is signed in."""

    __tablename__ = "sessions"

    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the cookie's."""
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    expires_at: Mapped[float]


class InviteRow(Base):
    """A link that makes whoever opens it a member, once."""

    __tablename__ = "invites"

    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the link's."""
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    role: Mapped[str] = mapped_column(String(16))
    person_name: Mapped[str] = mapped_column(String(255))
    expires_at: Mapped[float]
    used_at: Mapped[float | None]
