"""Classification metrics by the names of Azure ML, computed over all classes.

Definitions are scikit-learn's, on the predictions named here:

- Multi-class predicts the class of highest probability; multi-label every class at or above the
  threshold.
- `_macro`, `_micro`, `_weighted` average as scikit-learn does; `_binary` exists for two classes
  only and takes the second as positive.
- `AUC_*` and `average_precision_score_*` rank by probability, one class against the rest. A class
  that never occurs in the targets (or always does, for AUC) has no value and is left out of macro
  and weighted averages.
- `norm_macro_recall` = (recall_macro - R) / (1 - R), R = 1/classes (0.5 for two);
  `weighted_accuracy` weighs each row by the number of rows of its class (docs/contracts.md §2.12).
- `iou*` are Jaccard scores of label sets: `iou` by row (0 for a row without any label), the others
  as scikit-learn averages.
- Multi-label `log_loss` is what scikit-learn and Azure compute for label matrices: the negative log
  probability of the labels present, summed by row; `matthews_correlation` is over all (row, class)
  decisions.

A metric that has no value on given data is absent from the result, never made up.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from tintype.errors import UsageError, nearest
from tintype.schemas.task import MULTICLASS, MULTILABEL, ClassificationTask

__all__ = [
    "METRICS",
    "TABLES",
    "Predictions",
    "check_metric_names",
    "compute_metrics",
    "metric_direction",
]

_AVERAGED = ("AUC", "average_precision_score", "f1_score", "precision_score", "recall_score")

_COMMON = (
    *(
        f"{name}_{average}"
        for name in _AVERAGED
        for average in ("macro", "micro", "weighted", "binary")
    ),
    "accuracy",
    "balanced_accuracy",
    "log_loss",
    "matthews_correlation",
    "norm_macro_recall",
    "weighted_accuracy",
)

METRICS: dict[ClassificationTask, tuple[str, ...]] = {
    MULTICLASS: _COMMON,
    MULTILABEL: (*_COMMON, "iou", "iou_macro", "iou_micro", "iou_weighted"),
}
"""The scalar metrics of each task (docs/contracts.md §5.2)."""

TABLES = ("accuracy_table", "confusion_matrix")
"""Metrics of §5.2 that are not one number; `evaluation.curves` makes them."""


def metric_direction(name: str) -> str:
    """ "min" for losses, "max" for every other metric."""
    return "min" if name in ("log_loss", "loss") else "max"


def check_metric_names(task: ClassificationTask, names: Sequence[str]) -> None:
    """
    Raises:
        UsageError: a name is not a metric of `task`.
    """
    valid = (*METRICS[task], *TABLES)
    for name in names:
        if name in valid:
            continue
        if name in METRICS[MULTILABEL]:
            raise UsageError(f"metric {name!r} is for multi-label only; try accuracy")
        raise UsageError(f"metric {name!r} is not known.{nearest(name, valid)}")


def compute_metrics(
    task: ClassificationTask,
    probabilities: np.ndarray,
    targets: np.ndarray,
    *,
    metrics: Sequence[str] | None = None,
    threshold: float | Sequence[float] | np.ndarray = 0.5,
) -> dict[str, float]:
    """The scalar metrics named (None: all of the task) that have a value on this data.

    Args:
        probabilities: (n, classes), any float type.
        targets: int (n,) class codes, or (n, classes) of 0 and 1.
        threshold: multi-label only; one for all labels, or one for each class.

    Raises:
        UsageError: an unknown metric, or arrays that do not fit each other.
    """
    if metrics is not None:
        check_metric_names(task, metrics)
    predictions = Predictions(task, probabilities, targets, threshold)
    values: dict[str, float] = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # Undefined parts are left out or count 0 by the rules above; no need to say so each time.
        warnings.simplefilter("ignore")
        for name in METRICS[task] if metrics is None else metrics:
            if name in TABLES:
                continue
            value = predictions.metric(name)
            if value is not None and np.isfinite(value):
                values[name] = float(value)
    return values


class Predictions:
    """Probabilities beside targets, with what several metrics need computed once."""

    def __init__(
        self,
        task: ClassificationTask,
        probabilities: np.ndarray,
        targets: np.ndarray,
        threshold: float | Sequence[float] | np.ndarray,
    ) -> None:
        """
        Raises:
            UsageError: wrong shapes, no rows, values that are not probabilities or codes.
        """
        probabilities = np.asarray(probabilities, dtype=np.float64)
        targets = np.asarray(targets)
        if probabilities.ndim != 2 or len(probabilities) == 0:
            raise UsageError(
                f"probabilities of shape {probabilities.shape}; expected (rows, classes), not empty"
            )
        expected = probabilities.shape if task == MULTILABEL else probabilities.shape[:1]
        if targets.shape != expected:
            raise UsageError(f"targets of shape {targets.shape}; expected {expected} for {task}")
        if (
            not np.isfinite(probabilities).all()
            or probabilities.min() < 0
            or probabilities.max() > 1
        ):
            raise UsageError("probabilities must be numbers from 0 to 1; some are not")
        if task == MULTICLASS and (targets.min() < 0 or targets.max() >= probabilities.shape[1]):
            raise UsageError(f"class codes must be from 0 to {probabilities.shape[1] - 1}")
        if task == MULTILABEL and not np.isin(targets, (0, 1)).all():
            raise UsageError("multi-label targets must be 0 or 1")
        self.task = task
        self.probabilities = probabilities
        self.targets = targets.astype(np.int64)
        self.threshold: float | np.ndarray = (
            float(threshold) if np.ndim(threshold) == 0 else np.asarray(threshold, np.float64)  # type: ignore[arg-type]
        )
        self.classes = probabilities.shape[1]
        if np.ndim(threshold) and np.shape(threshold) != (self.classes,):
            raise UsageError(
                f"thresholds of shape {np.shape(threshold)}; expected one for each of "
                f"{self.classes} classes"
            )

    @cached_property
    def predicted(self) -> np.ndarray:
        """int64: class codes (n,), or (n, classes) of 0 and 1."""
        if self.task == MULTILABEL:
            return (self.probabilities >= self.threshold).astype(np.int64)
        return self.probabilities.argmax(axis=1)

    @cached_property
    def indicators(self) -> np.ndarray:
        """Targets as int8 (n, classes) of 0 and 1."""
        if self.task == MULTILABEL:
            return self.targets.astype(np.int8)
        indicators = np.zeros(self.probabilities.shape, np.int8)
        indicators[np.arange(len(self.targets)), self.targets] = 1
        return indicators

    def metric(self, name: str) -> float | None:
        """The metric called `name`, or None where it has no value."""
        base, _, average = name.rpartition("_")
        if base in _AVERAGED:
            if average == "binary" and (self.task == MULTILABEL or self.classes != 2):
                return None
            if base in ("AUC", "average_precision_score"):
                return self._ranking(base, average)
            return self._agreement(base, average)
        if name == "iou" or base == "iou":
            return self._iou("samples" if name == "iou" else average)
        single: dict[str, Callable[[], float | None]] = {
            "accuracy": self._accuracy,
            "balanced_accuracy": self._balanced_accuracy,
            "log_loss": self._log_loss,
            "matthews_correlation": self._matthews,
            "norm_macro_recall": self._norm_macro_recall,
            "weighted_accuracy": self._weighted_accuracy,
        }
        return single[name]()

    @cached_property
    def class_auc(self) -> np.ndarray:
        """Area under each class's ROC, float64 (classes,); NaN where it has no value."""
        from sklearn.metrics import roc_auc_score

        values = np.full(self.classes, np.nan)
        counts = self.indicators.sum(0)
        for code in np.flatnonzero((counts > 0) & (counts < len(self.indicators))):
            values[code] = roc_auc_score(self.indicators[:, code], self.probabilities[:, code])
        return values

    @cached_property
    def class_average_precision(self) -> np.ndarray:
        """Average precision of each class, float64 (classes,); NaN where it never occurs."""
        from sklearn.metrics import average_precision_score

        values = np.full(self.classes, np.nan)
        for code in np.flatnonzero(self.indicators.sum(0)):
            values[code] = average_precision_score(
                self.indicators[:, code], self.probabilities[:, code]
            )
        return values

    def _ranking(self, base: str, average: str) -> float | None:
        from sklearn import metrics

        by_class = self.class_auc if base == "AUC" else self.class_average_precision
        if average == "binary":
            return float(by_class[1])
        if average == "micro":
            flat = self.indicators.ravel()
            if flat.min() == flat.max():
                return None
            score = metrics.roc_auc_score if base == "AUC" else metrics.average_precision_score
            return float(score(flat, self.probabilities.ravel()))
        known = ~np.isnan(by_class)
        if not known.any():
            return None
        weights = self.indicators.sum(0)[known] if average == "weighted" else None
        return float(np.average(by_class[known], weights=weights))

    def _agreement(self, base: str, average: str) -> float:
        from sklearn import metrics

        score = getattr(metrics, base)
        options = {"pos_label": 1} if average == "binary" else {}
        return float(
            score(self.targets, self.predicted, average=average, zero_division=0, **options)
        )

    def _iou(self, average: str) -> float:
        from sklearn.metrics import jaccard_score

        return float(jaccard_score(self.targets, self.predicted, average=average, zero_division=0))

    def _accuracy(self) -> float:
        matches = self.targets == self.predicted
        return float((matches.all(axis=1) if self.task == MULTILABEL else matches).mean())

    def _balanced_accuracy(self) -> float | None:
        from sklearn.metrics import balanced_accuracy_score

        if self.task == MULTILABEL:
            return self._agreement("recall_score", "macro")
        return float(balanced_accuracy_score(self.targets, self.predicted))

    def _log_loss(self) -> float:
        from sklearn.metrics import log_loss

        if self.task == MULTILABEL:
            return float(log_loss(self.targets, self.probabilities))
        total = self.probabilities.sum(1, keepdims=True)
        labels = np.arange(self.classes)
        return float(log_loss(self.targets, self.probabilities / total, labels=labels))

    def _matthews(self) -> float:
        from sklearn.metrics import matthews_corrcoef

        # Multi-label: over all (row, class) decisions.
        return float(matthews_corrcoef(self.targets.ravel(), self.predicted.ravel()))

    def _norm_macro_recall(self) -> float | None:
        chance = 1 / self.classes
        if chance == 1:
            return None
        return (self._agreement("recall_score", "macro") - chance) / (1 - chance)

    def _weighted_accuracy(self) -> float | None:
        if self.task == MULTILABEL:
            return self._accuracy()
        weights = np.bincount(self.targets, minlength=self.classes)[self.targets]
        return float(np.average(self.targets == self.predicted, weights=weights))
