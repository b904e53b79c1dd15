"""Two models on the same images: is the challenger better than the champion, or can that not be told?

- McNemar's test (1947), exact: of the images that one model alone has right, how likely is so uneven a
  share by chance. Where images have groups, whole groups are exchanged: the randomisation test of the same
  question, of 9,999 draws (Phipson & Smyth 2010).
- The paired bootstrap: both models' metric on the same resamples of images (of groups), and the 95 %
  interval of the difference, by BCa as `evaluation.intervals` has it; of metrics of ranks by the standard
  error of 200 resamples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from tintype.errors import UsageError
from tintype.evaluation.intervals import (
    LEVEL,
    bca_interval,
    left_out,
    resamples,
    students_quantile,
    units_of,
)
from tintype.evaluation.metrics import Predictions, metric_direction
from tintype.evaluation.resampled import RankSums, RowSums, is_ranking

__all__ = ["FEWEST_UNITS", "PairedComparison", "Verdict", "compare_predictions"]

Verdict = Literal["challenger is better", "challenger is not better", "cannot be told"]

FEWEST_UNITS = 6
"""Images, or groups, below which nothing is told: of five, all for one side are 6 % by chance."""

_RESAMPLES, _RESAMPLES_OF_RANKS = 1000, 200
_EXCHANGES = 9_999

# Signs held at once.
_CELLS = 4_000_000


@dataclass(frozen=True)
class PairedComparison:
    """What the same images say of two models."""

    metric: str
    champion: float
    challenger: float
    difference: float
    """By how much the challenger is better: of losses, by how much lower."""
    interval: tuple[float, float]
    """95 %, of the difference."""
    only_champion_right: int
    """Images; multi-label: those with all labels right."""
    only_challenger_right: int
    p_value: float
    """Two-sided, of McNemar's test."""
    rows: int
    groups: int | None
    verdict: Verdict

    def shown(self) -> dict[str, Any]:
        """As commands print it."""
        return {**asdict(self), "interval": list(self.interval)}


def compare_predictions(
    champion: Predictions,
    challenger: Predictions,
    *,
    metric: str = "accuracy",
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> PairedComparison:
    """Hold two models' answers for the same rows against each other.

    The challenger is better, or is not, where the interval of the difference lies on one side of 0; of
    accuracy, where McNemar's p is below 0.05, too.

    Args:
        metric: a scalar one of the task.
        groups: int (n,): rows that belong together, such as those of one person, have one number.

    Raises:
        UsageError: other rows, classes or tasks, or a metric without a value on these rows.
    """
    if champion.task != challenger.task or not np.array_equal(champion.targets, challenger.targets):
        raise UsageError("two models are compared on the same rows, with the same labels")
    values = []
    for name, predictions in (("champion", champion), ("challenger", challenger)):
        value = predictions.metric(metric)
        if value is None or not np.isfinite(value):
            raise UsageError(f"{metric} has no value for the {name} on these images; name another")
        values.append(float(value))
    sign = -1.0 if metric_direction(metric) == "min" else 1.0
    difference = sign * (values[1] - values[0])
    units = units_of(groups, len(champion.targets))
    count = int(units.max()) + 1
    interval = _interval(champion, challenger, metric, units, difference, sign, seed)
    right = [_right(predictions) for predictions in (champion, challenger)]
    net = np.bincount(units, right[1].astype(float) - right[0], minlength=count)
    p_value = _p_value(net, seed)
    return PairedComparison(
        metric=metric,
        champion=values[0],
        challenger=values[1],
        difference=difference,
        interval=interval,
        only_champion_right=int((right[0] & ~right[1]).sum()),
        only_challenger_right=int((right[1] & ~right[0]).sum()),
        p_value=p_value,
        rows=len(units),
        groups=None if groups is None else count,
        verdict=_verdict(metric, interval, p_value, count),
    )


def _verdict(metric: str, interval: tuple[float, float], p_value: float, units: int) -> Verdict:
    if units < FEWEST_UNITS or (metric == "accuracy" and p_value >= 1 - LEVEL):
        return "cannot be told"
    if interval[0] > 0:
        return "challenger is better"
    return "challenger is not better" if interval[1] < 0 else "cannot be told"


def _right(predictions: Predictions) -> np.ndarray:
    """bool (n,): rows with all labels right."""
    same = predictions.targets == predictions.predicted
    return np.asarray(same.all(1) if same.ndim == 2 else same)


def _p_value(net: np.ndarray, seed: int) -> float:
    """How likely sums as uneven as that of `net`, float64 (units,), are where models could be exchanged.

    Of single rows, whose nets are 1 and -1, this is McNemar's exact test.
    """
    from scipy.stats import binomtest

    net = net[net != 0]
    if len(net) == 0:
        return 1.0
    if np.abs(net).max() == 1:
        return float(binomtest(int((net > 0).sum()), len(net)).pvalue)
    random = np.random.default_rng(seed)
    as_uneven, step = 0, max(1, _CELLS // len(net))
    for start in range(0, _EXCHANGES, step):
        signs = random.choice((-1.0, 1.0), (min(step, _EXCHANGES - start), len(net)))
        as_uneven += int((np.abs(signs @ net) >= abs(net.sum()) - 1e-9).sum())
    return (as_uneven + 1) / (_EXCHANGES + 1)


def _interval(
    champion: Predictions,
    challenger: Predictions,
    metric: str,
    units: np.ndarray,
    difference: float,
    sign: float,
    seed: int,
) -> tuple[float, float]:
    count = int(units.max()) + 1
    pair: list[RankSums] | list[RowSums]
    ranks = is_ranking(metric)
    if ranks:
        pair = [RankSums(champion), RankSums(challenger)]
    else:
        pair = [RowSums(champion, units), RowSums(challenger, units)]

    def differences(blocks: Iterator[np.ndarray]) -> np.ndarray:
        parts = []
        for weights in blocks:
            # Ranks are weighted row by row.
            given = weights[:, units] if ranks else weights
            one, other = (sums.metrics([metric], given)[metric] for sums in pair)
            parts.append(sign * (other - one))
        return np.concatenate(parts)

    if ranks:
        drawn = differences(resamples(count, _RESAMPLES_OF_RANKS, seed))
        if count < FEWEST_UNITS or not np.isfinite(drawn).any():
            return difference, difference
        half = students_quantile(count) * float(np.nanstd(drawn, ddof=1))
        return difference - half, difference + half
    drawn = differences(resamples(count, _RESAMPLES, seed))
    return bca_interval(difference, drawn, differences(left_out(count)), count)
