"""A linear head on features, fitted to the labels so far, and calibrated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tintype.automl.folds import folds_of
from tintype.automl.head_search import indicators_of
from tintype.automl.logistic_regressions import fit_regressions
from tintype.automl.standardisation import Standardisation
from tintype.labelling.assistance.linear_fits import (
    STRENGTHS,
    fit_with_look_alikes,
    fits_of_labelled,
    in_their_span,
    own_axes,
)
from tintype.schemas.task import MULTILABEL, ClassificationTask
from tintype.scoring.calibration import probabilities_of
from tintype.training.calibration import fit_temperature, log_loss

__all__ = ["LEAST_LABELS", "QuickHead", "fit_quick_head", "fit_resampled_heads", "rows_to_fit"]

LEAST_LABELS = 10
"""From so many labelled pictures on there is a head."""

# More rows than these change the head hardly, and take longer than a second.
_MOST_ROWS = 4_000

# Up to so many labels there are more folds, and look-alikes help; with more of them, they rather mislead.
_FEW = 60
_FOLDS, _MANY_FOLDS = 5, 10


@dataclass(frozen=True)
class QuickHead:
    """A calibrated linear classifier of scaled features."""

    scaling: Standardisation
    weight: np.ndarray
    """float32 (D, classes)."""
    bias: np.ndarray
    """float32 (classes,)."""
    classes: tuple[int, ...]
    """Ids of the labels that there are examples of."""
    task: ClassificationTask
    out_of_fold: np.ndarray
    """float32 (n, classes): probabilities of the rows it was fitted to, each by a head that had not
    seen it."""

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Features (n, D) -> float32 (n, classes)."""
        # Features of all pictures are not copied to be scaled: the weights are.
        weight = self.weight / self.scaling.scale[:, None]
        bias = self.bias - (self.scaling.mean / self.scaling.scale) @ self.weight
        return probabilities_of(features @ weight + bias, self.task)


def fit_quick_head(
    features: np.ndarray,
    targets: np.ndarray,
    classes: tuple[int, ...],
    task: ClassificationTask,
    scaling: Standardisation,
    *,
    unlabelled: np.ndarray | None = None,
    seed: int = 0,
) -> QuickHead | None:
    """The head of the least log loss by cross-validation, and its temperature: of three strengths of
    regularisation, and, while few pictures are labelled, one that learns from unlabelled look-alikes, too.

    Args:
        features: float32 (n, D).
        targets: int64 (n,) positions in `classes`, or float32 (n, classes) of 0 and 1.
        classes: ids of labels; of each there is one example at least.
        unlabelled: float32 (m, D): some hundred others.

    Returns:
        None with fewer than ten rows, or without two classes to tell apart.
    """
    if len(features) < LEAST_LABELS or len(classes) < (1 if task == MULTILABEL else 2):
        return None
    scaled = scaling.scaled(features)
    # Each fold takes examples away, of which there are few: the fewer, the more folds.
    few = len(targets) <= _FEW
    most = _MANY_FOLDS if few else _FOLDS
    folds = folds_of(targets, task, seed, None, most=most)
    fits = fits_of_labelled(scaled, targets, folds, len(classes), task)
    if few and task != MULTILABEL and unlabelled is not None and len(unlabelled):
        others = scaling.scaled(unlabelled)
        fits.append(fit_with_look_alikes(scaled, targets, folds, len(classes), others))
    judged = _had_examples(targets, folds)
    tempered = [
        fit.divided_by(fit_temperature(fit.out_of_fold[judged], targets[judged], task))
        for fit in fits
    ]
    best = min(
        tempered,
        key=lambda fit: log_loss(
            probabilities_of(fit.out_of_fold[judged], task), targets[judged], task
        ),
    )
    out_of_fold = probabilities_of(best.out_of_fold, task)
    return QuickHead(scaling, best.weight, best.bias, classes, task, out_of_fold)


def _had_examples(targets: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """bool (n,): rows whose class had an example outside of their fold.

    Where it had none, no head could have been right, which tells nothing of the head of all rows.
    Where few rows are left, all of them.
    """
    if targets.ndim == 2:
        return np.ones(len(targets), bool)
    alike = targets[:, None] == targets[None]
    found: np.ndarray = (alike & (folds[:, None] != folds[None])).any(1)
    return found if found.sum() >= LEAST_LABELS // 2 else np.ones(len(targets), bool)


def fit_resampled_heads(
    features: np.ndarray,
    targets: np.ndarray,
    head: QuickHead,
    count: int,
    *,
    seed: int = 0,
) -> list[QuickHead]:
    """Heads fitted to bootstrap samples of the rows: where they disagree, labels teach most.

    Args:
        features, targets: those that `head` was fitted to.
    """
    axes, rotated = in_their_span(head.scaling.scaled(features))
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(rotated), [1 / len(rotated)] * len(rotated), count)
    weights, biases = fit_regressions(
        rotated,
        indicators_of(targets, len(head.classes)),
        drawn.astype(np.float32),
        STRENGTHS[1:2],
        head.task,
        principal=own_axes(rotated),
    )
    nothing = np.zeros((0, len(head.classes)), np.float32)
    return [
        QuickHead(
            head.scaling,
            (axes @ weight).astype(np.float32),
            bias.astype(np.float32),
            head.classes,
            head.task,
            nothing,
        )
        for weight, bias in zip(weights[0], biases[0], strict=True)
    ]


def rows_to_fit(targets: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """int64: rows to fit a head to where there are many, of rare classes all.

    Args:
        targets: as for `fit_quick_head`.
    """
    if len(targets) <= _MOST_ROWS:
        return np.arange(len(targets))
    random = np.random.default_rng(seed)
    rarity = targets.sum(0) if targets.ndim == 2 else np.bincount(targets)
    if targets.ndim == 2:
        weight = np.where(targets > 0, 1 / np.maximum(rarity, 1), 0).max(1) + 1 / len(targets)
    else:
        weight = 1 / rarity[targets]
    chosen = random.choice(len(targets), _MOST_ROWS, replace=False, p=weight / weight.sum())
    return np.sort(chosen)
