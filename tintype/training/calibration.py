"""Temperature scaling: logits divided by one number, so that 0.8 is right eight times in ten.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2. It changes how sure
a model is, never which class it puts first, and of a multi-label model never what 0.5 decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tintype.schemas.task import MULTILABEL, ClassificationTask
from tintype.scoring.calibration import with_temperature

__all__ = ["Calibration", "choose_temperature", "fit_temperature", "log_loss"]

_LOW, _HIGH = 1 / 20, 20.0  # bounds of the search
_FOLDS = 5

# Below this a temperature would be fitted to a handful of mistakes.
_LEAST_ROWS = 30

# One number needs no more: rows beyond these are left out, drawn by the seed.
_MOST_VALUES = 4_000_000


@dataclass(frozen=True)
class Calibration:
    """A temperature, and what it does on rows that it was not fitted to."""

    temperature: float
    """Of all rows; the logits are to be divided by it."""

    log_loss_before: float
    """Mean log loss of the rows as they are."""

    log_loss_after: float
    """The same by cross-validation: each fold by the temperature of the others."""


def choose_temperature(
    probabilities: np.ndarray, targets: np.ndarray, task: ClassificationTask, *, seed: int
) -> Calibration | None:
    """The temperature, where it lowers the log loss by 5-fold cross-validation; else None.

    Args:
        probabilities: (n, classes) on rows that the model was not trained on.
        targets: int (n,) class codes, or (n, classes) of 0 and 1.
        seed: decides the folds.
    """
    if len(probabilities) < _LEAST_ROWS:
        return None
    order = np.random.default_rng([seed, 1]).permutation(len(probabilities))
    order = order[: max(_LEAST_ROWS, _MOST_VALUES // probabilities.shape[1])]
    probabilities, targets = probabilities[order], targets[order]
    fold = np.arange(len(order)) % _FOLDS
    after = np.zeros(len(order))
    for number in range(_FOLDS):
        inside, outside = fold != number, fold == number
        temperature = fit_temperature(probabilities[inside], targets[inside], task)
        held_out = with_temperature(probabilities[outside], temperature, task)
        after[outside] = _row_losses(held_out, targets[outside], task)
    before = log_loss(probabilities, targets, task)
    if after.mean() >= before:
        return None
    return Calibration(fit_temperature(probabilities, targets, task), before, float(after.mean()))


def fit_temperature(
    probabilities: np.ndarray, targets: np.ndarray, task: ClassificationTask
) -> float:
    """The temperature from 1/20 to 20 of the least log loss, by a bounded search (Brent).

    One row is added whose target is spread evenly over the classes, as Platt (1999) smooths his
    targets: without it, rows that are all right would ask for a temperature of 0, which says that
    the model never errs. Among many rows it weighs nothing.

    Args:
        probabilities: (n, classes).
        targets: int (n,) class codes, or (n, classes) of 0 and 1.
    """
    from scipy.optimize import minimize_scalar

    classes = probabilities.shape[1]
    even = np.full(probabilities.shape, 0.5 if task == MULTILABEL else 1 / classes)

    def objective(logarithm: float) -> float:
        tempered = with_temperature(probabilities, float(np.exp(logarithm)), task)
        own = _row_losses(tempered, targets, task)
        # Its logits are those of an average row: the mean over rows is its loss.
        spread = _cross_entropies(tempered, even, task)
        return float(own.sum() + spread.mean())

    found = minimize_scalar(
        objective, bounds=(np.log(_LOW), np.log(_HIGH)), method="bounded", options={"xatol": 1e-4}
    )
    return float(np.exp(found.x))


def log_loss(probabilities: np.ndarray, targets: np.ndarray, task: ClassificationTask) -> float:
    """Mean negative log likelihood of a row; multi-label, of a (row, class) pair."""
    return float(_row_losses(probabilities, targets, task).mean())


def _row_losses(
    probabilities: np.ndarray, targets: np.ndarray, task: ClassificationTask
) -> np.ndarray:
    if task == MULTILABEL:
        return _cross_entropies(probabilities, targets, task)
    picked = probabilities[np.arange(len(targets)), targets]
    return -np.log(picked.astype(np.float64).clip(1e-38))


def _cross_entropies(
    probabilities: np.ndarray, shares: np.ndarray, task: ClassificationTask
) -> np.ndarray:
    """Float64 (n,): cross-entropy with target `shares` (n, classes) of each row."""
    values = probabilities.astype(np.float64).clip(1e-38)
    if task != MULTILABEL:
        return -(shares * np.log(values)).sum(1)
    against = np.log((1 - values).clip(2**-25))
    return -(shares * np.log(values) + (1 - shares) * against).mean(1)
