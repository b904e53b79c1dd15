"""95 % intervals of every metric: how far other images of the same kind could move it.

- Shares of all rows (`accuracy`, and micro-averages of one label a row): Wilson's interval (1927),
  which stays honest near 0 and 1. Where rows have groups, of as many rows as the groups are worth
  (Kish 1965).
- The others: the bootstrap over images, or over groups (all rows of a group are drawn together),
  with bias correction and acceleration (BCa; Efron & Tibshirani 1993, chapter 14; DiCiccio & Efron
  1996) of 1,000 resamples, whose places are those of Student's quantile for as many images (groups) as
  there are (expanded percentiles; Hesterberg 2015). The acceleration is of a jackknife of at
  most 200 blocks. `log_loss`, of which few images may make the most, has the bootstrap-t (Efron &
  Tibshirani 1993, chapter 12).
- Metrics of ranks (`AUC_*`, `average_precision_score_*`), whose resamples cost a pass over all
  scores: the standard error of 200 resamples, fewer of very many scores, of their log odds,
  with Student's quantile for as many images (groups) as there are.
  The same standard error, on the metric's own scale, serves the others beyond 100,000 images.
- A metric that is 1 (or 0) in every resample has Wilson's interval of all (or none) right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from tintype.evaluation.metrics import Predictions
from tintype.evaluation.resampled import RankSums, RowSums, is_ranking
from tintype.schemas.task import MULTILABEL

__all__ = [
    "LEVEL",
    "bca_interval",
    "left_out",
    "metric_intervals",
    "resamples",
    "students_quantile",
    "units_of",
    "wilson_interval",
]

LEVEL = 0.95

Interval = tuple[float, float]

# The standard normal's quantile at 0.975.
_QUANTILE = 1.959963984540054

# What percentiles need, and what a standard error does (Efron & Tibshirani 1993, chapter 6).
_RESAMPLES, _RESAMPLES_OF_RANKS, _FEWEST = 1000, 200, 50

# Numbers that are summed, and scores that are passed over, in all resamples together.
_MOST_SUMMED, _MOST_PASSED = 100_000_000, 20_000_000

_BLOCKS = 200

# Weights held at once.
_CELLS = 4_000_000

# Draws of a metric of ranks lie no nearer to 0 or 1 than this share of the metric's own distance.
_NEAREST = 0.1

# Metrics whose values do not lie between 0 and 1: the highest of each, where 0 is not the worst.
_BEYOND = {"log_loss": np.inf, "matthews_correlation": 1.0, "norm_macro_recall": 1.0}


def metric_intervals(
    predictions: Predictions,
    metrics: Mapping[str, float],
    *,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, Interval]:
    """(low, high) of each of `metrics`, which `predictions` have.

    Args:
        groups: int (n,): rows that belong together, such as those of one person, have one number.
    """
    rows = len(predictions.targets)
    units = units_of(groups, rows)
    shares = [name for name in metrics if _is_share(name, predictions.task)]
    ranks = [name for name in metrics if is_ranking(name)]
    others = [name for name in metrics if name not in shares and name not in ranks]
    found: dict[str, Interval] = {}
    if shares:
        right = predictions.targets == predictions.predicted
        exact = right.all(1) if right.ndim == 2 else right
        found.update(dict.fromkeys(shares, _interval_of_share(exact, units)))
    count = int(units.max()) + 1
    if others:
        found.update(_of_sums(RowSums(predictions, units), others, metrics, seed))
    if ranks:
        cells = predictions.probabilities.size
        draws = min(_RESAMPLES_OF_RANKS, max(_FEWEST, _MOST_PASSED // cells))
        sums = RankSums(predictions)
        values = _gathered(
            sums.metrics(ranks, weights[:, units]) for weights in resamples(count, draws, seed)
        )
        found.update((name, _on_odds(metrics[name], values[name], count)) for name in ranks)
    for name, (low, high) in found.items():
        if low == high and low in (0.0, 1.0) and name not in _BEYOND:
            found[name] = wilson_interval(count * low, count)
    # In the order of `metrics`, as people compare the two.
    return {name: found[name] for name in metrics}


def wilson_interval(successes: float, trials: float) -> Interval:
    """Of a share of `trials`, which must be positive (Wilson 1927, equation 4)."""
    share, square = successes / trials, _QUANTILE**2
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    spread = share * (1 - share) / trials + square / (4 * trials**2)
    half = _QUANTILE * spread**0.5 / (1 + square / trials)
    # Rounding must not put 0 of n or n of n outside.
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def units_of(groups: np.ndarray | None, rows: int) -> np.ndarray:
    """int64 (rows,) from 0, without gaps: what is drawn together. None, or one for all: each row by
    itself."""
    if groups is None or len(np.unique(groups)) < 2:
        return np.arange(rows)
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def resamples(units: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Blocks of weights, float64 (b, units): how often each unit was drawn, `draws` in all."""
    random = np.random.default_rng(seed)
    step = max(1, _CELLS // units)
    for start in range(0, draws, step):
        block = min(step, draws - start)
        drawn = random.integers(0, units, (block, units)) + np.arange(block)[:, None] * units
        counts = np.bincount(drawn.ravel(), minlength=block * units)
        yield counts.reshape(block, units).astype(np.float64)


def _is_share(name: str, task: str) -> bool:
    if name == "accuracy" or (name == "weighted_accuracy" and task == MULTILABEL):
        return True
    return task != MULTILABEL and name.endswith(("score_micro",)) and not is_ranking(name)


def _interval_of_share(right: np.ndarray, units: np.ndarray) -> Interval:
    """Wilson's, of the number of independent rows that would tell as much."""
    rows, count = len(right), int(units.max()) + 1
    share = float(right.mean())
    worth = float(count)
    if 1 < count < rows and 0 < share < 1:
        off = np.bincount(units, right - share, minlength=count)
        variance = float((off**2).sum()) / rows**2 * count / (count - 1)
        # Groups tell no more than their rows would one by one, and each at least as much as one.
        alone = share * (1 - share) / variance if variance > 0 else float(rows)
        worth = min(max(alone, 1.0), float(rows))
    return wilson_interval(share * worth, worth)


def _of_sums(
    sums: RowSums, names: list[str], metrics: Mapping[str, float], seed: int
) -> dict[str, Interval]:
    size = max(int(sums.columns.nnz), sums.units)
    draws = min(_RESAMPLES, max(2 * _FEWEST, _MOST_SUMMED * 4 // size))
    if draws < _RESAMPLES:
        values = _gathered(
            sums.metrics(names, weights) for weights in resamples(sums.units, draws, seed)
        )
        return {name: _normal(name, metrics[name], values[name]) for name in names}
    found: dict[str, Interval] = {}
    others = [name for name in names if name != "log_loss"]
    if others:
        values = _gathered(
            sums.metrics(others, weights) for weights in resamples(sums.units, draws, seed)
        )
        without = _gathered(sums.metrics(others, weights) for weights in left_out(sums.units))
        found = {
            name: bca_interval(metrics[name], values[name], without[name], sums.units)
            for name in others
        }
    if "log_loss" in names:
        counts, losses = sums.counts_and_losses()
        found["log_loss"] = _studentised(metrics["log_loss"], counts, losses, draws, seed)
    return found


def _studentised(
    value: float, counts: np.ndarray, sums: np.ndarray, draws: int, seed: int
) -> Interval:
    """Of a mean, `value`, of units (n,) of so many rows and such sums: the bootstrap-t (Efron &
    Tibshirani 1993, chapter 12). Where few rows are far off, a draw of them has a small spread, too."""
    units = len(counts)
    # Of a ratio of sums, by its residuals (Cochran 1977, equation 2.39).
    scale = (units / max(1, units - 1)) ** 0.5
    error = scale * float(((sums - value * counts) ** 2).sum()) ** 0.5 / counts.sum()
    squares = np.stack([counts, sums, counts**2, counts * sums, sums**2], 1)
    parts = [weights @ squares for weights in resamples(units, draws, seed)]
    rows, total, rows_rows, rows_total, total_total = np.concatenate(parts).T
    means = total / rows
    spread = total_total - 2 * means * rows_total + means**2 * rows_rows
    # Of draws of one and the same unit, or of equals, nothing is told.
    told = spread > 1e-12 * max(float((sums**2).sum()), 1e-300)
    if error == 0 or told.sum() < _FEWEST:
        return value, value
    errors = scale * np.sqrt(spread[told]) / rows[told]
    low, high = np.quantile((means[told] - value) / errors, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return max(0.0, min(value, value - high * error)), max(value, value - low * error)


def left_out(units: int) -> Iterator[np.ndarray]:
    """Blocks of weights, each without some units: all of them, in at most 200 parts."""
    parts = np.array_split(np.random.default_rng(0).permutation(units), min(units, _BLOCKS))
    step = max(1, _CELLS // units)
    for start in range(0, len(parts), step):
        chosen = parts[start : start + step]
        weights = np.ones((len(chosen), units))
        for row, part in enumerate(chosen):
            weights[row, part] = 0
        yield weights


def _gathered(blocks: Iterator[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    parts = list(blocks)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def bca_interval(value: float, drawn: np.ndarray, without: np.ndarray, units: int) -> Interval:
    """Bias-corrected and accelerated: Efron & Tibshirani (1993), equations 14.9 to 14.15, at the places of
    Student's quantile.

    Args:
        value: the statistic of all units.
        drawn: float64 (b,), of each resample; NaN where it has no value.
        without: float64 (k,), of all units but some; see `left_out`.
        units: how many there are.
    """
    from scipy.stats import norm

    drawn = drawn[~np.isnan(drawn)]
    if len(drawn) < _FEWEST or drawn.min() == drawn.max():
        return value, value
    # Draws that equal the value lie on neither side.
    below = ((drawn < value - 1e-12).sum() + (drawn <= value + 1e-12).sum()) / 2
    edge = 0.5 / len(drawn)
    bias = float(norm.ppf(np.clip(below / len(drawn), edge, 1 - edge)))
    off = np.nanmean(without) - without[~np.isnan(without)]
    spread = float((off**2).sum()) ** 1.5
    acceleration = float((off**3).sum()) / (6 * spread) if spread > 0 else 0.0
    places = []
    for quantile in (-students_quantile(units), students_quantile(units)):
        shifted = bias + quantile
        places.append(norm.cdf(bias + shifted / max(1 - acceleration * shifted, 0.1)))
    low, high = np.quantile(drawn, places)
    return float(min(low, value)), float(max(high, value))


def _normal(name: str, value: float, drawn: np.ndarray) -> Interval:
    half = _QUANTILE * float(np.nanstd(drawn, ddof=1))
    return value - half, min(value + half, _BEYOND.get(name, 1.0))


def _on_odds(value: float, drawn: np.ndarray, units: int) -> Interval:
    """From the standard error of log odds: it cannot leave 0 to 1, and is wider away from the nearer end.

    Student's quantile is Efron & Tibshirani's (1993, chapter 12.2).
    """
    if not 0 < value < 1 or units < 2:
        return value, value
    # A draw with no mistake would lie infinitely far off.
    seen = np.clip(drawn, value * _NEAREST, 1 - (1 - value) * _NEAREST)
    error = float(np.nanstd(_log_odds(seen), ddof=1))
    if not error > 0:
        return value, value
    middle, half = float(_log_odds(np.array(value))), students_quantile(units) * error
    low, high = 1 / (1 + np.exp(-np.clip([middle - half, middle + half], -700, 700)))
    return float(low), float(high)


def _log_odds(shares: np.ndarray) -> np.ndarray:
    return np.log(shares / (1 - shares))


def students_quantile(units: int) -> float:
    """Standard errors of resamples of so many units, two at least, to either side of a 95 % interval. Such
    an error is too small by the square root of (n - 1) / n, and uncertain itself."""
    from scipy.stats import t as student

    return float(student.ppf((1 + LEVEL) / 2, units - 1)) * (units / (units - 1)) ** 0.5
