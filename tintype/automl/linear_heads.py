"""Linear heads on features computed once: fitted in seconds, judged by cross-validation.

Logistic regression (scikit-learn's, L2-regularised) on standardised features, its strength chosen
by cross-validation from a few powers of ten; for multi-label one regression a label.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from tintype.evaluation.metrics import compute_metrics
from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["LinearHead", "fit_linear_head"]

_STRENGTHS = (0.001, 0.01, 0.1, 1.0)
_FOLDS = 5

# Cross-validation looks at no more rows than this: its answer would hardly change.
_MOST_VALIDATED = 4000

_MOST_ITERATIONS = 200


@dataclass(frozen=True)
class LinearHead:
    """A linear layer for raw features."""

    weight: np.ndarray
    """float32 (classes, D)."""
    bias: np.ndarray
    """float32 (classes,)."""
    strength: float
    """Inverse of the regularisation, scikit-learn's C."""
    score: float
    """The metric by cross-validation on the training rows."""
    validated_rows: np.ndarray
    """int64 (m,): rows that cross-validation looked at."""
    out_of_fold: np.ndarray
    """float32 (m, classes): probabilities of each of them by a head that had not seen it."""

    def probabilities(self, features: np.ndarray, task: ClassificationTask) -> np.ndarray:
        """Features (n, D) -> float32 (n, classes)."""
        return _probabilities(features @ self.weight.T + self.bias, task)


def fit_linear_head(
    features: np.ndarray,
    targets: np.ndarray,
    *,
    task: ClassificationTask,
    classes: int,
    metric: str,
    seed: int = 42,
) -> LinearHead:
    """The best head on `features`, float32 (n, D), for `targets` as `ImageTable.targets` gives them."""
    mean = features.mean(0)
    deviation = features.std(0)
    scale = np.where(deviation < 1e-6, 1.0, deviation)
    scaled = (features - mean) / scale
    rows = np.arange(len(scaled))
    if len(rows) > _MOST_VALIDATED:
        rows = np.sort(np.random.default_rng(seed).permutation(len(rows))[:_MOST_VALIDATED])
    folds = _folds(targets[rows], task, seed)
    best: tuple[float, float, np.ndarray] | None = None
    for strength in _STRENGTHS:
        out = np.zeros((len(rows), classes), np.float32)
        for fold in range(folds.max() + 1):
            inside, outside = rows[folds != fold], folds == fold
            weight, bias = _fit(scaled[inside], targets[inside], task, classes, strength)
            out[outside] = _probabilities(scaled[rows[outside]] @ weight.T + bias, task)
        score = compute_metrics(task, out, targets[rows], metrics=[metric]).get(metric, 0.0)
        # Of equals the smoother one.
        if best is None or score > best[0] + 1e-9:
            best = score, strength, out
    assert best is not None
    weight, bias = _fit(scaled, targets, task, classes, best[1])
    weight = weight / scale
    return LinearHead(
        weight.astype(np.float32),
        (bias - weight @ mean).astype(np.float32),
        best[1],
        best[0],
        rows,
        best[2],
    )


def _folds(targets: np.ndarray, task: ClassificationTask, seed: int) -> np.ndarray:
    """int64 (n,): the fold of each row; every class is spread over the folds."""
    random = np.random.default_rng(seed)
    count = max(2, min(_FOLDS, len(targets)))
    # Multi-label rows are spread by their rarest label.
    if task == MULTILABEL:
        rarity = np.where(targets > 0, targets.sum(0), np.inf)
        keys = np.where(targets.any(1), rarity.argmin(1), -1)
    else:
        keys = targets
    order = random.permutation(len(targets))
    order = order[np.argsort(keys[order], kind="stable")]
    folds = np.empty(len(targets), np.int64)
    folds[order] = np.arange(len(targets)) % count
    return folds


def _fit(
    features: np.ndarray,
    targets: np.ndarray,
    task: ClassificationTask,
    classes: int,
    strength: float,
) -> tuple[np.ndarray, np.ndarray]:
    """weight (classes, D) and bias (classes,) for standardised features."""
    weight = np.zeros((classes, features.shape[1]))
    bias = np.zeros(classes)
    if task == MULTILABEL:
        for label in range(classes):
            weight[label], bias[label] = _fit_binary(features, targets[:, label] > 0, strength)
        return weight, bias
    present = np.unique(targets)
    # Classes that no row of the fold shows are as good as impossible.
    bias[:] = -20.0
    if len(present) == 1:
        bias[present] = 0.0
        return weight, bias
    if len(present) == 2:
        row, offset = _fit_binary(features, targets == present[1], strength)
        weight[present[1]], bias[present[1]], bias[present[0]] = row, offset, 0.0
        return weight, bias
    model = _regression(strength)
    with warnings.catch_warnings():
        # A head that has not quite converged is still a head, and is judged like any other.
        warnings.simplefilter("ignore")
        model.fit(features, targets)
    weight[model.classes_], bias[model.classes_] = model.coef_, model.intercept_
    return weight, bias


def _fit_binary(
    features: np.ndarray, positive: np.ndarray, strength: float
) -> tuple[np.ndarray, float]:
    if positive.all() or not positive.any():
        return np.zeros(features.shape[1]), 20.0 if positive.all() else -20.0
    model = _regression(strength)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(features, positive)
    return model.coef_[0], float(model.intercept_[0])


def _regression(strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=_MOST_ITERATIONS, tol=1e-3)


def _probabilities(logits: np.ndarray, task: ClassificationTask) -> np.ndarray:
    if task == MULTILABEL:
        return (1 / (1 + np.exp(-np.clip(logits, -60, 60)))).astype(np.float32)
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return (powers / powers.sum(1, keepdims=True)).astype(np.float32)
