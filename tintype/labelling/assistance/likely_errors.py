"""Labels that are likely wrong: heads that had not seen them say something else, and clearly so."""

from __future__ import annotations

import numpy as np

from tintype.labelling.assistance.known import Decided, targets_of
from tintype.labelling.assistance.proposed import LikelyError, ProposedLabels
from tintype.labelling.assistance.quick_head import QuickHead
from tintype.labelling.projects import Project
from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["likely_errors"]

# So many times likelier than the label that was given. Cleanlab asks for as much confidence as the average
# picture of that class has, which one picture in two hasn't: `benchmarks/labelling.py errors` counts both.
_LEAST_ODDS = 10.0


def likely_errors(
    head: QuickHead, decided: list[Decided], project: Project, most: int
) -> list[LikelyError]:
    """Of the pictures that a head was fitted to, in its order: `most` at most, the worst first."""
    targets, _ = targets_of(decided, project, head.classes)
    odds = _odds_against(head.out_of_fold, targets, head.task)
    rows = np.flatnonzero(odds >= _LEAST_ODDS)
    rows = rows[np.argsort(-odds[rows], kind="stable")][:most]
    wrong = [decided[row] for row in rows]
    numbers = [one.id for one in wrong]
    proposed = ProposedLabels.of(
        numbers,
        head.out_of_fold[rows],
        head.classes,
        "labels",
        multilabel=head.task == MULTILABEL,
    ).of_pictures(numbers)
    return [
        LikelyError(one.id, one.labels, proposed[one.id].labels, proposed[one.id].confidence)
        for one in wrong
    ]


def _odds_against(
    probabilities: np.ndarray, targets: np.ndarray, task: ClassificationTask
) -> np.ndarray:
    """float (n,): how many times likelier the likeliest class is than the given one; multi-label, of the
    label that is doubted most, the opposite than what was said of it."""
    if task == MULTILABEL:
        given = np.where(targets > 0.5, probabilities, 1 - probabilities)
        return np.asarray(((1 - given) / np.maximum(given, 1e-12)).max(1))
    given = probabilities[np.arange(len(targets)), targets]
    return np.asarray(probabilities.max(1) / np.maximum(given, 1e-12))
