"""What an assistant knows of a project's pictures: read once, then followed by the log of actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from tintype.labelling.changes import chunks
from tintype.labelling.projects import Project
from tintype.labelling.tables import ActionRow, ChangeRow, PictureRow

__all__ = ["Decided", "KnownPictures", "targets_of"]

# More labelled pictures than these change a linear head hardly; more free ones than those are looked at
# when some of these are labelled.
_MOST_DECIDED, _MOST_FREE = 20_000, 20_000

# The random sample that accuracy is judged on: a tenth, so many at most.
_SHARE, _MOST_JUDGED = 0.1, 300

# In PostgreSQL an action may be seen after one with a larger number: so many are looked at again.
_LOOKED_AT_AGAIN = 100

_DECIDED = ("labelled", "completed")

Has = Callable[[int], bool]
"""Whether a picture has features."""


@dataclass(frozen=True)
class Decided:
    """A picture and its labels."""

    id: int
    labels: tuple[int, ...]


class KnownPictures:
    """State and labels of every picture of a project, in a random order that stays.

    To read all of them anew whenever somebody labels one would keep everybody waiting.
    """

    def __init__(self) -> None:
        """Nothing is known before `follow`."""
        self._ids: list[int] = []
        self._states: list[str] = []
        self._multilabel = False
        self._places: dict[int, int] = {}
        self._labels: dict[int, tuple[int, ...]] = {}
        self._newest, self._last_action = -1, -1
        self.times_read = 0
        """How often all pictures were read: at first, and when some came or files were looked after."""

    def follow(self, connection: Connection, project: Project) -> bool:
        """Read what has come since it was last asked.

        Returns:
            Whether anything has.
        """
        newest = _largest(connection, PictureRow.id, PictureRow.project_id == project.id)
        actions = connection.execute(
            select(ActionRow.id, ActionRow.kind).where(
                ActionRow.id > self._last_action - _LOOKED_AT_AGAIN,
                ActionRow.project_id == project.id,
            )
        ).all()
        fresh = [kind for number, kind in actions if number > self._last_action]
        # Pictures that came and files that were looked after are in no action's changes.
        if newest != self._newest or "refresh" in fresh:
            self._last_action = _largest(connection, ActionRow.id)
            self._read_all(connection, project)
            self._newest = newest
            self.times_read += 1
            return True
        if not actions:
            return False
        first = min(number for number, _ in actions)
        changed = (
            select(ChangeRow.picture_id)
            .join(PictureRow, PictureRow.id == ChangeRow.picture_id)
            .where(ChangeRow.action_id >= first, PictureRow.project_id == project.id)
            .distinct()
        )
        there_was = self._read(connection, list(connection.execute(changed).scalars()))
        self._last_action = max(self._last_action, max(number for number, _ in actions))
        return there_was

    def decided(self, has: Has) -> list[Decided]:
        """Labelled pictures that have features, in random order; where there are many, some of them."""
        there = sorted(self._labels, key=self._places.__getitem__)
        found = (Decided(number, self._labels[number]) for number in there if has(number))
        return list(islice(found, _MOST_DECIDED))

    def free(self, has: Has) -> list[int]:
        """Unlabelled pictures that can be handed out and have features, in random order; where there
        are many, some of them."""
        found = (
            number
            for number, state in zip(self._ids, self._states, strict=True)
            if state == "unlabelled" and has(number)
        )
        return list(islice(found, _MOST_FREE))

    def random_sample(self) -> list[tuple[int, str]]:
        """Id and state of pictures that accuracy is to be judged on: the first in a random order."""
        count = min(_MOST_JUDGED, int(len(self._ids) * _SHARE))
        sample = zip(self._ids, self._states, strict=True)
        return list(islice(((number, state) for number, state in sample if state), count))

    def _read_all(self, connection: Connection, project: Project) -> None:
        rows = connection.execute(
            select(PictureRow.id, PictureRow.draw, PictureRow.state, PictureRow.fault).where(
                PictureRow.project_id == project.id
            )
        )
        known = sorted((draw, number, _usable(state, fault)) for number, draw, state, fault in rows)
        self._ids = [number for _, number, _ in known]
        self._states = [state for _, _, state in known]
        self._places = {number: place for place, (_, number, _) in enumerate(known)}
        decided = connection.execute(
            select(PictureRow.id, PictureRow.labels).where(
                PictureRow.project_id == project.id, PictureRow.state.in_(_DECIDED)
            )
        )
        # A completed picture without labels was dropped; in multi-label none may apply.
        self._labels = {
            number: tuple(labels) for number, labels in decided if labels or project.multilabel
        }
        self._multilabel = project.multilabel

    def _read(self, connection: Connection, numbers: list[int]) -> bool:
        """Whether one of these is not as it was known to be."""
        there_was = False
        for part in chunks(numbers):
            rows = connection.execute(
                select(PictureRow.id, PictureRow.state, PictureRow.fault, PictureRow.labels).where(
                    PictureRow.id.in_(part)
                )
            )
            for number, state, fault, labels in rows:
                place = self._places[number]
                counts = state in _DECIDED and (bool(labels) or self._multilabel)
                before = (self._states[place], self._labels.get(number))
                after = (_usable(state, fault), tuple(labels) if counts else None)
                there_was |= before != after
                self._states[place] = after[0]
                if after[1] is None:
                    self._labels.pop(number, None)
                else:
                    self._labels[number] = after[1]
        return there_was


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


def _usable(state: str, fault: str | None) -> str:
    """The state; "" of a picture whose file cannot be looked at."""
    return state if fault in (None, "changed") else ""


def _largest(connection: Connection, column: Any, *where: Any) -> int:
    found: int | None = connection.execute(select(func.max(column)).where(*where)).scalar()
    return -1 if found is None else found
