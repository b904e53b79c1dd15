"""Doing what people ask for: an action, undo, redo; what concerns many pictures is done in parts."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from tintype.errors import RequestError
from tintype.labelling.action_parts import (
    PART,
    add_parts,
    do_next_part,
    has_parts,
    unfinished_actions,
)
from tintype.labelling.actions import (
    Action,
    Recorded,
    as_recorded,
    begin_action,
    change_of,
    check_action,
    check_client_id,
    check_running,
    number_of,
    record_action,
    states_as_seen,
)
from tintype.labelling.changes import Changed
from tintype.labelling.database import Database
from tintype.labelling.projects import Project, numbered_project
from tintype.labelling.undoing import ReversalKind, next_target, pictures_of_action

__all__ = ["do_action", "finish_actions", "redo", "undo"]


def do_action(database: Database, project: Project, person_id: int, action: Action) -> Recorded:
    """Do `action` for a person. Roles are the caller's to check.

    One about more than `PART` pictures is refused or accepted as a whole, and then done in parts, with others'
    actions between them; a picture that somebody changes meanwhile is left as it is. Killed in the midst, it is
    finished by `finish_actions`, or when it is asked for again. One undo takes all of it back.

    Raises:
        RequestError: as `record_action`.
    """
    if len(action.pictures) <= PART:
        with database.writing() as connection:
            return record_action(connection, project, person_id, action)
    check_action(project, action)
    with database.reading() as connection:
        known = number_of(connection, project, person_id, action.client_id, action.kind)
        states = {} if known is not None else states_as_seen(connection, project, action)
    change = change_of(project, person_id, action, 0.0)
    for state in states.values():
        # To hear whether it can be.
        change(state)
    with database.writing() as connection:
        number, repeated = begin_action(
            connection, project, person_id, action.client_id, action.kind, action=action
        )
        if not repeated:
            revisions = {one: state.revision for one, state in states.items()}
            labels = action.labels if isinstance(action.labels, Mapping) else None
            add_parts(connection, number, list(states), revisions=revisions, labels=labels)
    return _finished(database, project, number, action.kind, len(states), repeated)


def undo(database: Database, project: Project, person_id: int, client_id: str) -> Recorded:
    """Take back the last action of a person that is not undone yet.

    Pictures that somebody else has changed since are left as they are, and told.

    Raises:
        RequestError: 409, there is nothing to undo, or the project is not running.
    """
    return _reverse(database, project, person_id, client_id, "undo")


def redo(database: Database, project: Project, person_id: int, client_id: str) -> Recorded:
    """Do again what the person undid last, unless they have done something else since.

    Raises:
        RequestError: 409, there is nothing to redo, or the project is not running.
    """
    return _reverse(database, project, person_id, client_id, "redo")


def finish_actions(
    database: Database,
    project: Project | None = None,
    person_id: int | None = None,
    *,
    stop: threading.Event | None = None,
) -> None:
    """Do what is left of actions in whose midst a server was killed, or that are being done.

    Args:
        project, person_id: of these alone.
        stop: ends it early; the rest is left.
    """
    with database.reading() as connection:
        numbers = unfinished_actions(connection, project, person_id)
        projects = {of: numbered_project(connection, of) for _, of in numbers}
    for number, of in numbers:
        while stop is None or not stop.is_set():
            with database.writing() as connection:
                if do_next_part(connection, projects[of], number) is None:
                    break


def _reverse(
    database: Database, project: Project, person_id: int, client_id: str, kind: ReversalKind
) -> Recorded:
    check_running(project)
    check_client_id(client_id)
    while True:
        # What is only half done cannot be taken back.
        finish_actions(database, project, person_id)
        with database.writing() as connection:
            number = number_of(connection, project, person_id, client_id, kind)
            if number is not None:
                pictures, repeated = [], True
                break
            target = next_target(connection, project, person_id, kind)
            if target is None:
                raise RequestError(f"there is nothing to {kind}", status=409)
            if has_parts(connection, target):
                continue
            number, repeated = begin_action(
                connection, project, person_id, client_id, kind, target_id=target
            )
            pictures = pictures_of_action(connection, target)
            add_parts(connection, number, pictures)
            if len(pictures) <= PART:
                changed, conflicts = do_next_part(connection, project, number) or ([], [])
                return Recorded(number, kind, changed, conflicts=tuple(conflicts))
            break
    return _finished(database, project, number, kind, len(pictures), repeated)


def _finished(
    database: Database, project: Project, number: int, kind: str, pictures: int, repeated: bool
) -> Recorded:
    """The action with all of its parts done."""
    changed: list[Changed] = []
    conflicts: list[int] = []
    while True:
        with database.writing() as connection:
            done = do_next_part(connection, project, number)
        if done is None:
            break
        changed += done[0]
        conflicts += done[1]
    if not repeated and len(changed) == pictures:
        return Recorded(number, kind, changed, conflicts=tuple(conflicts))
    # Some of it was done before, or by another request.
    with database.reading() as connection:
        return as_recorded(connection, project, number, kind)
