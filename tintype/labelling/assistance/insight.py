"""What an assistant has worked out of a project at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tintype.labelling.assistance.accuracy import RunningAccuracy
from tintype.labelling.assistance.feature_space import FeatureSpace
from tintype.labelling.assistance.gathered import GatheredFeatures
from tintype.labelling.assistance.known import Decided, targets_of
from tintype.labelling.assistance.learning import Lesson
from tintype.labelling.assistance.proposed import ProposedLabels
from tintype.labelling.assistance.quick_head import LEAST_LABELS, QuickHead, rows_to_fit
from tintype.labelling.projects import Project

__all__ = ["Insight", "lesson_of"]

# Free pictures that a head may learn from, beside labelled ones.
_UNLABELLED = 1_000


@dataclass(frozen=True)
class Insight:
    """Replaced whole, and never altered: requests read it while the next one is worked out."""

    project: Project
    pool: np.ndarray
    """int64 (n,): ids of free pictures that have features, in random order."""
    space: FeatureSpace
    rows: np.ndarray
    """float32 (m, r): in that space, of these and others."""
    places: np.ndarray
    """int64 (n,): which of `rows` are those of the pool."""
    probabilities: np.ndarray | None
    """float32 (n, classes)."""
    proposed: ProposedLabels | None
    """What follows from these."""
    head: QuickHead | None
    decided: list[Decided]
    """What the head was fitted to, or would be."""
    decided_places: np.ndarray
    """int64: which of `rows` are those of the decided ones."""
    accuracy: RunningAccuracy | None
    queue: list[int]
    """Ids, those that teach most in front."""


def lesson_of(
    project: Project,
    decided: list[Decided],
    gathered: GatheredFeatures,
    free: Sequence[int],
    sample: list[tuple[int, str]],
) -> tuple[Lesson | None, list[Decided]]:
    """What there is to learn, and of which pictures: where many are decided, of some of them.

    Args:
        decided, free: pictures whose features are held.
        sample: see `KnownPictures.random_sample`.
    """
    targets, classes = targets_of(decided, project)
    if len(decided) < LEAST_LABELS or not classes:
        return None, decided
    in_front = _answered_in_front(sample)
    judged = np.array([one.id in in_front for one in decided])
    rows = np.union1d(rows_to_fit(targets), np.flatnonzero(judged))
    decided = [decided[row] for row in rows]
    lesson = Lesson(
        project.task,
        classes,
        gathered.placed[gathered.places([one.id for one in decided])],
        targets[rows],
        judged[rows],
        gathered.placed[gathered.places(free[:_UNLABELLED])],
    )
    return lesson, decided


def _answered_in_front(sample: list[tuple[int, str]]) -> set[int]:
    """Those of a random order that come before the first one without an answer.

    All of them are answered, however they came to be: so they are still drawn at random, which the
    answered ones among all are not.
    """
    judged = set()
    for number, state in sample:
        if state not in ("labelled", "completed", "skipped"):
            break
        judged.add(number)
    return judged
