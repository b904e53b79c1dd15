"""Temperature scaling: logits divided by one number, so that 0.8 is right eight times in ten.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2. It changes how sure
a model is, never which class it puts first, and of a multi-label model never what 0.5 decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tintype.schemas.task import MULTILABEL, ClassificationTask
from tintype.scoring.calibration import logits_of, with_temperature

__all__ = ["Calibration", "choose_temperature", "fit_temperature", "log_loss", "row_losses"]

# Bounds of the search: a discriminant's logits are dozens of times too large.
_LOW, _HIGH = 1 / 100, 100.0
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
    logits = logits_of(probabilities, task)
    fold = np.arange(len(order)) % _FOLDS
    after = np.zeros(len(order))
    for number in range(_FOLDS):
        inside, outside = fold != number, fold == number
        temperature = fit_temperature(logits[inside], targets[inside], task)
        held_out = with_temperature(probabilities[outside], temperature, task)
        after[outside] = row_losses(held_out, targets[outside], task)
    before = log_loss(probabilities, targets, task)
    if after.mean() >= before:
        return None
    return Calibration(fit_temperature(logits, targets, task), before, float(after.mean()))


def fit_temperature(
    logits: np.ndarray,
    targets: np.ndarray,
    task: ClassificationTask,
    weights: np.ndarray | None = None,
) -> float:
    """The temperature from 1/100 to 100 of the least log loss, by a bounded search (Brent).

    One row is added whose target is spread evenly over the classes, as Platt (1999) smooths his
    targets: without it, rows that are all right would ask for a temperature of 0, which says that
    the model never errs. Among many rows it weighs nothing.

    Args:
        logits: (n, classes) of rows that the model was not trained on.
        targets: int (n,) class codes, or (n, classes) of 0 and 1.
        weights: (n,), what each row counts, 1 on average; None: 1.
    """
    from scipy.optimize import minimize_scalar

    logits = np.asarray(logits, np.float64)
    even = 0.5 if task == MULTILABEL else 1 / logits.shape[1]
    right = targets if task == MULTILABEL else np.eye(logits.shape[1])[targets]

    def objective(logarithm: float) -> float:
        tempered = logits / np.exp(logarithm)
        own = _losses_of_logits(tempered, right, task)
        # Its logits are those of an average row: the mean over rows is its loss.
        spread = _losses_of_logits(tempered, np.full_like(tempered, even), task)
        return float((own if weights is None else own * weights).sum() + spread.mean())

    found = minimize_scalar(
        objective, bounds=(np.log(_LOW), np.log(_HIGH)), method="bounded", options={"xatol": 1e-4}
    )
    return float(np.exp(found.x))


def log_loss(probabilities: np.ndarray, targets: np.ndarray, task: ClassificationTask) -> float:
    """Mean negative log likelihood of a row; multi-label, of a (row, class) pair."""
    return float(row_losses(probabilities, targets, task).mean())


def row_losses(
    probabilities: np.ndarray, targets: np.ndarray, task: ClassificationTask
) -> np.ndarray:
    """float64 (n,)."""
    values = probabilities.astype(np.float64).clip(1e-38)
    if task != MULTILABEL:
        return -np.log(values[np.arange(len(targets)), targets])
    against = np.log((1 - values).clip(2**-25))
    return -(targets * np.log(values) + (1 - targets) * against).mean(1)


def _losses_of_logits(
    logits: np.ndarray, shares: np.ndarray, task: ClassificationTask
) -> np.ndarray:
    """float64 (n,): cross-entropy of each row with its target `shares` (n, classes).

    Of logits, and not of the probabilities that they give: where one rounds to 0 its loss still
    tells how far it is off.
    """
    if task == MULTILABEL:
        return (np.logaddexp(0, logits) - shares * logits).mean(1)
    highest = logits.max(1, keepdims=True)
    total = np.log(np.exp(logits - highest).sum(1)) + highest[:, 0]
    return total - (shares * logits).sum(1)
