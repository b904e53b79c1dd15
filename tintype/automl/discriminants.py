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
    features: np.ndarray, targets: np.ndarray, classes: int, shrinkages: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Discriminants on standardised `features` (n, D), one for every shrinkage.

    Args:
        targets: int64 (n,), codes; a class without rows gets the overall mean.
        shrinkages: 0 to 1: from the rows' own covariance to a multiple of the identity.

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
    freedom = max(1, len(x) - int((counts > 0).sum()))
    # Principal axes of the covariance within classes: of the rows' side where that is shorter.
    variances, axes = _principal_axes(centred, freedom)
    level = max(_LEAST_VARIANCE, float((centred**2).sum() / freedom / x.shape[1]))
    priors = np.log((counts + 1) / (len(x) + classes))
    along = means @ axes
    across = means - along @ axes.T
    weights, biases = [], []
    for shrinkage in shrinkages:
        floor = max(shrinkage, 1e-4) * level
        scaled = along / ((1 - shrinkage) * variances + floor)
        weight = (scaled @ axes.T + across / floor).T
        weights.append(weight)
        biases.append(priors - 0.5 * (means * weight.T).sum(1))
    return np.stack(weights).astype(np.float32), np.stack(biases).astype(np.float32)


def _principal_axes(centred: np.ndarray, freedom: int) -> tuple[np.ndarray, np.ndarray]:
    """Variances (k,) and axes (D, k) of rows (n, D) with mean 0, k at most n and D."""
    rows, width = centred.shape
    if rows >= width:
        variances, axes = np.linalg.eigh(centred.T @ centred / freedom)
        return np.maximum(variances, 0.0), axes
    values, vectors = np.linalg.eigh(centred @ centred.T / freedom)
    kept = values > 1e-9 * max(float(values.max()), 1e-12)
    values, vectors = values[kept], vectors[:, kept]
    return values, centred.T @ vectors / np.sqrt(values * freedom)
