"""A linear head on features, fitted to the labels so far in well under a second, and calibrated.

With fewer labelled pictures than features the best weights are a combination of these pictures
(representer theorem; Schölkopf et al. 2001), so the head is fitted in the space that they span.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from tintype.automl.folds import folds_of
from tintype.automl.head_search import indicators_of
from tintype.automl.logistic_regressions import fit_regressions
from tintype.automl.principal_axes import PrincipalAxes
from tintype.automl.standardisation import Standardisation
from tintype.schemas.task import MULTILABEL, ClassificationTask
from tintype.scoring.calibration import probabilities_of
from tintype.training.calibration import fit_temperature, log_loss

__all__ = ["LEAST_LABELS", "QuickHead", "fit_quick_head", "fit_resampled_heads", "rows_to_fit"]

LEAST_LABELS = 10
"""From so many labelled pictures on there is a head."""

_STRENGTHS = (0.003, 0.03, 0.3)

# More rows and axes than these change the head hardly, and take longer than a second.
_MOST_ROWS, _MOST_AXES = 4_000, 512


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
    seed: int = 0,
) -> QuickHead | None:
    """The regularisation of the least log loss by cross-validation, and its temperature.

    Args:
        features: float32 (n, D).
        targets: int64 (n,) positions in `classes`, or float32 (n, classes) of 0 and 1.
        classes: ids of labels; of each there is one example at least.

    Returns:
        None with fewer than ten rows, or without two classes to tell apart.
    """
    if len(features) < LEAST_LABELS or len(classes) < (1 if task == MULTILABEL else 2):
        return None
    axes, rotated = _in_their_span(scaling.scaled(features))
    spread = torch.from_numpy(np.square(rotated).mean(0).astype(np.float32))
    principal = PrincipalAxes(spread, torch.eye(rotated.shape[1]))
    indicators = indicators_of(targets, len(classes))
    folds = folds_of(targets, task, seed, None)
    count = int(folds.max()) + 1
    # The last choice of rows is all of them.
    kept = np.stack([*(folds != fold for fold in range(count)), np.ones(len(folds), bool)])
    weights, biases = fit_regressions(
        rotated, indicators, kept.astype(np.float32), _STRENGTHS, task, principal=principal
    )
    best: tuple[float, int, np.ndarray] | None = None
    for number in range(len(_STRENGTHS)):
        logits = np.zeros((len(targets), len(classes)), np.float32)
        for fold in range(count):
            out = folds == fold
            logits[out] = rotated[out] @ weights[number, fold] + biases[number, fold]
        loss = log_loss(probabilities_of(logits, task), targets, task)
        if best is None or loss < best[0]:
            best = (loss, number, logits)
    assert best is not None
    _, number, logits = best
    temperature = fit_temperature(logits, targets, task)
    return QuickHead(
        scaling,
        (axes @ weights[number, -1] / temperature).astype(np.float32),
        (biases[number, -1] / temperature).astype(np.float32),
        classes,
        task,
        probabilities_of(logits / temperature, task),
    )


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
    axes, rotated = _in_their_span(head.scaling.scaled(features))
    spread = torch.from_numpy(np.square(rotated).mean(0).astype(np.float32))
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(rotated), [1 / len(rotated)] * len(rotated), count)
    weights, biases = fit_regressions(
        rotated,
        indicators_of(targets, len(head.classes)),
        drawn.astype(np.float32),
        _STRENGTHS[1:2],
        head.task,
        principal=PrincipalAxes(spread, torch.eye(rotated.shape[1])),
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


def _in_their_span(scaled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthogonal axes (D, r) of the span of the rows, and the rows (n, r) along them."""
    few = scaled.shape[0] < scaled.shape[1]
    gram = scaled @ scaled.T if few else scaled.T @ scaled
    values, vectors = np.linalg.eigh(gram.astype(np.float64))
    largest = np.argsort(-values)[:_MOST_AXES]
    largest = largest[values[largest] > 1e-8 * max(float(values.max()), 1e-12)]
    axes = vectors[:, largest]
    if few:
        axes = scaled.T @ (axes / np.sqrt(values[largest]))
    axes = axes.astype(np.float32)
    return axes, scaled @ axes


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
