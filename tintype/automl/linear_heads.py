"""Linear heads on features computed once: fitted in seconds, judged by cross-validation.

L2-regularised logistic regression on standardised features; for multi-label one regression a label.
All folds of cross-validation and all strengths of regularisation are fitted together, as one batch
of accelerated gradient descent (Nesterov 1983, with restarts) in the features' principal axes, where
the problem is well conditioned and a hundred steps are enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from tintype.data.groups import counts_by_group, sides_of_groups
from tintype.evaluation.metrics import compute_metrics
from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["LinearHead", "fit_linear_head"]

# scikit-learn's C: the inverse of the regularisation, for a sum of losses over the rows.
_STRENGTHS = (0.003, 0.03, 0.3, 3.0)
_FOLDS = 5

# Cross-validation looks at no more rows than this, and the final fit at no more than that: the
# answer would hardly change.
_MOST_VALIDATED, _MOST_FITTED = 4000, 50_000

_STEPS = 150

# Features that vary less than this share of the median one are not blown up to its size: noise in
# them would rule the head, and fine-tuning from it would begin with huge losses.
_LEAST_DEVIATION = 0.1


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
    groups: np.ndarray | None = None,
) -> LinearHead:
    """The best head on `features`, float32 (n, D), for `targets` as `ImageTable.targets` gives
    them.

    Args:
        groups: int64 (n,): rows of one number stay in one fold of the cross-validation.
    """
    random = np.random.default_rng(seed)
    mean, scale = features.mean(0), _scale(features)
    rows = _at_most(_MOST_VALIDATED, len(features), random)
    folds = _folds(targets[rows], task, seed, None if groups is None else groups[rows])
    score, strength, out_of_fold = _cross_validated(
        (features[rows] - mean) / scale, _indicators(targets[rows], classes), folds, task, metric
    )
    fitted = _at_most(_MOST_FITTED, len(features), random)
    weight, bias = _fit_all(
        (features[fitted] - mean) / scale,
        _indicators(targets[fitted], classes),
        np.ones((1, len(fitted)), np.float32),
        [strength],
        task,
    )
    raw = weight[0].T / scale
    return LinearHead(
        raw.astype(np.float32),
        (bias[0] - raw @ mean).astype(np.float32),
        strength,
        score,
        rows,
        out_of_fold,
    )


def _cross_validated(
    features: np.ndarray,
    indicators: np.ndarray,
    folds: np.ndarray,
    task: ClassificationTask,
    metric: str,
) -> tuple[float, float, np.ndarray]:
    """The best score, its strength, and the probabilities out of fold (n, classes)."""
    count = int(folds.max()) + 1
    kept = np.stack([folds != fold for fold in range(count)]).astype(np.float32)
    # Problem p: fold p % count at strength p // count.
    weight, bias = _fit_all(
        features,
        indicators,
        np.tile(kept, (len(_STRENGTHS), 1)),
        [strength for strength in _STRENGTHS for _ in range(count)],
        task,
    )
    targets = indicators if task == MULTILABEL else indicators.argmax(1)
    best: tuple[float, float, np.ndarray] | None = None
    for place, strength in enumerate(_STRENGTHS):
        out = np.zeros_like(indicators)
        for fold in range(count):
            problem = place * count + fold
            outside = folds == fold
            logits = features[outside] @ weight[problem] + bias[problem]
            out[outside] = _probabilities(logits, task)
        score = compute_metrics(task, out, targets, metrics=[metric]).get(metric, 0.0)
        # Of equals the smoother one.
        if best is None or score > best[0] + 1e-9:
            best = score, strength, out
    assert best is not None
    return best


def _fit_all(
    features: np.ndarray,
    indicators: np.ndarray,
    kept: np.ndarray,
    strengths: list[float],
    task: ClassificationTask,
) -> tuple[np.ndarray, np.ndarray]:
    """Several regressions on standardised `features` (n, D) at once.

    Args:
        indicators: float32 (n, classes) of 0 and 1.
        kept: float32 (problems, n): 1 where a problem sees a row, else 0.
        strengths: C of each problem.

    Returns:
        weights (problems, D, classes) and biases (problems, classes).
    """
    x = torch.from_numpy(np.ascontiguousarray(features, np.float32))
    y = torch.from_numpy(indicators)
    keep = torch.from_numpy(kept)
    sizes = keep.sum(1)
    spread, axes = torch.linalg.eigh((x.T.double() @ x.double()) / len(x))
    spread = spread.clamp_min(0).float()
    axes = axes.float()
    rotated = x @ axes
    penalty = 1 / (torch.tensor(strengths) * sizes)
    # Half of the spread bounds softmax's curvature; with it every axis is about as steep.
    stretch = (spread[None] / 2 + penalty[:, None]).sqrt()
    problems, classes = len(strengths), y.shape[1]
    weight = torch.zeros(problems, x.shape[1], classes)
    bias = torch.zeros(problems, classes)
    for problem in range(problems):
        weight[problem], bias[problem] = _descend(
            rotated / stretch[problem],
            y,
            keep[problem] / sizes[problem],
            penalty[problem] / stretch[problem] ** 2,
            multilabel=task == MULTILABEL,
        )
        weight[problem] = axes @ (weight[problem] / stretch[problem][:, None])
    return weight.numpy(), bias.numpy()


def _descend(
    x: torch.Tensor, y: torch.Tensor, share: torch.Tensor, decay: torch.Tensor, *, multilabel: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight (D, classes) and bias (classes,) that minimise the mean loss plus decay w² / 2.

    Args:
        share: (n,) the weight of each row in the mean, 0 for rows left out.
        decay: (D,).
    """
    # The bias is one more column, of ones and without decay.
    rows = share > 0
    x = torch.cat([x[rows], torch.ones(int(rows.sum()), 1)], 1)
    y, share = y[rows], share[rows][:, None]
    decay = torch.cat([decay, torch.zeros(1)])[:, None]
    point = torch.zeros(x.shape[1], y.shape[1])
    ahead, momentum, step = point.clone(), 1.0, 0.5
    for _ in range(_STEPS):
        logits = x @ ahead
        predicted = logits.sigmoid() if multilabel else logits.softmax(1)
        gradient = x.T @ ((predicted - y) * share) + decay * ahead
        following = ahead - step * gradient
        # Momentum that points uphill is dropped (O'Donoghue and Candès 2012).
        if float((gradient * (following - point)).sum()) > 0:
            momentum = 1.0
        upcoming = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = following + (momentum - 1) / upcoming * (following - point)
        point, momentum = following, upcoming
    return point[:-1], point[-1]


def _scale(features: np.ndarray) -> np.ndarray:
    """What each feature is divided by: its deviation, or a floor under it."""
    deviation = features.std(0)
    varying = deviation[deviation > 1e-6]
    floor = _LEAST_DEVIATION * float(np.median(varying)) if len(varying) else 1.0
    return np.maximum(deviation, floor)


def _at_most(most: int, count: int, random: np.random.Generator) -> np.ndarray:
    """int64: all of `count` rows, or `most` of them at random."""
    rows = np.arange(count)
    return rows if count <= most else np.sort(random.permutation(rows)[:most])


def _indicators(targets: np.ndarray, classes: int) -> np.ndarray:
    """float32 (n, classes) of 0 and 1."""
    if targets.ndim == 2:
        return targets.astype(np.float32)
    return np.eye(classes, dtype=np.float32)[targets]


def _folds(
    targets: np.ndarray, task: ClassificationTask, seed: int, groups: np.ndarray | None
) -> np.ndarray:
    """int64 (n,): the fold of each row; every class is spread over the folds, as groups allow."""
    if groups is not None:
        _, groups = np.unique(groups, return_inverse=True)
        if groups.max() > 0:
            return _folds_of_groups(targets, groups, seed)
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


def _folds_of_groups(targets: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """int64 (n,): the fold of each row, by `groups`, int64 (n,) from 0, of which there are
    several."""
    classes = targets.shape[1] if targets.ndim == 2 else int(targets.max()) + 1
    count = min(_FOLDS, int(groups.max()) + 1)
    sides = sides_of_groups(counts_by_group(targets, groups, classes), [1 / count] * count, seed)
    # Without gaps: a fold may have remained empty.
    return np.unique(sides[groups], return_inverse=True)[1].astype(np.int64)


def _probabilities(logits: np.ndarray, task: ClassificationTask) -> np.ndarray:
    if task == MULTILABEL:
        return (1 / (1 + np.exp(-np.clip(logits, -60, 60)))).astype(np.float32)
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return (powers / powers.sum(1, keepdims=True)).astype(np.float32)
