"""What is learnt from the labels so far: a head, and how good heads are on pictures drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tintype.automl.standardisation import Standardisation
from tintype.labelling.assistance.accuracy import RunningAccuracy, right_of, running_accuracy
from tintype.labelling.assistance.quick_head import QuickHead, fit_quick_head
from tintype.schemas.task import ClassificationTask

__all__ = ["Learn", "Learnt", "Lesson", "learn"]


@dataclass(frozen=True)
class Lesson:
    """Labelled pictures to learn from."""

    task: ClassificationTask
    classes: tuple[int, ...]
    """Ids of labels; of each there is an example."""
    features: np.ndarray
    """float32 (n, D)."""
    targets: np.ndarray
    """int64 (n,), positions in `classes`, or float32 (n, classes) of 0 and 1."""
    judged: np.ndarray
    """bool (n,): those of the random sample that accuracy is judged on."""
    unlabelled: np.ndarray
    """float32 (m, D): some others, of which there may be none."""
    scaling: Standardisation


@dataclass(frozen=True)
class Learnt:
    """What came of a lesson."""

    head: QuickHead
    """Fitted to all rows."""
    accuracy: RunningAccuracy | None
    """Of heads that have not seen the judged rows; None where there are none, or too few others."""


Learn = Callable[[Lesson], Learnt | None]


def learn(lesson: Lesson) -> Learnt | None:
    """None with fewer than ten rows, or without two classes to tell apart."""
    head = fit_quick_head(
        lesson.features,
        lesson.targets,
        lesson.classes,
        lesson.task,
        lesson.scaling,
        unlabelled=lesson.unlabelled,
    )
    return None if head is None else Learnt(head, _accuracy(lesson))


def _accuracy(lesson: Lesson) -> RunningAccuracy | None:
    outside = np.flatnonzero(~lesson.judged)
    if len(outside) == len(lesson.judged):
        return None
    right, right_by_half = (_right(lesson, rows) for rows in (outside, outside[::2]))
    if right is None or right_by_half is None:
        return None
    return running_accuracy(right, right_by_half)


def _right(lesson: Lesson, rows: np.ndarray) -> np.ndarray | None:
    """bool (judged,): whether a head of `rows` is right about each judged row; None without a head."""
    taught, wanted = lesson.targets[rows], lesson.targets[lesson.judged]
    if taught.ndim == 1:
        known = np.unique(taught)
        taught = np.searchsorted(known, taught)
        # Of a class that these rows have no example of, no head can be right.
        new = ~np.isin(wanted, known)
        wanted = np.where(new, -1, np.searchsorted(known, wanted))
    else:
        known = np.flatnonzero(taught.any(0))
        new = np.delete(wanted, known, 1).any(1)
        taught, wanted = taught[:, known], wanted[:, known]
    head = fit_quick_head(
        lesson.features[rows],
        taught,
        tuple(lesson.classes[place] for place in known),
        lesson.task,
        lesson.scaling,
        unlabelled=lesson.unlabelled,
    )
    if head is None:
        return None
    probabilities = head.probabilities(lesson.features[lesson.judged])
    return right_of(probabilities, wanted, lesson.task) & ~new
