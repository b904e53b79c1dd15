"""Images whose label is likely wrong, by cleanlab: the model disagrees, and confidently so."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["LabelIssue", "find_label_issues"]


@dataclass(frozen=True)
class LabelIssue:
    """One row whose label and prediction disagree."""

    row: int
    given: str
    predicted: str
    confidence: float
    """Probability of what is predicted instead."""


def find_label_issues(
    task: ClassificationTask,
    probabilities: np.ndarray,
    targets: np.ndarray,
    classes: tuple[str, ...],
    *,
    most: int,
) -> list[LabelIssue]:
    """Rows whose label is likely wrong, the worst first.

    Args:
        probabilities: float32 (n, classes), of rows by a model that has not seen them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if task == MULTILABEL:
            from cleanlab.multilabel_classification.filter import find_label_issues as find

            labels = [np.flatnonzero(row).tolist() for row in targets]
            ranked = find(
                labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1
            )
        else:
            from cleanlab.filter import find_label_issues as find

            if len(np.unique(targets)) < len(classes):
                # cleanlab wants an example of every class; a split may have left one out.
                return []
            ranked = find(
                targets, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1
            )
    return [_issue(task, int(row), probabilities, targets, classes) for row in ranked[:most]]


def _issue(
    task: ClassificationTask,
    row: int,
    probabilities: np.ndarray,
    targets: np.ndarray,
    classes: tuple[str, ...],
) -> LabelIssue:
    if task == MULTILABEL:
        given = ", ".join(classes[code] for code in np.flatnonzero(targets[row] > 0.5))
        likely = np.flatnonzero(probabilities[row] >= 0.5)
        predicted = ", ".join(classes[code] for code in likely)
        worst = float(np.abs(probabilities[row] - targets[row]).max())
        return LabelIssue(row, given or "none", predicted or "none", worst)
    code = int(probabilities[row].argmax())
    return LabelIssue(
        row, classes[int(targets[row])], classes[code], float(probabilities[row, code])
    )
