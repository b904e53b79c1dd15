"""What is learnt from the labels so far: a head, and how good heads are on pictures drawn at random.

It takes and gives arrays and words alone, so that a process of its own can do it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

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
    rows: np.ndarray
    """float32 (n, D), of a `FeatureSpace`."""
    targets: np.ndarray
    """int64 (n,), positions in `classes`, or float32 (n, classes) of 0 and 1."""
    judged: np.ndarray
    """bool (n,): those of the random sample that accuracy is judged on."""
    unlabelled: np.ndarray
    """float32 (m, D): some others, of which there may be none."""


@dataclass(frozen=True)
class Learnt:
    """What came of a lesson."""

    head: QuickHead
    """Fitted to all rows."""
    accuracy: RunningAccuracy | None
    """Of heads that had not seen the row that they judge; None without a judged row."""


Learn = Callable[[Lesson], Learnt | None]


def learn(lesson: Lesson) -> Learnt | None:
    """None with fewer than ten rows, or without two classes to tell apart."""
    head = _fitted(lesson)
    return None if head is None else Learnt(head, _accuracy(lesson, head))


def _accuracy(lesson: Lesson, head: QuickHead) -> RunningAccuracy | None:
    """Each judged row by a head that learnt from nearly all other rows, and by one of half of the rows."""
    half = _fitted(lesson, most_folds=2) if lesson.judged.any() else None
    if half is None:
        return None
    right, right_by_half = (
        right_of(one.out_of_fold[lesson.judged], lesson.targets[lesson.judged], lesson.task)
        for one in (head, half)
    )
    return running_accuracy(right, right_by_half)


def _fitted(lesson: Lesson, most_folds: int | None = None) -> QuickHead | None:
    return fit_quick_head(
        lesson.rows,
        lesson.targets,
        lesson.classes,
        lesson.task,
        lesson.unlabelled,
        most_folds=most_folds,
    )
