"""Multi-label: from which probability on a label is predicted, tuned for each class on validation.

The threshold of a class is the one of its best F1, which is that of its best IoU too: for one class
IoU = F1 / (2 - F1), which rises with it. Few examples say little about where that is, so each
threshold is drawn towards the common one, and that towards 0.5, as if by `_PRIOR` examples (an
empirical-Bayes shrinkage of its log odds; Lipton et al. 2014, "Optimal Thresholding of Classifiers
to Maximize F1 Measure", show how the plain optimum runs wild for rare classes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tintype.evaluation.metrics import compute_metrics
from tintype.schemas.task import MULTILABEL

__all__ = ["TunedThresholds", "choose_thresholds", "fit_thresholds"]

_FOLDS = 5
_LEAST_ROWS = 30
_PRIOR = 10.0

# Metrics that no threshold changes; F1 decides in their place.
_RANKINGS = ("loss", "log_loss", "AUC", "average_precision_score")
_FALLBACK = "f1_score_macro"


@dataclass(frozen=True)
class TunedThresholds:
    """Thresholds, and what they do on rows that they were not tuned on."""

    values: np.ndarray
    """float64 (classes,), tuned on all rows."""

    metric: str
    """By what they were judged."""

    before: float
    """The metric at 0.5 for every class."""

    after: float
    """The metric by cross-validation: each fold at the thresholds of the others."""


def choose_thresholds(
    probabilities: np.ndarray, targets: np.ndarray, *, metric: str, seed: int
) -> TunedThresholds | None:
    """Thresholds by class, where they raise `metric` by 5-fold cross-validation, by more than a
    standard error of the folds; else None.

    Args:
        probabilities: (n, classes) on rows that the model was not trained on.
        targets: (n, classes) of 0 and 1.
        metric: as `evaluation.metrics` names it; macro F1 stands in for those without thresholds.
        seed: decides the folds.
    """
    if len(probabilities) < _LEAST_ROWS:
        return None
    judge = _FALLBACK if metric.startswith(_RANKINGS) else metric
    fold = np.random.default_rng([seed, 2]).permutation(len(probabilities)) % _FOLDS
    decisions = np.zeros(probabilities.shape)
    gains = []
    for number in range(_FOLDS):
        inside, outside = fold != number, fold == number
        values = fit_thresholds(probabilities[inside], targets[inside])
        decisions[outside] = probabilities[outside] >= values
        gains.append(
            _score(decisions[outside], targets[outside], judge)
            - _score(probabilities[outside], targets[outside], judge)
        )
    # One standard error: less might be luck (Breiman et al. 1984).
    if np.mean(gains) <= np.std(gains, ddof=1) / _FOLDS**0.5:
        return None
    before = _score(probabilities, targets, judge)
    after = _score(decisions, targets, judge)
    if after <= before:
        return None
    return TunedThresholds(fit_thresholds(probabilities, targets), judge, before, after)


def fit_thresholds(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Thresholds float64 (classes,) from 0 to 1 for probabilities and targets (n, classes)."""
    odds = _log_odds(probabilities)
    positives = targets.sum(0)
    common = _shrunk(_best(odds.ravel(), targets.ravel()), 0.0, positives.sum())
    values = [
        _shrunk(_best(odds[:, code], targets[:, code]), common, positives[code])
        for code in range(odds.shape[1])
    ]
    return 1 / (1 + np.exp(-np.array(values)))


def _score(probabilities: np.ndarray, targets: np.ndarray, metric: str) -> float:
    return compute_metrics(MULTILABEL, probabilities, targets, metrics=[metric]).get(metric, 0.0)


def _shrunk(value: float, towards: float, examples: float) -> float:
    weight = examples / (examples + _PRIOR)
    return float(weight * value + (1 - weight) * towards)


def _best(odds: np.ndarray, targets: np.ndarray) -> float:
    """Log odds between the two rows where F1 is best parted; of equals, the ones nearest to 0."""
    order = np.argsort(-odds, kind="stable")
    sorted_odds, hits = odds[order], np.cumsum(targets[order])
    if not len(hits) or hits[-1] == 0:
        return 0.0
    predicted = np.arange(1, len(hits) + 1)
    # Rows of equal odds cannot be parted.
    last = np.append(sorted_odds[1:] < sorted_odds[:-1], True)
    following = np.append(sorted_odds[1:], sorted_odds[-1] - 2.0)
    cuts = ((sorted_odds + following) / 2)[last]
    f1 = (2 * hits / (predicted + hits[-1]))[last]
    equals = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return float(cuts[equals[np.abs(cuts[equals]).argmin()]])


def _log_odds(probabilities: np.ndarray) -> np.ndarray:
    values = np.asarray(probabilities, np.float64).clip(1e-7, 1 - 1e-7)
    return np.log(values) - np.log1p(-values)
