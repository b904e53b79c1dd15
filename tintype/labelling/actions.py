"""Actions: what people do to pictures, each in one transaction and never twice."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

from sqlalchemy import Connection, insert, select

from tintype.errors import RequestError
from tintype.labelling.changes import Changed, PictureState, apply_changes, chunks, states_of
from tintype.labelling.database import tolerant_insert
from tintype.labelling.decisions import Answer
from tintype.labelling.labels import check_labels_are_there
from tintype.labelling.projects import Project
from tintype.labelling.tables import ActionRow, ChangeRow

__all__ = [
    "Action",
    "ActionKind",
    "How",
    "Recorded",
    "as_recorded",
    "begin_action",
    "change_of",
    "changed_by",
    "check_action",
    "check_client_id",
    "check_running",
    "log_refresh",
    "number_of",
    "record_action",
    "states_as_seen",
]

ActionKind = Literal[
    "label", "skip", "clear", "flag", "unflag", "comment", "accept", "change", "reject", "restart"
]
"""What can be done; `restart` takes every answer away, when labels were added."""

How = Literal["chosen", "suggested", "changed", "bulk", "imported", "reviewed"]
"""How labels came about."""

_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")

# Pictures of one action, and characters of what people write.
_MOST_PICTURES, _LONGEST_TEXT = 100_000, 10_000


@dataclass(frozen=True)
class Action:
    """What is asked for."""

    client_id: str
    """8 to 64 letters, digits, - or _, made by whoever asks: sent twice, it is done once."""
    kind: ActionKind
    pictures: Sequence[int]
    """Ids; none twice."""
    labels: Sequence[int] | Mapping[int, Sequence[int]] = ()
    """Label ids for all of the pictures, or of each its own."""
    how: How = "chosen"
    text: str = ""
    """A comment, or why it was skipped or rejected."""
    seconds: float | None = None
    """How long the person looked."""
    revisions: Mapping[int, int] = field(default_factory=dict)
    """Of pictures: the revision that the person saw. Where it has changed since, nothing is done."""


@dataclass(frozen=True)
class Recorded:
    """What was done."""

    action_id: int
    kind: str
    pictures: list[Changed]
    repeated: bool = False
    """It had been done before, under the same client id."""
    conflicts: tuple[int, ...] = ()
    """Pictures that are left as they are: of undo and redo, those that somebody has changed since; of an
    action about many, those that somebody changed while it was done."""


def record_action(
    connection: Connection, project: Project, person_id: int, action: Action
) -> Recorded:
    """Do `action` for a person and log it. Roles are the caller's to check.

    Raises:
        RequestError: 400 for labels that do not fit the project; 404 for a picture or label that it
            has not; 409 where it is not running, a picture was changed since it was seen, or the
            client id is another action's.
    """
    check_action(project, action)
    number, repeated = begin_action(
        connection, project, person_id, action.client_id, action.kind, action=action
    )
    if repeated:
        return as_recorded(connection, project, number, action.kind)
    states = states_as_seen(connection, project, action)
    return Recorded(
        number,
        action.kind,
        changed_by(connection, project, person_id, action, number, time.time(), states),
    )


def states_as_seen(
    connection: Connection, project: Project, action: Action
) -> dict[int, PictureState]:
    """The states of the action's pictures.

    Raises:
        RequestError: as `record_action`, of what is not as the person saw it.
    """
    given = _given_labels(action)
    if given:
        check_labels_are_there(connection, given)
    states = states_of(connection, project, list(dict.fromkeys(action.pictures)))
    stale = [
        number
        for number, revision in action.revisions.items()
        if number in states and states[number].revision != revision
    ]
    if stale:
        raise RequestError(
            f"picture {stale[0]} was changed meanwhile, in another window or by somebody else; "
            "look at it again",
            status=409,
        )
    return states


def changed_by(
    connection: Connection,
    project: Project,
    person_id: int,
    action: Action,
    number: int,
    at: float,
    states: Mapping[int, PictureState],
) -> list[Changed]:
    """Make what the logged action `number` makes of `states`, and log it.

    Raises:
        RequestError: 409, it cannot be done to one of them.
    """
    if action.kind == "comment" and states:
        nothing: dict[str, Any] = {"action_id": number, "before": {}, "after": {}}
        connection.execute(
            insert(ChangeRow), [{**nothing, "picture_id": picture} for picture in states]
        )
    change = change_of(project, person_id, action, at)
    return apply_changes(connection, project, number, states, change)


def log_refresh(
    connection: Connection, project: Project, person_id: int, found: Mapping[str, int]
) -> None:
    """Log that a person had pictures looked for and files looked after, and what was `found`."""
    begin_action(
        connection, project, person_id, uuid.uuid4().hex, "refresh", content={"found": dict(found)}
    )


def check_action(project: Project, action: Action) -> None:
    """Check what can be checked without looking at pictures.

    Raises:
        RequestError: as `record_action`.
    """
    check_client_id(action.client_id)
    if action.kind != "comment" or project.state == "archived":
        check_running(project)
    if not 0 < len(action.pictures) <= _MOST_PICTURES:
        raise RequestError(f"an action is about 1 to {_MOST_PICTURES} pictures")
    if len(action.text) > _LONGEST_TEXT:
        raise RequestError(f"the text is longer than {_LONGEST_TEXT} characters")
    if action.kind == "comment" and not action.text.strip():
        raise RequestError("the comment is empty")
    if action.kind not in ("label", "change"):
        return
    unknown = _given_labels(action) - {label.id for label in project.labels}
    if unknown:
        raise RequestError(
            f"the project has no label {min(unknown)}; it may have been removed: load it again",
            status=404,
        )
    given = (
        [action.labels.get(number, ()) for number in action.pictures]
        if isinstance(action.labels, Mapping)
        else [action.labels]
    )
    for labels in given:
        if not project.multilabel and len(set(labels)) != 1:
            raise RequestError(
                f"{len(set(labels))} labels given; a picture of this project has exactly one"
            )


def _given_labels(action: Action) -> set[int]:
    """Every label that the action gives to some picture."""
    if action.kind not in ("label", "change"):
        return set()
    if isinstance(action.labels, Mapping):
        return set().union(*action.labels.values())
    return set(action.labels)


def check_running(project: Project) -> None:
    """
    Raises:
        RequestError: 409, the project is paused or archived.
    """
    if project.state != "running":
        raise RequestError(f"project {project.name!r} is {project.state}", status=409)


def check_client_id(client_id: str) -> None:
    """
    Raises:
        RequestError: it is none.
    """
    if not _CLIENT_ID.fullmatch(client_id):
        raise RequestError("client_id: expected 8 to 64 letters, digits, '-' or '_'")


def change_of(
    project: Project, person_id: int, action: Action, at: float
) -> Callable[[PictureState], PictureState]:
    """What the action makes of a picture's state."""

    def labels_for(state: PictureState) -> tuple[int, ...]:
        given = action.labels
        chosen = given.get(state.id, ()) if isinstance(given, Mapping) else given
        return tuple(sorted(set(chosen)))

    def answered(state: PictureState, answer: Answer | None) -> PictureState:
        answers = {key: value for key, value in state.answers.items() if key != person_id}
        if answer is not None:
            answers[person_id] = answer
        return replace(state, answers=answers)

    def verdict(state: PictureState, skipped: bool, labels: tuple[int, ...]) -> PictureState:
        answer = Answer(person_id, skipped, labels, "reviewed", at, action.text)
        return replace(state, verdict=answer)

    def change(state: PictureState) -> PictureState:
        kind = action.kind
        if kind in ("label", "skip", "clear") and state.verdict is not None:
            raise RequestError(
                f"picture {state.id} has been reviewed; only a reviewer changes it now", status=409
            )
        if kind == "label":
            answer = Answer(person_id, False, labels_for(state), action.how, at)
            return answered(state, answer)
        if kind == "skip":
            return answered(state, Answer(person_id, True, (), action.how, at, action.text))
        if kind == "clear":
            return answered(state, None)
        if kind in ("flag", "unflag"):
            return replace(state, flagged=kind == "flag")
        if kind == "change":
            return verdict(state, False, labels_for(state))
        if kind == "accept":
            decided, labels = state.decided
            if decided not in ("labelled", "skipped", "completed"):
                raise RequestError(
                    f"picture {state.id} is {decided.replace('_', ' ')}: there is nothing to accept; "
                    "give it labels",
                    status=409,
                )
            return verdict(state, decided == "skipped", labels)
        if kind in ("reject", "restart"):
            return replace(state, answers={}, verdict=None)
        return state

    return change


def begin_action(
    connection: Connection,
    project: Project,
    person_id: int,
    client_id: str,
    kind: str,
    *,
    action: Action | None = None,
    target_id: int | None = None,
    content: dict[str, Any] | None = None,
) -> tuple[int, bool]:
    """Log an action that is about to be done: its number, and whether it had been logged before.

    Raises:
        RequestError: 409, the client id is another action's.
    """
    content = content or {}
    if action is not None:
        each = isinstance(action.labels, Mapping)
        content = {"pictures": len(action.pictures), "text": action.text}
        content["labels"] = None if each else list(action.labels)
    row = {
        "project_id": project.id,
        "client_id": client_id,
        "person_id": person_id,
        "kind": kind,
        "how": "chosen" if action is None else action.how,
        "at": time.time(),
        "seconds": None if action is None else action.seconds,
        "target_id": target_id,
        "content": content,
    }
    made = connection.execute(_log_once(connection.dialect.name), row).scalar()
    if made is not None:
        return int(made), False
    known = number_of(connection, project, person_id, client_id, kind)
    assert known is not None
    return known, True


@cache
def _log_once(dialect: str) -> Any:
    """An INSERT that gives the number of the action; none where its client id is logged already."""
    return (
        tolerant_insert(dialect, ActionRow)
        .on_conflict_do_nothing(index_elements=["project_id", "client_id"])
        .returning(ActionRow.id)
    )


def number_of(
    connection: Connection, project: Project, person_id: int, client_id: str, kind: str
) -> int | None:
    row = connection.execute(
        select(ActionRow.id, ActionRow.person_id, ActionRow.kind).where(
            ActionRow.project_id == project.id, ActionRow.client_id == client_id
        )
    ).first()
    if row is None:
        return None
    if (row.person_id, row.kind) != (person_id, kind):
        raise RequestError(
            f"client_id {client_id!r} is that of another action; make a new one for each",
            status=409,
        )
    return int(row.id)


def as_recorded(connection: Connection, project: Project, number: int, kind: str) -> Recorded:
    pictures = list(
        connection.execute(
            select(ChangeRow.picture_id).where(ChangeRow.action_id == number)
        ).scalars()
    )
    changed = []
    for part in chunks(pictures):
        for state in states_of(connection, project, list(part)).values():
            changed.append(Changed(state.id, *state.decided, state.revision, state.flagged))
    return Recorded(number, kind, changed, repeated=True)
