"""Curves and tables behind the plots, as JSON-able dicts with a bounded number of points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tintype.evaluation.metrics import Predictions
from tintype.schemas.task import MULTILABEL

__all__ = [
    "accuracy_table",
    "calibration",
    "class_report",
    "confusion_matrix",
    "precision_recall_curves",
    "roc_curves",
]

# A curve is drawn with no point of it further than this share of an axis from the line: about a pixel.
_RESOLUTION = 1 / 300

# Classes drawn or stored with a curve of their own: the most frequent.
_CURVES = 20


def confusion_matrix(predictions: Predictions, classes: Sequence[str]) -> dict[str, Any]:
    """Counts in Azure's artifact shape.

    Multi-class: `matrix[true][predicted]`. Multi-label: for each class the 2 x 2 matrix
    `[[true negatives, false positives], [false negatives, true positives]]`.
    """
    if predictions.task == MULTILABEL:
        true, predicted = predictions.targets, predictions.predicted
        positives = (true * predicted).sum(0)
        cells = [
            [[int(len(true) - t - p + both), int(p - both)], [int(t - both), int(both)]]
            for t, p, both in zip(true.sum(0), predicted.sum(0), positives, strict=True)
        ]
        data: dict[str, Any] = {"class_labels": list(classes), "matrices": cells}
    else:
        count = predictions.classes
        flat = predictions.targets * count + predictions.predicted
        matrix = np.bincount(flat, minlength=count * count).reshape(count, count)
        data = {"class_labels": list(classes), "matrix": matrix.tolist()}
    return {"schema_type": "confusion_matrix", "schema_version": "1.0.0", "data": data}


def accuracy_table(predictions: Predictions, classes: Sequence[str]) -> dict[str, Any]:
    """Azure's table of one-against-the-rest counts at probability and percentile thresholds.

    For every class, at each of 21 thresholds: [true positives, false positives, true negatives,
    false negatives].
    """
    thresholds = np.linspace(0, 1, 21)
    by_probability, by_percentile = [], []
    for code in range(predictions.classes):
        true = predictions.indicators[:, code] > 0
        scores = predictions.probabilities[:, code]
        by_probability.append(_counts(true, scores, thresholds))
        by_percentile.append(_counts(true, scores, np.quantile(scores, thresholds)))
    return {
        "schema_type": "accuracy_table",
        "schema_version": "1.0.1",
        "data": {
            "probability_tables": by_probability,
            "percentile_tables": by_percentile,
            "probability_thresholds": thresholds.tolist(),
            "percentile_thresholds": thresholds.tolist(),
            "class_labels": list(classes),
        },
    }


def roc_curves(predictions: Predictions, classes: Sequence[str]) -> dict[str, Any]:
    """False and true positive rates, and the thresholds that give them: micro-average, and each of the
    most frequent classes."""
    from sklearn.metrics import roc_curve

    curves = []
    for name, true, scores in _ranked(predictions, classes):
        if 0 < true.sum() < len(true):
            false_rate, true_rate, thresholds = roc_curve(true, scores)
            # The first point is that of a threshold above all scores, which scikit-learn calls infinite.
            thresholds = np.minimum(thresholds, 1.0)
            curves.append(
                {"name": name, **_thinned(fpr=false_rate, tpr=true_rate, threshold=thresholds)}
            )
    return {"curves": curves, "classes_in_all": len(classes)}


def precision_recall_curves(predictions: Predictions, classes: Sequence[str]) -> dict[str, Any]:
    """Precision over recall, and the thresholds that give them: micro-average, and each of the most
    frequent classes."""
    from sklearn.metrics import precision_recall_curve

    curves = []
    for name, true, scores in _ranked(predictions, classes):
        if true.any():
            precision, recall, thresholds = precision_recall_curve(true, scores)
            # The last point, without any prediction, has no threshold.
            thresholds = np.append(thresholds, 1.0)
            curves.append(
                {
                    "name": name,
                    **_thinned(recall=recall, precision=precision, threshold=thresholds),
                }
            )
    return {"curves": curves, "classes_in_all": len(classes)}


def calibration(predictions: Predictions, bins: int = 10) -> dict[str, Any]:
    """How often predictions of a given confidence are right, and the expected calibration error.

    Multi-class: confidence is the highest probability (Guo et al. 2017). Multi-label: every
    (row, class) probability.
    """
    if predictions.task == MULTILABEL:
        confidence = predictions.probabilities.ravel()
        right = predictions.indicators.ravel() > 0
    else:
        confidence = predictions.probabilities.max(1)
        right = predictions.predicted == predictions.targets
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    filled = np.maximum(counts, 1)
    mean_confidence = np.bincount(place, confidence, minlength=bins) / filled
    accuracy = np.bincount(place, right, minlength=bins) / filled
    error = float((counts * np.abs(accuracy - mean_confidence)).sum() / counts.sum())
    return {
        "expected_calibration_error": error,
        "bins": [
            {
                "low": b / bins,
                "high": (b + 1) / bins,
                "count": int(counts[b]),
                "confidence": float(mean_confidence[b]),
                "accuracy": float(accuracy[b]),
            }
            for b in range(bins)
        ],
    }


def class_report(predictions: Predictions, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Per class: precision, recall, F1, support, AUC and average precision (None: no value)."""
    from sklearn.metrics import precision_recall_fscore_support

    labels = None if predictions.task == MULTILABEL else np.arange(predictions.classes)
    precision, recall, f1, support = precision_recall_fscore_support(
        predictions.targets, predictions.predicted, labels=labels, zero_division=0
    )
    auc, average_precision = predictions.class_auc, predictions.class_average_precision
    return [
        {
            "class": name,
            "precision": float(precision[code]),
            "recall": float(recall[code]),
            "f1_score": float(f1[code]),
            "support": int(support[code]),
            "AUC": None if np.isnan(auc[code]) else float(auc[code]),
            "average_precision": _or_none(average_precision[code]),
        }
        for code, name in enumerate(classes)
    ]


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _counts(true: np.ndarray, scores: np.ndarray, thresholds: np.ndarray) -> list[list[int]]:
    ordered_all, ordered_true = np.sort(scores), np.sort(scores[true])
    above = len(scores) - np.searchsorted(ordered_all, thresholds)
    hits = len(ordered_true) - np.searchsorted(ordered_true, thresholds)
    negatives = len(scores) - len(ordered_true)
    return [
        [int(hit), int(over - hit), int(negatives - (over - hit)), int(len(ordered_true) - hit)]
        for hit, over in zip(hits, above, strict=True)
    ]


def _ranked(
    predictions: Predictions, classes: Sequence[str]
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(name, 0/1 truth, scores) of the micro-average and of the most frequent classes."""
    micro = ("micro average", predictions.indicators.ravel(), predictions.probabilities.ravel())
    frequent = np.argsort(-predictions.indicators.sum(0), kind="stable")[:_CURVES]
    return [
        micro,
        *(
            (classes[code], predictions.indicators[:, code], predictions.probabilities[:, code])
            for code in sorted(frequent)
        ),
    ]


def _thinned(threshold: np.ndarray, **axes: np.ndarray) -> dict[str, list[float]]:
    """Points of a curve, float (n,) from 0 to 1 each, as few as show it: see `_RESOLUTION`.

    The way along the curve is cut into pieces of that length; the first point in each stays. Whatever is left
    out lies within a piece of a point that stays.
    """
    steps = sum(np.abs(np.diff(values)) for values in axes.values())
    way = np.concatenate([[0.0], np.cumsum(steps)])
    _, first = np.unique((way / _RESOLUTION).astype(np.int64), return_index=True)
    keep = np.union1d(first, [len(way) - 1])
    return {
        name: values[keep].round(5).tolist()
        for name, values in {**axes, "threshold": threshold}.items()
    }
