"""Shrunken linear discriminants, in closed form: strong where a class has few examples.

Regularised discriminant analysis (Friedman 1989) with a common covariance: its shrinkage of 1 is the
nearest class mean (Mensink et al. 2013, "Distance-based image classification"). Linear, like a
regression, so that it is served as one layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["fit_discriminants"]

# A variance that is nothing in every row says nothing of new ones.
_LEAST_VARIANCE = 1e-6


def fit_discriminants(
    features: np.ndarray,
    targets: np.ndarray,
    classes: int,
    shrinkages: Sequence[float],
    *,
    row_weight: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Discriminants on standardised `features` (n, D), one for every shrinkage.

    Args:
        targets: int64 (n,), codes; a class without rows gets the overall mean.
        shrinkages: 0 to 1: from the rows' own covariance to a multiple of the identity.
        row_weight: how many examples a row counts for; less than 1 where several show the same.

    Returns:
        weights (shrinkages, D, classes) and biases (shrinkages, classes).
    """
    x = features.astype(np.float64)
    counts = np.bincount(targets, minlength=classes)
    indicators = np.eye(classes)[targets]
    means = np.where(
        counts[:, None] > 0,
        (indicators.T @ x) / np.maximum(counts, 1)[:, None],
        x.mean(0),
    )
    centred = x - means[targets]
    examples = counts * row_weight
    freedom = max(1.0, float(examples.sum()) - int((counts > 0).sum()))
    level = max(_LEAST_VARIANCE, float(row_weight * (centred**2).sum() / freedom / x.shape[1]))
    priors = np.log((examples + 1) / (examples.sum() + classes))
    covariance = _Covariance(centred * (row_weight / freedom) ** 0.5)
    weights, biases = [], []
    for shrinkage in shrinkages:
        weight = covariance.solved(means.T, 1 - shrinkage, max(shrinkage, 1e-4) * level)
        weights.append(weight)
        biases.append(priors - 0.5 * (means * weight.T).sum(1))
    return np.stack(weights).astype(np.float32), np.stack(biases).astype(np.float32)


class _Covariance:
    """That of rows (n, D), which are scaled so that it is the sum of their squares."""

    def __init__(self, rows: np.ndarray) -> None:
        self._rows = rows
        # Of the rows' side where that is shorter.
        self._square = rows.T @ rows if len(rows) >= rows.shape[1] else rows @ rows.T

    def solved(self, right: np.ndarray, share: float, floor: float) -> np.ndarray:
        """(D, k): what `share` of it and `floor` on its diagonal, which is above 0, make `right`
        of."""
        from scipy.linalg import cho_factor, cho_solve

        square = share * self._square
        square[np.diag_indices(len(square))] += floor
        factor = cho_factor(square, lower=True, overwrite_a=True, check_finite=False)
        if len(self._rows) >= self._rows.shape[1]:
            return cho_solve(factor, right, check_finite=False)
        # Woodbury's identity.
        inner = cho_solve(factor, self._rows @ right, check_finite=False)
        return (right - share * (self._rows.T @ inner)) / floor
