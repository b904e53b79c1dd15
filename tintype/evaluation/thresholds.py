"""What a threshold makes of predictions: precision, recall and F1 of labels, or what is answered at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tintype.evaluation.metrics import Predictions

__all__ = ["confidence_table", "threshold_table"]

_STEPS = 99

# Classes with a row of their own: the most frequent.
_SHOWN = 100


def threshold_table(predictions: Predictions, classes: Sequence[str]) -> dict[str, Any]:
    """Of multi-label predictions at 0.01, 0.02, ..., 0.99: precision, recall and F1.

    Returns:
        `thresholds`, and `rows`: the micro-average, the macro-average over all classes and the most
        frequent classes, each with its `name`, `support` and lists `precision`, `recall`,
        `f1_score`.
    """
    thresholds = np.arange(1, _STEPS + 1) / (_STEPS + 1)
    support = predictions.indicators.sum(0).astype(np.int64)
    hits = np.empty((predictions.classes, _STEPS))
    given = np.empty_like(hits)
    for code in range(predictions.classes):
        scores = predictions.probabilities[:, code]
        true = np.sort(scores[predictions.indicators[:, code] > 0])
        hits[code] = len(true) - np.searchsorted(true, thresholds)
        given[code] = len(scores) - np.searchsorted(np.sort(scores), thresholds)
    by_class = _scores(hits, given, support[:, None])
    micro = _scores(hits.sum(0), given.sum(0), support.sum())
    rows = [
        _row("micro average", int(support.sum()), *micro),
        _row("macro average", int(support.sum()), *(part.mean(0) for part in by_class)),
    ]
    frequent = np.sort(np.argsort(-support, kind="stable")[:_SHOWN])
    rows += [_row(classes[c], int(support[c]), *(part[c] for part in by_class)) for c in frequent]
    return {"thresholds": thresholds.round(2).tolist(), "rows": rows}


def confidence_table(predictions: Predictions) -> dict[str, Any]:
    """Of single-label predictions: what comes of answering only where the model is sure.

    Returns:
        `thresholds` 0, 0.01, ..., 0.99; `answered`, the share of images whose class predicted has at least
        that probability; `accuracy`, the share of those that are right (None where there is none).
    """
    thresholds = np.arange(_STEPS + 1) / (_STEPS + 1)
    sure = predictions.probabilities.max(1)
    right = np.sort(sure[predictions.predicted == predictions.targets])
    answered = len(sure) - np.searchsorted(np.sort(sure), thresholds)
    hits = len(right) - np.searchsorted(right, thresholds)
    return {
        "thresholds": thresholds.round(2).tolist(),
        "answered": (answered / len(sure)).round(4).tolist(),
        "accuracy": [
            round(hit / given, 4) if given else None
            for hit, given in zip(hits.tolist(), answered.tolist(), strict=True)
        ],
    }


def _scores(
    hits: np.ndarray, given: np.ndarray, support: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F1; 0 where they would be 0 of 0."""
    parts = (given, support, (given + support) / 2)
    precision, recall, f1 = (
        np.divide(hits, whole, out=np.zeros_like(hits), where=np.asarray(whole) > 0)
        for whole in parts
    )
    return precision, recall, f1


def _row(
    name: str, support: int, precision: np.ndarray, recall: np.ndarray, f1: np.ndarray
) -> dict[str, Any]:
    return {
        "name": name,
        "support": support,
        "precision": precision.round(4).tolist(),
        "recall": recall.round(4).tolist(),
        "f1_score": f1.round(4).tolist(),
    }
