"""95 % intervals of the metrics that are means over images: how far other images could move them.

`accuracy` has Wilson's interval (Wilson 1927), which stays honest near 0 and 1, where a bootstrap of
few images would have no width. `iou` and `log_loss` have the percentile bootstrap (Efron 1979).
"""

from __future__ import annotations

import numpy as np

from tintype.evaluation.metrics import Predictions
from tintype.schemas.task import MULTILABEL

__all__ = ["LEVEL", "metric_intervals", "wilson_interval"]

LEVEL = 0.95

# The standard normal's quantile at 0.975.
_QUANTILE = 1.959963984540054

_RESAMPLES = 1000

# Means of more rows are as good as normal, and need no resampling.
_MOST_RESAMPLED = 10_000


def metric_intervals(
    predictions: Predictions, metrics: dict[str, float], *, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """(low, high) of each of `metrics` that is a mean over rows."""
    intervals = {}
    if "accuracy" in metrics:
        rows = len(predictions.targets)
        intervals["accuracy"] = wilson_interval(round(metrics["accuracy"] * rows), rows)
    for name in ("iou", "log_loss"):
        if name in metrics:
            values = _row_ious(predictions) if name == "iou" else _row_losses(predictions)
            intervals[name] = _mean_interval(values, seed)
    return intervals


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Of a share of `trials`, which must be positive (Wilson 1927, equation 4)."""
    share, square = successes / trials, _QUANTILE**2
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    spread = share * (1 - share) / trials + square / (4 * trials**2)
    half = _QUANTILE * spread**0.5 / (1 + square / trials)
    # Rounding must not put 0 of n or n of n outside.
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def _row_ious(predictions: Predictions) -> np.ndarray:
    """float64 (n,): of each row's label sets; 0 where both are empty, as `iou` counts it."""
    true, found = predictions.targets.astype(bool), predictions.predicted.astype(bool)
    union = (true | found).sum(1)
    return (true & found).sum(1) / np.maximum(union, 1)


def _row_losses(predictions: Predictions) -> np.ndarray:
    """float64 (n,): what each row adds to `log_loss`."""
    probabilities = predictions.probabilities
    smallest = np.finfo(np.float64).eps
    # scikit-learn's log_loss takes the rows of a label matrix for distributions, too.
    shares = probabilities / np.maximum(probabilities.sum(1, keepdims=True), smallest)
    logs = -np.log(np.clip(shares, smallest, 1.0))
    if predictions.task == MULTILABEL:
        return (logs * predictions.targets).sum(1)
    return logs[np.arange(len(logs)), predictions.targets]


def _mean_interval(values: np.ndarray, seed: int) -> tuple[float, float]:
    if len(values) > _MOST_RESAMPLED:
        half = _QUANTILE * float(values.std()) / len(values) ** 0.5
        return float(values.mean()) - half, float(values.mean()) + half
    random = np.random.default_rng(seed)
    means = [values[random.integers(0, len(values), len(values))].mean() for _ in range(_RESAMPLES)]
    outside = (1 - LEVEL) / 2
    low, high = np.quantile(means, (outside, 1 - outside))
    return float(low), float(high)
