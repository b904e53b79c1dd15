"""Metrics of many weightings of the same rows at once: what the bootstrap asks for.

A resample of rows is a weight a row: how often it was drawn. All metrics but those of ranks are
made of sums over rows (of each class the rows that have it, are given it, and both), so a weighting
costs one product of matrices, and rows that are drawn together (a group) are summed beforehand.
Metrics of ranks (`AUC_*`, `average_precision_score_*`) are made of cumulative sums along the sorted
scores.

Definitions are those of `evaluation.metrics`; tests hold both to scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tintype.evaluation.metrics import Predictions
from tintype.schemas.task import MULTILABEL

__all__ = ["RANKING", "RankSums", "RowSums", "is_ranking", "row_losses"]

RANKING = ("AUC", "average_precision_score")
"""Metrics of ranks, without their averages."""

# Cumulative sums held at once: what fits into a core's cache.
_CELLS = 100_000


def is_ranking(name: str) -> bool:
    """Whether the metric `name` is one of ranks."""
    return name.rpartition("_")[0] in RANKING


class RowSums:
    """Sums over rows, from which every metric but those of ranks is made."""

    def __init__(self, predictions: Predictions, units: np.ndarray | None = None) -> None:
        """`units`, int64 (n,): the unit of each row, from 0; rows of one are weighted alike. None:
        each row by itself."""
        self._predictions = predictions
        count = len(predictions.targets)
        self._units = np.arange(count) if units is None else units
        self.units = int(self._units.max()) + 1
        """How many weights a weighting has."""

    @cached_property
    def columns(self) -> Any:
        """Sparse (columns, units): `classes` of support, predictions and hits, then four means."""
        from scipy.sparse import coo_array, csr_array, vstack

        made = self._predictions
        size = (made.classes, self.units)
        rows = np.arange(len(made.targets))
        parts = []
        if made.task == MULTILABEL:
            for matrix in (made.targets, made.predicted, made.targets * made.predicted):
                row, code = np.nonzero(matrix)
                parts.append((code, row))
        else:
            right = np.flatnonzero(made.targets == made.predicted)
            parts = [(made.targets, rows), (made.predicted, rows), (made.targets[right], right)]
        counts = [
            csr_array(coo_array((np.ones(len(row)), (code, self._units[row])), shape=size))
            for code, row in parts
        ]
        means = np.stack(
            [
                np.bincount(self._units, values, minlength=self.units)
                for values in (np.ones(len(rows)), self._right, row_losses(made), self._ious)
            ]
        )
        return csr_array(vstack([*counts, csr_array(means)]))

    def counts_and_losses(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of each unit, and the sum of their log losses: float64 (units,) each."""
        rows, _, losses, _ = self.columns[[-4, -3, -2, -1]].toarray()
        return rows, losses

    @cached_property
    def _right(self) -> np.ndarray:
        same = self._predictions.targets == self._predictions.predicted
        return (same.all(1) if same.ndim == 2 else same).astype(np.float64)

    @cached_property
    def _ious(self) -> np.ndarray:
        """Of each row's label sets; 0 where both are empty, as `iou` counts it."""
        made = self._predictions
        if made.task != MULTILABEL:
            return np.zeros(len(made.targets))
        true, found = made.targets > 0, made.predicted > 0
        return (true & found).sum(1) / np.maximum((true | found).sum(1), 1)

    def metrics(self, names: Sequence[str], weights: np.ndarray) -> dict[str, np.ndarray]:
        """Each of `names` under each of `weights`, float64 (b, units): float64 (b,), NaN for no
        value."""
        sums = (self.columns @ weights.T).T
        made = _Weighted(sums, self._predictions.classes, self._predictions.task == MULTILABEL)
        with np.errstate(all="ignore"):
            return {name: made.metric(name) for name in names}


class _Weighted:
    """The sums of several weightings, float64 (b, columns) as `RowSums.columns` has them."""

    def __init__(self, sums: np.ndarray, classes: int, multilabel: bool) -> None:
        self.support, self.given, self.hits = (
            sums[:, part * classes : (part + 1) * classes] for part in range(3)
        )
        self.rows, self.right, self.loss, self.iou = sums[:, 3 * classes :].T
        self.classes, self.multilabel = classes, multilabel

    def metric(self, name: str) -> np.ndarray:
        base, _, average = name.rpartition("_")
        single: dict[str, Callable[[], np.ndarray]] = {
            "accuracy": lambda: self.right / self.rows,
            "balanced_accuracy": self._balanced,
            "log_loss": lambda: self.loss / self.rows,
            "iou": lambda: self.iou / self.rows,
            "matthews_correlation": self._matthews,
            "norm_macro_recall": self._norm_macro_recall,
            "weighted_accuracy": self._weighted_accuracy,
        }
        if name in single:
            return single[name]()
        return self._averaged(base, average)

    def _averaged(self, base: str, average: str) -> np.ndarray:
        if average == "micro":
            totals = (part.sum(1, keepdims=True) for part in (self.support, self.given, self.hits))
            return _share(base, *totals)[:, 0]
        by_class = _share(base, self.support, self.given, self.hits)
        if average == "binary":
            return by_class[:, 1]
        if average == "weighted":
            return _divided((by_class * self.support).sum(1), self.support.sum(1))
        # As scikit-learn: a class that is neither there nor predicted has no part in the mean.
        seen = (self.support + self.given > 0) | self.multilabel
        return _divided((by_class * seen).sum(1), seen.sum(1))

    def _balanced(self) -> np.ndarray:
        if self.multilabel:
            return self._averaged("recall_score", "macro")
        recall = _share("recall_score", self.support, self.given, self.hits)
        return _divided(recall.sum(1), (self.support > 0).sum(1))

    def _norm_macro_recall(self) -> np.ndarray:
        chance = 1 / self.classes
        return (self._averaged("recall_score", "macro") - chance) / (1 - chance)

    def _weighted_accuracy(self) -> np.ndarray:
        if self.multilabel:
            return self.right / self.rows
        return (self.support * self.hits).sum(1) / (self.support**2).sum(1)

    def _matthews(self) -> np.ndarray:
        """Gorodkin's (2004) coefficient; multi-label: over all (row, class) decisions."""
        support, given, right, total = self.support, self.given, self.right, self.rows
        if self.multilabel:
            total = self.rows * self.classes
            support, given = (
                np.stack([part.sum(1), total - part.sum(1)], 1) for part in (support, given)
            )
            both = self.hits.sum(1)
            right = both + (total - support[:, 0] - given[:, 0] + both)
        covariance = right * total - (support * given).sum(1)
        spread = (total**2 - (support**2).sum(1)) * (total**2 - (given**2).sum(1))
        return _divided(covariance, np.sqrt(np.maximum(spread, 0)))


def _share(base: str, support: np.ndarray, given: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """Precision, recall, F1 or Jaccard score of counts; 0 where it would be 0 of 0."""
    whole = {
        "precision_score": given,
        "recall_score": support,
        "f1_score": (support + given) / 2,
        "iou": support + given - hits,
    }[base]
    return _divided(hits, whole)


def _divided(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)


class RankSums:
    """Cumulative sums along sorted scores, from which metrics of ranks are made."""

    def __init__(self, predictions: Predictions) -> None:
        """Of rows that are weighted one by one."""
        self._predictions = predictions

    def metrics(self, names: Sequence[str], weights: np.ndarray) -> dict[str, np.ndarray]:
        """Each of `names` under each of `weights`, float64 (b, n): float64 (b,), NaN for no
        value."""
        made = self._predictions
        support = weights @ made.indicators
        found: dict[str, np.ndarray] = {}
        averages = {name.rpartition("_")[2] for name in names}
        by_class = dict.fromkeys(RANKING, np.full(support.shape, np.nan))
        if averages - {"micro"}:
            values = [
                _ranked(made.indicators[:, code], made.probabilities[:, code], weights)
                for code in range(made.classes)
            ]
            by_class = {base: np.stack([one[base] for one in values], 1) for base in RANKING}
        micro = {}
        if "micro" in averages:
            repeated = np.repeat(np.arange(len(weights[0])), made.classes)
            flat = made.indicators.ravel(), made.probabilities.ravel()
            micro = _ranked(*flat, weights, repeated)
        for name in names:
            base, _, average = name.rpartition("_")
            if average == "micro":
                found[name] = micro[base]
            elif average == "binary":
                found[name] = by_class[base][:, 1]
            else:
                known = ~np.isnan(by_class[base])
                shares = known * (support if average == "weighted" else 1.0)
                whole = shares.sum(1)
                mean = _divided((np.nan_to_num(by_class[base]) * shares).sum(1), whole)
                found[name] = np.where(whole > 0, mean, np.nan)
        return found


def _ranked(
    true: np.ndarray, scores: np.ndarray, weights: np.ndarray, rows: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Area under ROC and average precision under each of `weights` (b, n).

    Args:
        true, scores: (m,).
        rows: int64 (m,), which weight is that of each; None: one for each.
    """
    order = np.argsort(-scores, kind="stable")
    positive = (true[order] > 0).astype(np.float64)
    columns = order if rows is None else rows[order]
    # Equal scores are one threshold.
    starts = np.flatnonzero(np.append(True, np.diff(scores[order]) != 0))
    tied = len(starts) < len(order)
    areas, precisions = [], []
    step = max(1, _CELLS // len(order))
    for start in range(0, len(weights), step):
        drawn = weights[start : start + step].take(columns, axis=1)
        gained = drawn * positive
        alarms = drawn - gained
        if tied:
            gained, alarms = (np.add.reduceat(part, starts, axis=1) for part in (gained, alarms))
        hits = np.cumsum(gained, axis=1)
        areas.append(np.einsum("bm,bm->b", hits - gained / 2, alarms))
        false = alarms.cumsum(1, out=alarms)
        areas[-1] = _or_nan(areas[-1], hits[:, -1] * false[:, -1])
        gained *= hits
        false += hits
        precisions.append(_or_nan(_divided(gained, false).sum(1), hits[:, -1]))
    return {
        "AUC": np.concatenate(areas),
        "average_precision_score": np.concatenate(precisions),
    }


def _or_nan(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def row_losses(predictions: Predictions) -> np.ndarray:
    """float64 (n,): what each row adds to `log_loss`."""
    probabilities = predictions.probabilities
    smallest = np.finfo(np.float64).eps
    if predictions.task == MULTILABEL:
        logs = -np.log(np.clip(probabilities, smallest, 1 - smallest))
        return (logs * predictions.targets).sum(1)
    shares = probabilities / probabilities.sum(1, keepdims=True)
    logs = -np.log(np.clip(shares, smallest, 1 - smallest))
    return logs[np.arange(len(logs)), predictions.targets]
