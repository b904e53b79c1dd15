"""What an assistant reads of a project: pictures that are decided, that are free, and a random sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, func, or_, select

from tintype.labelling.projects import Project
from tintype.labelling.tables import PictureRow

__all__ = [
    "Decided",
    "decided_count",
    "decided_pictures",
    "free_pictures",
    "random_sample",
    "targets_of",
]

# More labelled pictures than these change a linear head hardly; more free ones than those are looked at
# when some of these are labelled.
_MOST_DECIDED, _MOST_FREE = 20_000, 20_000

# The random sample that accuracy is judged on: a tenth, so many at most.
_SHARE, _MOST_JUDGED = 0.1, 300


@dataclass(frozen=True)
class Decided:
    """A picture and its labels."""

    id: int
    labels: tuple[int, ...]


def decided_count(connection: Connection, project: Project) -> tuple[int, float]:
    """How many pictures are decided, and when the last one was: what tells that there is news."""
    row = connection.execute(
        select(func.count(), func.max(PictureRow.decided_at)).where(
            PictureRow.project_id == project.id,
            PictureRow.state.in_(("labelled", "completed")),
        )
    ).one()
    return int(row[0]), float(row[1] or 0)


def decided_pictures(connection: Connection, project: Project) -> list[Decided]:
    """Labelled pictures in random order; where there are many, some of them."""
    rows = connection.execute(
        select(PictureRow.id, PictureRow.labels)
        .where(
            PictureRow.project_id == project.id,
            PictureRow.state.in_(("labelled", "completed")),
        )
        .order_by(PictureRow.draw)
        .limit(_MOST_DECIDED)
    )
    found = [Decided(number, tuple(labels)) for number, labels in rows]
    # A completed picture without labels was dropped; in multi-label none may apply.
    return [one for one in found if one.labels or project.multilabel]


def free_pictures(connection: Connection, project: Project) -> list[int]:
    """Unlabelled pictures that can be handed out, in random order; where there are many, some."""
    rows = connection.execute(
        select(PictureRow.id)
        .where(
            PictureRow.project_id == project.id,
            PictureRow.state == "unlabelled",
            or_(PictureRow.fault.is_(None), PictureRow.fault == "changed"),
        )
        .order_by(PictureRow.draw)
        .limit(_MOST_FREE)
    )
    return list(rows.scalars())


def random_sample(connection: Connection, project: Project) -> list[tuple[int, str]]:
    """Id and state of pictures that accuracy is to be judged on: the first in a random order."""
    total = connection.execute(
        select(func.count()).where(PictureRow.project_id == project.id)
    ).scalar_one()
    rows = connection.execute(
        select(PictureRow.id, PictureRow.state)
        .where(
            PictureRow.project_id == project.id,
            or_(PictureRow.fault.is_(None), PictureRow.fault == "changed"),
        )
        .order_by(PictureRow.draw)
        .limit(min(_MOST_JUDGED, int(total * _SHARE)))
    )
    return [(number, state) for number, state in rows]


def targets_of(
    decided: list[Decided], project: Project, classes: tuple[int, ...] | None = None
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Labels as a head learns them: int64 (n,), -1 for one that is not in `classes`, or, multi-label,
    float32 (n, classes); and the ids of the classes.

    Args:
        classes: None takes the project's labels that there are examples of.
    """
    if classes is None:
        given = {label for one in decided for label in one.labels}
        classes = tuple(label.id for label in project.labels if label.id in given)
    places = {label: place for place, label in enumerate(classes)}
    if not project.multilabel:
        return np.array([places.get(one.labels[0], -1) for one in decided], np.int64), classes
    targets = np.zeros((len(decided), len(classes)), np.float32)
    for row, one in enumerate(decided):
        for label in one.labels:
            if label in places:
                targets[row, places[label]] = 1
    return targets, classes
