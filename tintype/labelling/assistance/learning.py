"""What is learnt from the labels so far: a head, and how good heads are on pictures drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tintype.labelling.assistance.accuracy import RunningAccuracy, right_of, running_accuracy
from tintype.labelling.assistance.quick_head import FOLDS, Candidate, QuickHead, fit_quick_head
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
    """Of heads that have not seen the judged rows; None where there are none, or too few others."""


Learn = Callable[[Lesson], Learnt | None]

# From so many labels on, how to fit a head is chosen once, without the judged rows, for all heads; folds with
# so many rows are enough to choose by.
_MANY, _ENOUGH = 200, 100


def learn(lesson: Lesson) -> Learnt | None:
    """None with fewer than ten rows, or without two classes to tell apart."""
    outside = np.flatnonzero(~lesson.judged)
    judge = None if len(outside) == len(lesson.rows) else _Judge.chosen(lesson, outside)
    known = None if judge is None or len(lesson.rows) < _MANY else judge.head.candidate
    head = fit_quick_head(
        lesson.rows,
        lesson.targets,
        lesson.classes,
        lesson.task,
        lesson.unlabelled,
        candidate=known,
    )
    if head is None:
        return None
    return Learnt(head, None if judge is None else _accuracy(lesson, judge, outside))


def _accuracy(lesson: Lesson, judge: _Judge, outside: np.ndarray) -> RunningAccuracy | None:
    """By a head of the rows outside of the sample, and by one of half of them, which is fitted alike: neither
    has learnt from a label of the sample."""
    half = _Judge.of(lesson, outside[::2], judge.head.candidate, 0)
    return None if half is None else running_accuracy(judge.right(lesson), half.right(lesson))


@dataclass(frozen=True)
class _Judge:
    """A head of rows outside of the random sample."""

    head: QuickHead
    known: np.ndarray
    """int64: positions of the classes that these rows have an example of."""

    @classmethod
    def chosen(cls, lesson: Lesson, rows: np.ndarray) -> _Judge | None:
        """Of the best candidate for rows, int64; None where no head can be fitted to them."""
        left_out = -(-_ENOUGH * FOLDS // max(len(rows), 1))
        return cls.of(lesson, rows, None, min(left_out, FOLDS))

    @classmethod
    def of(
        cls, lesson: Lesson, rows: np.ndarray, candidate: Candidate | None, left_out: int
    ) -> _Judge | None:
        """Of rows, int64, fitted as `fit_quick_head` is told to."""
        taught = lesson.targets[rows]
        if taught.ndim == 1:
            known = np.unique(taught)
            taught = np.searchsorted(known, taught)
        else:
            known = np.flatnonzero(taught.any(0))
            taught = taught[:, known]
        head = fit_quick_head(
            lesson.rows[rows],
            taught,
            tuple(lesson.classes[place] for place in known),
            lesson.task,
            lesson.unlabelled,
            candidate=candidate,
            left_out=left_out,
        )
        return None if head is None else cls(head, known)

    def right(self, lesson: Lesson) -> np.ndarray:
        """bool (judged,): whether it is right about each judged row; never about a class that it does not
        know."""
        wanted = lesson.targets[lesson.judged]
        if wanted.ndim == 1:
            new = ~np.isin(wanted, self.known)
            wanted = np.where(new, -1, np.searchsorted(self.known, wanted))
        else:
            new = np.delete(wanted, self.known, 1).any(1)
            wanted = wanted[:, self.known]
        probabilities = self.head.probabilities(lesson.rows[lesson.judged])
        return right_of(probabilities, wanted, lesson.task) & ~new
