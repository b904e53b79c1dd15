"""Actions: what people do to pictures, each in one transaction and never twice."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlalchemy import Connection, exists, insert, select
from sqlalchemy.orm import aliased

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
    "log_refresh",
    "record_action",
    "redo",
    "undo",
]

ActionKind = Literal[
    "label", "skip", "clear", "flag", "unflag", "comment", "accept", "change", "reject", "restart"
]
"""What can be done; `restart` takes every answer away, when labels were added."""

How = Literal["chosen", "suggested", "changed", "bulk", "imported", "reviewed"]
"""How labels came about."""

# What can be undone: a comment stays, and a new start is not one person's.
_UNDOABLE = ("label", "skip", "clear", "flag", "unflag", "accept", "change", "reject")

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
    """Of undo and redo: pictures that somebody has changed since, and that are left as they are."""


def record_action(
    connection: Connection, project: Project, person_id: int, action: Action
) -> Recorded:
    """Do `action` for a person and log it. Roles are the caller's to check.

    Raises:
        RequestError: 400 for labels that do not fit the project; 404 for a picture or label that it
            has not; 409 where it is not running, a picture was changed since it was seen, or the
            client id is another action's.
    """
    _check(project, action)
    number, repeated = _begin(
        connection, project, person_id, action.client_id, action.kind, action=action
    )
    if repeated:
        return _as_recorded(connection, project, number, action.kind)
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
    if action.kind == "comment":
        nothing: dict[str, Any] = {"action_id": number, "before": {}, "after": {}}
        connection.execute(
            insert(ChangeRow), [{**nothing, "picture_id": picture} for picture in states]
        )
    change = _change_of(project, person_id, action, time.time())
    return Recorded(number, action.kind, apply_changes(connection, project, number, states, change))


def log_refresh(
    connection: Connection, project: Project, person_id: int, found: Mapping[str, int]
) -> None:
    """Log that a person had pictures looked for and files looked after, and what was `found`."""
    _begin(
        connection, project, person_id, uuid.uuid4().hex, "refresh", content={"found": dict(found)}
    )


def undo(connection: Connection, project: Project, person_id: int, client_id: str) -> Recorded:
    """Take back the last action of a person that is not undone yet.

    Pictures that somebody else has changed since are left as they are, and told.

    Raises:
        RequestError: 409, there is nothing to undo, or the project is not running.
    """
    later, again = aliased(ActionRow), aliased(ActionRow)
    undone = exists().where(
        later.target_id == ActionRow.id,
        later.kind == "undo",
        ~exists().where(again.target_id == later.id, again.kind == "redo"),
    )
    target = (
        select(ActionRow.id)
        .where(
            ActionRow.project_id == project.id,
            ActionRow.person_id == person_id,
            ActionRow.kind.in_(_UNDOABLE),
            ~undone,
        )
        .order_by(ActionRow.id.desc())
        .limit(1)
    )
    return _reverse(connection, project, person_id, client_id, "undo", target)


def redo(connection: Connection, project: Project, person_id: int, client_id: str) -> Recorded:
    """Do again what the person undid last, unless they have done something else since.

    Raises:
        RequestError: 409, there is nothing to redo, or the project is not running.
    """
    later = aliased(ActionRow)
    since = aliased(ActionRow)
    target = (
        select(ActionRow.id)
        .where(
            ActionRow.project_id == project.id,
            ActionRow.person_id == person_id,
            ActionRow.kind == "undo",
            ~exists().where(later.target_id == ActionRow.id, later.kind == "redo"),
            ~exists().where(
                since.project_id == project.id,
                since.person_id == person_id,
                since.kind.in_(_UNDOABLE),
                since.id > ActionRow.id,
            ),
        )
        .order_by(ActionRow.id.desc())
        .limit(1)
    )
    return _reverse(connection, project, person_id, client_id, "redo", target)


def _reverse(
    connection: Connection,
    project: Project,
    person_id: int,
    client_id: str,
    kind: Literal["undo", "redo"],
    target: Any,
) -> Recorded:
    _check_running(project)
    _check_client_id(client_id)
    known = _number_of(connection, project, person_id, client_id, kind)
    if known is not None:
        return _as_recorded(connection, project, known, kind)
    target_id = connection.execute(target).scalar()
    if target_id is None:
        raise RequestError(f"there is nothing to {kind}", status=409)
    number, repeated = _begin(connection, project, person_id, client_id, kind, target_id=target_id)
    if repeated:
        return _as_recorded(connection, project, number, kind)
    rows = connection.execute(
        select(ChangeRow.picture_id, ChangeRow.before, ChangeRow.after).where(
            ChangeRow.action_id == target_id
        )
    ).all()
    back = {picture: (before, after) for picture, before, after in rows}
    states = states_of(connection, project, list(back))
    labels = frozenset(label.id for label in project.labels)
    conflicts = []

    def change(state: PictureState) -> PictureState:
        before, after = back[state.id]
        content = state.content()
        if any(content.get(key) != value for key, value in after.items()):
            conflicts.append(state.id)
            return state
        return state.with_content(before, labels)

    changed = apply_changes(connection, project, number, states, change)
    return Recorded(number, kind, changed, conflicts=tuple(conflicts))


def _check(project: Project, action: Action) -> None:
    _check_client_id(action.client_id)
    if action.kind != "comment" or project.state == "archived":
        _check_running(project)
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


def _check_running(project: Project) -> None:
    if project.state != "running":
        raise RequestError(f"project {project.name!r} is {project.state}", status=409)


def _check_client_id(client_id: str) -> None:
    if not _CLIENT_ID.fullmatch(client_id):
        raise RequestError("client_id: expected 8 to 64 letters, digits, '-' or '_'")


def _change_of(
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


def _begin(
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
    """The number of the action, and whether it had been logged before."""
    content = content or {}
    if action is not None:
        each = isinstance(action.labels, Mapping)
        content = {"pictures": len(action.pictures), "text": action.text}
        content["labels"] = None if each else list(action.labels)
    made = connection.execute(
        tolerant_insert(connection, ActionRow)
        .values(
            project_id=project.id,
            client_id=client_id,
            person_id=person_id,
            kind=kind,
            how="chosen" if action is None else action.how,
            at=time.time(),
            seconds=None if action is None else action.seconds,
            target_id=target_id,
            content=content,
        )
        .on_conflict_do_nothing(index_elements=["project_id", "client_id"])
        .returning(ActionRow.id)
    ).scalar()
    if made is not None:
        return int(made), False
    known = _number_of(connection, project, person_id, client_id, kind)
    assert known is not None
    return known, True


def _number_of(
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


def _as_recorded(connection: Connection, project: Project, number: int, kind: str) -> Recorded:
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
