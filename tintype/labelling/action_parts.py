"""Parts of an action about many pictures: kept when it is logged, and done one after the other, each in a
transaction of its own, so that others get their turn between them.

An action whose parts are all done has none left. Where the server was killed before, those that are left are done
when it is started again, by whoever comes first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

from sqlalchemy import Connection, delete, insert, select

from tintype.labelling.actions import Action, changed_by
from tintype.labelling.changes import Changed, PictureState, apply_changes, states_of
from tintype.labelling.labels import labels_that_are_there
from tintype.labelling.projects import Project
from tintype.labelling.tables import ActionPartRow, ActionRow
from tintype.labelling.undoing import reversal_of

__all__ = ["PART", "add_parts", "do_next_part", "has_parts", "unfinished_actions"]

PART = 500
"""Pictures of one transaction: some 50 ms, which others wait for."""


def add_parts(
    connection: Connection,
    number: int,
    pictures: Sequence[int],
    *,
    revisions: Mapping[int, int] | None = None,
    labels: Mapping[int, Sequence[int]] | None = None,
) -> None:
    """Keep what the logged action `number` has to do.

    Args:
        revisions: of every picture; where it is another one by then, the picture is left as it is.
        labels: of every picture its own; None: what the log says.
    """
    rows = []
    for place, start in zip(count(), range(0, len(pictures), PART)):
        part = list(pictures[start : start + PART])
        rows.append(
            {
                "action_id": number,
                "number": place,
                "pictures": part,
                "revisions": None if revisions is None else [revisions[one] for one in part],
                "labels": None if labels is None else [list(labels.get(one, ())) for one in part],
            }
        )
    if rows:
        connection.execute(insert(ActionPartRow), rows)


def do_next_part(
    connection: Connection, project: Project, number: int
) -> tuple[list[Changed], list[int]] | None:
    """Do the next part of an action.

    Returns:
        Its pictures as they are now, and those of them that were left as they are, for somebody has changed them
        since; None where nothing is left to do.
    """
    # Two who do parts of one action come one after the other. (SQLite has one writer anyway.)
    action = connection.execute(
        select(
            ActionRow.person_id,
            ActionRow.client_id,
            ActionRow.kind,
            ActionRow.how,
            ActionRow.at,
            ActionRow.target_id,
            ActionRow.content,
        )
        .where(ActionRow.id == number)
        .with_for_update()
    ).one()
    part = connection.execute(
        select(
            ActionPartRow.number,
            ActionPartRow.pictures,
            ActionPartRow.revisions,
            ActionPartRow.labels,
        )
        .where(ActionPartRow.action_id == number)
        .order_by(ActionPartRow.number)
        .limit(1)
    ).first()
    if part is None:
        return None
    connection.execute(
        delete(ActionPartRow).where(
            ActionPartRow.action_id == number, ActionPartRow.number == part.number
        )
    )
    states = states_of(connection, project, part.pictures)
    if action.target_id is not None:
        return _reversed(connection, project, number, action.target_id, states)
    labels: Sequence[int] | Mapping[int, Sequence[int]] = action.content["labels"] or ()
    if part.labels is not None:
        labels = dict(zip(part.pictures, part.labels, strict=True))
    asked = Action(
        action.client_id, action.kind, part.pictures, labels, action.how, action.content["text"]
    )
    conflicts = _changed_since(connection, asked, part.revisions, states)
    fitting = {one: state for one, state in states.items() if one not in conflicts}
    changed = changed_by(connection, project, action.person_id, asked, number, action.at, fitting)
    return changed + [_as_it_is(states[one]) for one in conflicts], conflicts


def has_parts(connection: Connection, number: int) -> bool:
    """Whether something of an action is left to do."""
    chosen = select(ActionPartRow.number).where(ActionPartRow.action_id == number).limit(1)
    return connection.execute(chosen).first() is not None


def unfinished_actions(
    connection: Connection, project: Project | None = None, person_id: int | None = None
) -> list[tuple[int, int]]:
    """Number and project of actions of which something is left to do, in the order that they were asked for.

    Args:
        project, person_id: those of these alone.
    """
    chosen = (
        select(ActionRow.id, ActionRow.project_id)
        .where(ActionRow.id.in_(select(ActionPartRow.action_id)))
        .order_by(ActionRow.id)
    )
    if project is not None:
        chosen = chosen.where(ActionRow.project_id == project.id)
    if person_id is not None:
        chosen = chosen.where(ActionRow.person_id == person_id)
    return [(number, of) for number, of in connection.execute(chosen)]


def _reversed(
    connection: Connection,
    project: Project,
    number: int,
    target: int,
    states: Mapping[int, PictureState],
) -> tuple[list[Changed], list[int]]:
    reverse = reversal_of(connection, project, target, list(states))
    back = {one: reverse(state) for one, state in states.items()}
    conflicts = [one for one, state in back.items() if state is None]
    changed = apply_changes(
        connection, project, number, states, lambda state: back[state.id] or state
    )
    return changed, conflicts


def _changed_since(
    connection: Connection,
    asked: Action,
    revisions: Sequence[int],
    states: Mapping[int, PictureState],
) -> list[int]:
    """Pictures that are not as they were when the action was asked for, or whose label has been removed."""
    each = (
        asked.labels if isinstance(asked.labels, Mapping) else dict.fromkeys(states, asked.labels)
    )
    there = labels_that_are_there(connection, set().union(*each.values()))
    return [
        one
        for one, revision in zip(asked.pictures, revisions, strict=True)
        if states[one].revision != revision or not there.issuperset(each[one])
    ]


def _as_it_is(state: PictureState) -> Changed:
    return Changed(state.id, *state.decided, state.revision, state.flagged)
