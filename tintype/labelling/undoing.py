"""Undo and redo: which action comes next, and what taking it back makes of a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, exists, select
from sqlalchemy.orm import aliased

from tintype.labelling.changes import PictureState, chunks
from tintype.labelling.projects import Project
from tintype.labelling.tables import ActionRow, ChangeRow

__all__ = ["Reversal", "ReversalKind", "next_target", "pictures_of_action", "reversal_of"]

ReversalKind = Literal["undo", "redo"]

# What can be undone: a comment stays, and a new start is not one person's.
_UNDOABLE = ("label", "skip", "clear", "flag", "unflag", "accept", "change", "reject")

Reversal = Callable[[PictureState], PictureState | None]
"""What a picture becomes; None where somebody has changed it since."""


def next_target(
    connection: Connection, project: Project, person_id: int, kind: ReversalKind
) -> int | None:
    """Number of the action that a person's undo takes back, or of the undo that their redo does; None where
    there is none."""
    statement = _undo_target if kind == "undo" else _redo_target
    found: int | None = connection.execute(statement(project, person_id)).scalar()
    return found


def pictures_of_action(connection: Connection, number: int) -> list[int]:
    """Ids of the pictures that an action changed, ascending."""
    chosen = select(ChangeRow.picture_id).where(ChangeRow.action_id == number)
    return list(connection.execute(chosen.order_by(ChangeRow.picture_id)).scalars())


def reversal_of(
    connection: Connection, project: Project, number: int, pictures: Sequence[int]
) -> Reversal:
    """What taking back the action `number` makes of `pictures`, which it changed."""
    back: dict[int, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}
    for part in chunks(pictures):
        rows = connection.execute(
            select(ChangeRow.picture_id, ChangeRow.before, ChangeRow.after).where(
                ChangeRow.action_id == number, ChangeRow.picture_id.in_(part)
            )
        )
        back |= {picture: (before, after) for picture, before, after in rows}
    labels = frozenset(label.id for label in project.labels)

    def change(state: PictureState) -> PictureState | None:
        before, after = back[state.id]
        content = state.content()
        if any(content.get(key) != value for key, value in after.items()):
            return None
        return state.with_content(before, labels)

    return change


def _undo_target(project: Project, person_id: int) -> Any:
    """The last action of a person that is not undone yet."""
    later, again = aliased(ActionRow), aliased(ActionRow)
    undone = exists().where(
        later.target_id == ActionRow.id,
        later.kind == "undo",
        ~exists().where(again.target_id == later.id, again.kind == "redo"),
    )
    return (
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


def _redo_target(project: Project, person_id: int) -> Any:
    """What the person undid last, unless they have done something else since."""
    later, since = aliased(ActionRow), aliased(ActionRow)
    return (
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
