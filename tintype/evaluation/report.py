"""An evaluation as a whole: metrics, tables, curves, and a page that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tintype.data.image_table import ImageTable
from tintype.errors import UsageError
from tintype.evaluation import curves
from tintype.evaluation.confusion_picture import plot_confusion_matrix
from tintype.evaluation.intervals import metric_intervals
from tintype.evaluation.metrics import METRICS, Predictions, check_metric_names, compute_metrics
from tintype.evaluation.page import EvaluationPage, write_evaluation_page
from tintype.evaluation.thresholds import confidence_table, threshold_table
from tintype.files import atomic_folder, write_bytes, write_json, write_text
from tintype.images.fingerprints import NearDuplicates
from tintype.pages.explained import ExplainedPictures
from tintype.schemas.task import MULTILABEL, ClassificationTask
from tintype.scoring.calibration import with_temperature

__all__ = ["Evaluation", "evaluate_predictions"]

# A matrix of all pairs, or tables of every class, would serve nobody beyond this many classes.
_TABLE_CLASSES = 2_000


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate_predictions` found. `write` puts it into a folder."""

    metrics: dict[str, float]
    """Every scalar metric asked for that has a value on this data."""

    undefined: tuple[str, ...]
    """Metrics asked for that have none, such as `_binary` ones with three classes."""

    predictions: Predictions
    classes: tuple[str, ...]
    dropped: int
    """Images left out because they could not be read."""

    temperature: float = 1.0
    """What the model's logits were divided by in training; 1 where they were not."""

    notices: tuple[str, ...] = ()
    """What people should know of how the data were read, a sentence each."""

    groups: np.ndarray | None = None
    """int (n,): rows that belong together have one number, and tell less than as many others."""

    images: ImageTable | None = None
    """The images of the rows, to be shown on the page."""

    near_duplicates: NearDuplicates | None = None
    """Images that are nearly the same as training images, where those are known."""

    explained: ExplainedPictures | None = None
    """The surest mistakes with what speaks for their labels, to be shown on the page."""

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95 % intervals (low, high) of all `metrics`; see `evaluation.intervals`."""
        return metric_intervals(self.predictions, self.metrics, groups=self.groups)

    @property
    def summary(self) -> dict[str, Any]:
        """The content of metrics.json."""
        # Without fingerprints, as of very large tables, nothing is known.
        near = self.near_duplicates
        return {
            "task": self.predictions.task,
            "rows": len(self.predictions.targets),
            "groups": None if self.groups is None else len(np.unique(self.groups)),
            "near_duplicates": near.count if near is not None and near.images else None,
            "dropped_images": self.dropped,
            "threshold": self._threshold,
            "metrics": self.metrics,
            "intervals": {name: list(bounds) for name, bounds in self.intervals.items()},
            "undefined_metrics": list(self.undefined),
            "classes": curves.class_report(self.predictions, self.classes),
        }

    def _calibration(self) -> dict[str, Any]:
        """The reliability table; with a temperature also that of the model `before` it."""
        table = curves.calibration(self.predictions)
        if self.temperature == 1:
            return table
        own = self.predictions
        plain = with_temperature(own.probabilities, 1 / self.temperature, own.task)
        before = Predictions(own.task, plain, own.targets, own.threshold)
        return {**table, "temperature": self.temperature, "before": curves.calibration(before)}

    @property
    def _threshold(self) -> float | dict[str, float] | None:
        """Multi-label: one for all labels, or by class; None for other tasks."""
        threshold = self.predictions.threshold
        if self.predictions.task != MULTILABEL:
            return None
        if isinstance(threshold, float):
            return threshold
        return dict(zip(self.classes, threshold.tolist(), strict=True))

    def write(self, folder: Path) -> None:
        """Write metrics.json, the tables and curves as JSON, confusion_matrix.png, evaluation.html.

        Of many classes there are no tables with a cell a pair or a table a class: see `_TABLE_CLASSES`.

        Raises:
            OutputError: the folder cannot be written; what was there before is left as it was.
        """
        roc = curves.roc_curves(self.predictions, self.classes)
        precision_recall = curves.precision_recall_curves(self.predictions, self.classes)
        multilabel = self.predictions.task == MULTILABEL
        calibration = self._calibration()
        thresholds = threshold_table(self.predictions, self.classes) if multilabel else None
        page = EvaluationPage(
            self.summary,
            self.predictions,
            self.classes,
            roc,
            precision_recall,
            calibration,
            self.images,
            thresholds or confidence_table(self.predictions),
            self.notices,
            self.near_duplicates,
            self.explained,
        )
        with atomic_folder(folder) as temporary:
            write_json(temporary / "metrics.json", self.summary)
            write_json(temporary / "roc.json", roc)
            write_json(temporary / "precision_recall.json", precision_recall)
            write_json(temporary / "calibration.json", calibration)
            if len(self.classes) <= _TABLE_CLASSES:
                confusion = curves.confusion_matrix(self.predictions, self.classes)
                write_json(temporary / "confusion_matrix.json", confusion)
                write_bytes(temporary / "confusion_matrix.png", plot_confusion_matrix(confusion))
                table = curves.accuracy_table(self.predictions, self.classes)
                write_json(temporary / "accuracy_table.json", table)
            if thresholds is not None:
                write_json(temporary / "thresholds.json", thresholds)
            write_text(temporary / "evaluation.html", write_evaluation_page(page))


def evaluate_predictions(
    task: ClassificationTask,
    probabilities: np.ndarray,
    targets: np.ndarray,
    classes: Sequence[str],
    *,
    metrics: Sequence[str] | None = None,
    threshold: float | Sequence[float] | np.ndarray = 0.5,
    dropped: int = 0,
    groups: np.ndarray | None = None,
    images: ImageTable | None = None,
    temperature: float = 1.0,
) -> Evaluation:
    """Evaluate probabilities (n, classes) against targets, int (n,) or (n, classes) of 0 and 1.

    Args:
        groups, images: see `Evaluation`.
        temperature: what is in the probabilities already; reliability is shown before it, too.

    Raises:
        UsageError: unknown metric, wrong shapes, or values that are no probabilities.
    """
    classes = tuple(classes)
    predictions = Predictions(task, probabilities, targets, threshold)
    if len(classes) != predictions.classes:
        raise UsageError(f"{len(classes)} class names for {predictions.classes} columns")
    wanted = list(METRICS[task] if metrics is None else metrics)
    check_metric_names(task, wanted)
    metrics_found = compute_metrics(
        task, probabilities, targets, metrics=wanted, threshold=threshold
    )
    undefined = tuple(
        name for name in wanted if name in METRICS[task] and name not in metrics_found
    )
    return Evaluation(
        metrics_found,
        undefined,
        predictions,
        classes,
        dropped,
        groups=groups,
        images=images,
        temperature=temperature,
    )
