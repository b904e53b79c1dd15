"""Labels of a project: their colours and keys, and finding them by name."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, insert, select, update

from tintype.errors import RequestError, UsageError, nearest
from tintype.labelling.tables import LabelRow, PictureLabelRow
from tintype.schemas.labelling_project import LabelDocument

__all__ = [
    "Label",
    "add_labels",
    "check_labels_are_there",
    "labels_of",
    "labels_that_are_there",
    "named_label",
    "remove_label",
]

# Okabe and Ito's colours, told apart by people of every colour vision, then paler ones.
_PALETTE = (
    "#0072b2 #e69f00 #009e73 #cc79a7 #56b4e9 #d55e00 #f0e442 #999999 "
    "#332288 #88ccee #44aa99 #117733 #ddcc77 #cc6677 #882255 #aa4499"
).split()

_KEYS = "123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Label:
    """One label of a project."""

    id: int
    name: str
    """Flat, or in levels: Animal/Cat."""
    colour: str
    key: str | None
    description: str
    position: int


# Made once: every request asks these, and to build a statement takes longer than to execute it.
_LABELS = (
    select(
        LabelRow.id,
        LabelRow.name,
        LabelRow.colour,
        LabelRow.key,
        LabelRow.description,
        LabelRow.position,
    )
    .where(LabelRow.project_id == bindparam("project"), LabelRow.removed_at.is_(None))
    .order_by(LabelRow.position)
)
_LABELS_THERE = (
    select(LabelRow.id)
    .where(LabelRow.id.in_(bindparam("labels", expanding=True)), LabelRow.removed_at.is_(None))
    .with_for_update(read=True)
)


def labels_of(connection: Connection, project_id: int) -> tuple[Label, ...]:
    """Labels that a project has now, in order."""
    return tuple(Label(*row) for row in connection.execute(_LABELS, {"project": project_id}))


def named_label(labels: Sequence[Label], name: str) -> Label:
    """The label called `name`.

    Raises:
        UsageError: there is none; names the nearest.
    """
    for label in labels:
        if label.name == name:
            return label
    names = [label.name for label in labels]
    raise UsageError(f"the project has no label {name!r}.{nearest(name, names)}")


def add_labels(
    connection: Connection, project_id: int, documents: Iterable[LabelDocument]
) -> tuple[Label, ...]:
    """Add labels behind those that there are; one that was removed comes back.

    Returns:
        All labels of the project.

    Raises:
        UsageError: there is one of that name or key already.
    """
    there = labels_of(connection, project_id)
    names = {label.name for label in there}
    documents = list(documents)
    keys = {label.key for label in there} | {document.key for document in documents}
    taken = {label.key for label in there if label.key}
    free = [key for key in _KEYS if key not in keys]
    position = max((label.position for label in there), default=-1) + 1
    removed = {
        name: number
        for number, name in connection.execute(
            select(LabelRow.id, LabelRow.name).where(
                LabelRow.project_id == project_id, LabelRow.removed_at.is_not(None)
            )
        )
    }
    for document in documents:
        if document.name in names:
            raise UsageError(f"the project has a label {document.name!r} already")
        if document.key in taken:
            raise UsageError(f"key {document.key!r} of {document.name!r} is another label's")
        names.add(document.name)
        key = document.key or (free.pop(0) if free else None)
        if key:
            taken.add(key)
        values = {
            "colour": document.colour or _PALETTE[position % len(_PALETTE)],
            "key": key,
            "description": document.description,
            "position": position,
            "removed_at": None,
        }
        if document.name in removed:
            connection.execute(
                update(LabelRow).where(LabelRow.id == removed[document.name]).values(**values)
            )
        else:
            connection.execute(
                insert(LabelRow).values(project_id=project_id, name=document.name, **values)
            )
        position += 1
    return labels_of(connection, project_id)


def check_labels_are_there(connection: Connection, labels: Collection[int]) -> None:
    """Look in the transaction that gives them to pictures: they may have been removed a moment ago.

    Raises:
        RequestError: 404, one has been.
    """
    gone = set(labels) - labels_that_are_there(connection, labels)
    if gone:
        raise RequestError(
            f"the project has no label {min(gone)}; it may have been removed: load it again",
            status=404,
        )


def labels_that_are_there(connection: Connection, labels: Collection[int]) -> set[int]:
    """Those of `labels` that no one has removed, nor can until the transaction ends."""
    if not labels:
        return set()
    return set(connection.execute(_LABELS_THERE, {"labels": list(labels)}).scalars())


def remove_label(connection: Connection, project_id: int, name: str) -> None:
    """Take a label away that no picture has.

    Raises:
        UsageError: there is none of that name, or pictures have it; says how many.
    """
    label = named_label(labels_of(connection, project_id), name)
    # Whoever is giving it to a picture at this moment comes first, or finds it gone.
    connection.execute(select(LabelRow.id).where(LabelRow.id == label.id).with_for_update())
    count = connection.execute(
        select(func.count()).where(PictureLabelRow.label_id == label.id)
    ).scalar_one()
    if count:
        raise UsageError(
            f"{count} pictures have the label {name!r}; give them another one first "
            f"(tintype label show, filter by label), and remove it then"
        )
    connection.execute(
        update(LabelRow).where(LabelRow.id == label.id).values(removed_at=time.time(), key=None)
    )
