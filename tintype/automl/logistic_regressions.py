"""L2-regularised logistic regressions, many at once; for multi-label one regression a label.

All strengths of regularisation are fitted together to the rows of a fold, by accelerated gradient descent
(Nesterov 1983, with restarts) in the features' principal axes, where the problem is well conditioned
and some dozen steps are enough.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from tintype.automl.principal_axes import PrincipalAxes
from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["fit_regressions"]

# Steps at most, and the share of the first gradient that is near enough to none.
_STEPS, _NEAR = 150, 1e-3


def fit_regressions(
    features: np.ndarray,
    indicators: np.ndarray,
    kept: np.ndarray,
    strengths: Sequence[float],
    task: ClassificationTask,
    offset: np.ndarray | None = None,
    *,
    principal: PrincipalAxes,
) -> tuple[np.ndarray, np.ndarray]:
    """Regressions on standardised `features` (n, D): of every strength on each choice of rows.

    Args:
        indicators: float32 (n, classes) of 0 and 1.
        kept: float32 (folds, n): what a row weighs in a fold, 0 where that leaves it out.
        strengths: scikit-learn's C: the inverse of the regularisation, for a sum of losses over the
            rows.
        offset: float32 (n, classes): logits that the regressions add to; None: 0.
        principal: of these features, or of others of the same kind.

    Returns:
        weights (strengths, folds, D, classes) and biases (strengths, folds, classes).
    """
    x = torch.from_numpy(np.ascontiguousarray(features, np.float32))
    y = torch.from_numpy(indicators)
    start = None if offset is None else torch.from_numpy(np.ascontiguousarray(offset, np.float32))
    # The bias is one more axis, of ones and without decay.
    rotated = torch.cat([x @ principal.axes, torch.ones(len(x), 1)], 1)
    weights, biases = [], []
    for share in torch.from_numpy(kept):
        rows = share > 0
        penalty = 1 / (torch.tensor(strengths) * share.sum())
        weight, bias = _descend(
            rotated[rows],
            y[rows],
            (share[rows] / share.sum())[:, None],
            penalty[:, None],
            principal.spread,
            multilabel=task == MULTILABEL,
            start=None if start is None else start[rows],
        )
        weights.append(principal.axes @ weight)
        biases.append(bias)
    return torch.stack(weights, 1).numpy(), torch.stack(biases, 1).numpy()


def _descend(
    x: torch.Tensor,
    y: torch.Tensor,
    share: torch.Tensor,
    penalty: torch.Tensor,
    spread: torch.Tensor,
    *,
    multilabel: bool,
    start: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (strengths, D, classes) and biases (strengths, classes) that minimise the mean loss
    plus penalty w² / 2.

    Args:
        x: (n, D + 1), the last column of ones.
        share: (n, 1), the weight of each row in the mean.
        penalty: (strengths, 1).
        spread: (D,), mean square of each column of `x` but the last.
        start: (n, classes) logits to add to.
    """
    strengths, (rows, width), classes = len(penalty), x.shape, y.shape[1]
    # Half of the spread bounds softmax's curvature; so stretched every axis is about as steep. All
    # strengths learn in one product with `x`, which is what takes time.
    stretch = torch.cat([(spread / 2 + penalty).rsqrt(), torch.ones(strengths, 1)], 1).T[..., None]
    decay = torch.cat([penalty.expand(-1, width - 1), torch.zeros(strengths, 1)], 1).T[..., None]
    decay = decay * stretch**2
    given = torch.zeros(1) if start is None else start[:, None]
    point = torch.zeros(width, strengths, classes)
    ahead, momentum, step = point.clone(), torch.ones(strengths), 0.5
    least = torch.zeros(())
    for number in range(_STEPS):
        logits = (x @ (ahead * stretch).flatten(1)).view(rows, strengths, classes) + given
        predicted = logits.sigmoid() if multilabel else logits.softmax(2)
        error = ((predicted - y[:, None]) * share[..., None]).flatten(1)
        gradient = (x.T @ error).view_as(ahead) * stretch + decay * ahead
        size = gradient.square().sum((0, 2)).sqrt()
        if number == 0:
            least = _NEAR * size
        elif bool((size <= least).all()):
            break
        following = ahead - step * gradient
        moved = following - point
        # Momentum that points uphill is dropped (O'Donoghue and Candès 2012).
        uphill = (gradient * moved).sum((0, 2)) > 0
        momentum = torch.where(uphill, 1.0, momentum)
        upcoming = (1 + (1 + 4 * momentum**2).sqrt()) / 2
        ahead = following + ((momentum - 1) / upcoming)[:, None] * moved
        point, momentum = following, upcoming
    weight = (point * stretch).movedim(1, 0)
    return weight[:, :-1], weight[:, -1]
