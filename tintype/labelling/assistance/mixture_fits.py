"""Linear discriminants that learn from unlabelled pictures too: what makes few labels go far.

Each class is a normal distribution, all with one covariance. Expectation-maximisation alternates between
the share of every class in each unlabelled picture and the classes' middles and common covariance; labelled
pictures keep their labels. An unlabelled picture counts for less than a labelled one. Sources: Nigam et al.,
"Text Classification from Labeled and Unlabeled Documents using EM", Machine Learning 39 (2000), section 5.3.1
(the weight); Hastie and Tibshirani, "Discriminant Analysis by Gaussian Mixtures", JRSS B 58 (1996);
Friedman, "Regularized Discriminant Analysis", JASA 84 (1989) (the shrunken covariance).
"""

from __future__ import annotations

import numpy as np

from tintype.labelling.assistance.linear_fits import LinearFit
from tintype.labelling.assistance.unit_rows import unit_rows
from tintype.scoring.calibration import probabilities_of

__all__ = ["fit_mixture"]

# How much of the covariance is replaced by that of a ball, and rounds of expectation and maximisation.
_SHRUNKEN, _ROUNDS = 0.2, 10

# Rows of the overall middle that each class begins with: one picture does not fix where a class lies.
_PRIOR_ROWS = 1.0

# How sharply rows belong to the class of the nearest middle at first: a factor of the cosine.
_SHARPNESS = 20.0

# Logit of a class without an example.
_NEVER = -30.0

# Features are not as normal as all that, and the classes are surer of theirs than they are right: by a factor of 3.2
# to 5.7 (temperatures on photos that no figure is of: digits, sign-digits, clothing, 10 to 80 labels).
_TOO_SURE = 4.0


def fit_mixture(
    rows: np.ndarray,
    targets: np.ndarray,
    folds: np.ndarray,
    classes: int,
    unlabelled: np.ndarray,
    *,
    weight: float,
) -> LinearFit:
    """On labelled rows (n, D) and unlabelled ones (m, D), both of a `FeatureSpace`; one label a row.

    Args:
        targets: int64 (n,) positions of classes.
        folds: int64 (n,): rows of a fold are unlabelled to the layer that judges them; -1: in none.
        weight: what an unlabelled row counts, 0 to 1; a labelled one counts 1.
    """
    everything = np.concatenate([rows, unlabelled])
    truth = np.eye(classes, dtype=np.float32)[targets]
    logits = np.zeros((len(rows), classes), np.float32)
    second = weight * everything.T @ everything
    for fold in range(int(folds.max()) + 1):
        inside = folds != fold
        if inside.any() and not inside.all():
            layer, bias = _fitted(everything, second, truth, np.flatnonzero(inside), weight)
            logits[~inside] = rows[~inside] @ layer + bias
    layer, bias = _fitted(everything, second, truth, np.arange(len(rows)), weight)
    return LinearFit(layer, bias, logits).divided_by(_TOO_SURE)


def _fitted(
    rows: np.ndarray, second: np.ndarray, truth: np.ndarray, labelled: np.ndarray, weight: float
) -> tuple[np.ndarray, np.ndarray]:
    """Layer (D, classes) and bias (classes,).

    Args:
        second: (D, D), the sum of products of the rows' columns, each row counting `weight`.
        truth: float32 (first rows, classes) of 0 and 1.
        labelled: int64: which of the first rows count as labelled.
    """
    counts = np.full(len(rows), weight, np.float32)
    counts[labelled] = 1
    known = truth[labelled]
    there = known.any(0)
    taught = rows[labelled]
    second = second + (1 - weight) * taught.T @ taught
    firsts = unit_rows(known.T @ taught)
    logits = np.where(there, _SHARPNESS * rows @ firsts.T, _NEVER)
    for _ in range(_ROUNDS):
        shares = probabilities_of(logits, "image_classification")
        shares[labelled] = known
        held = shares * counts[:, None]
        masses = held.sum(0)
        middles = (held.T @ rows) / (masses + _PRIOR_ROWS)[:, None]
        within = second - (middles.T * masses) @ middles
        covariance = _shrunken(within / counts.sum(), second / counts.sum())
        # In single precision: products with all rows are what takes time.
        layer = np.linalg.solve(covariance, middles.T).astype(np.float32)
        often = (masses + 1) / (masses + 1).sum()
        bias = np.where(there, np.log(often) - (middles.T * layer).sum(0) / 2, _NEVER)
        bias = bias.astype(np.float32)
        logits = rows @ layer + bias
    return layer, bias


def _shrunken(covariance: np.ndarray, total: np.ndarray) -> np.ndarray:
    """float64 (D, D): `covariance` mixed with that of a ball as wide as `total` on average."""
    width = np.trace(total) / len(total)
    return (1 - _SHRUNKEN) * covariance.astype(np.float64) + _SHRUNKEN * width * np.eye(len(total))
