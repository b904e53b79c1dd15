"""Which models, averaged, are better than the best of them: chosen on validation, judged by folds.

Forward selection with replacement (Caruana et al. 2004, "Ensemble selection from libraries of models"):
from the best model on, whichever most lowers the log loss of the mean is added, again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tintype.automl.folds import folds_of
from tintype.evaluation.metrics import compute_metrics
from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["ChosenEnsemble", "choose_ensemble"]

# An ensemble costs as much as all of its members whenever it is asked.
_MOST_MEMBERS = 3

_ROUNDS = 10

# It has to be better than the best model by so many standard errors of the difference.
_WINS_BY = 0.5

_SEED = 42


@dataclass(frozen=True)
class ChosenEnsemble:
    """Members, by their place in what was given, and how much each counts."""

    weights: dict[int, float]
    best: float
    """The metric of the best single model, chosen and judged by folds."""
    score: float
    """That of the ensemble, likewise."""


def choose_ensemble(
    probabilities: Sequence[np.ndarray],
    targets: np.ndarray,
    task: ClassificationTask,
    metric: str,
    *,
    groups: np.ndarray | None = None,
) -> ChosenEnsemble | None:
    """The ensemble that wins by more than noise, if one does.

    Args:
        probabilities: float32 (n, classes) of each model, on the same validation images.
        targets: int64 (n,), or (n, classes) of 0 and 1.
        metric: one where more is better.
        groups: int64 (n,): rows of one number stay together when the choice is judged.
    """
    if len(probabilities) < 2 or len(targets) < 2:
        return None
    stack = np.stack(probabilities)
    folds = folds_of(targets, task, _SEED, groups)
    single, mixed = np.empty_like(stack[0]), np.empty_like(stack[0])
    for fold in range(int(folds.max()) + 1):
        out = folds == fold
        chosen = _select(stack[:, ~out], targets[~out], task)
        single[out] = stack[_best(stack[:, ~out], targets[~out], task, metric)][out]
        mixed[out] = np.tensordot(chosen, stack[:, out], 1)
    weights = _select(stack, targets, task)
    before = compute_metrics(task, single, targets, metrics=[metric]).get(metric, 0.0)
    after = compute_metrics(task, mixed, targets, metrics=[metric]).get(metric, 0.0)
    changed = float((_decided(single, task) != _decided(mixed, task)).any(1).mean())
    error = (changed / len(targets)) ** 0.5
    if np.count_nonzero(weights) < 2 or after - before <= _WINS_BY * error or after <= before:
        return None
    return ChosenEnsemble(
        {int(place): float(weights[place]) for place in np.flatnonzero(weights)}, before, after
    )


def _select(stack: np.ndarray, targets: np.ndarray, task: ClassificationTask) -> np.ndarray:
    """float64 (models,): weights that add up to 1."""
    counts = np.zeros(len(stack))
    total = np.zeros_like(stack[0], np.float64)
    for done in range(_ROUNDS):
        allowed = (
            np.flatnonzero(counts)
            if np.count_nonzero(counts) >= _MOST_MEMBERS
            else np.arange(len(stack))
        )
        losses = [
            _log_loss((total + stack[place]) / (done + 1), targets, task) for place in allowed
        ]
        place = int(allowed[int(np.argmin(losses))])
        counts[place] += 1
        total += stack[place]
    weights: np.ndarray = counts / counts.sum()
    return weights


def _best(stack: np.ndarray, targets: np.ndarray, task: ClassificationTask, metric: str) -> int:
    scores = [
        compute_metrics(task, one, targets, metrics=[metric]).get(metric, 0.0) for one in stack
    ]
    return int(np.argmax(scores))


def _log_loss(probabilities: np.ndarray, targets: np.ndarray, task: ClassificationTask) -> float:
    if task == MULTILABEL:
        right = np.where(targets > 0, probabilities, 1 - probabilities)
    else:
        right = probabilities[np.arange(len(targets)), targets]
    return float(-np.log(np.clip(right, 1e-7, 1)).mean())


def _decided(probabilities: np.ndarray, task: ClassificationTask) -> np.ndarray:
    """(n, …): what is predicted for each row."""
    return probabilities > 0.5 if task == MULTILABEL else probabilities.argmax(1)[:, None]
