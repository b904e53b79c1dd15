"""L2-regularised logistic regressions, many at once; for multi-label one regression a label.

All folds of cross-validation and all strengths of regularisation are fitted together, as one batch of
accelerated gradient descent (Nesterov 1983, with restarts) in the features' principal axes, where the
problem is well conditioned and a hundred steps are enough.
"""

from __future__ import annotations

import numpy as np
import torch

from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["fit_regressions"]

_STEPS = 150


def fit_regressions(
    features: np.ndarray,
    indicators: np.ndarray,
    kept: np.ndarray,
    strengths: list[float],
    task: ClassificationTask,
    offset: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Several regressions on standardised `features` (n, D) at once.

    Args:
        indicators: float32 (n, classes) of 0 and 1.
        kept: float32 (problems, n): 1 where a problem sees a row, else 0.
        strengths: scikit-learn's C of each problem: the inverse of the regularisation, for a sum of
            losses over the rows.
        offset: float32 (n, classes): logits that the regressions add to; None: 0.

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
    start = None if offset is None else torch.from_numpy(np.ascontiguousarray(offset, np.float32))
    weight = torch.zeros(problems, x.shape[1], classes)
    bias = torch.zeros(problems, classes)
    for problem in range(problems):
        weight[problem], bias[problem] = _descend(
            rotated / stretch[problem],
            y,
            keep[problem] / sizes[problem],
            penalty[problem] / stretch[problem] ** 2,
            multilabel=task == MULTILABEL,
            start=start,
        )
        weight[problem] = axes @ (weight[problem] / stretch[problem][:, None])
    return weight.numpy(), bias.numpy()


def _descend(
    x: torch.Tensor,
    y: torch.Tensor,
    share: torch.Tensor,
    decay: torch.Tensor,
    *,
    multilabel: bool,
    start: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight (D, classes) and bias (classes,) that minimise the mean loss plus decay w² / 2.

    Args:
        share: (n,) the weight of each row in the mean, 0 for rows left out.
        decay: (D,).
        start: (n, classes) logits to add to.
    """
    # The bias is one more column, of ones and without decay.
    rows = share > 0
    x = torch.cat([x[rows], torch.ones(int(rows.sum()), 1)], 1)
    y, share = y[rows], share[rows][:, None]
    given = torch.zeros(1) if start is None else start[rows]
    decay = torch.cat([decay, torch.zeros(1)])[:, None]
    point = torch.zeros(x.shape[1], y.shape[1])
    ahead, momentum, step = point.clone(), 1.0, 0.5
    for _ in range(_STEPS):
        logits = x @ ahead + given
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
