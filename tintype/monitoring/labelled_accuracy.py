"""Accuracy by labels that came later, and whether it has fallen.

The interval is Wilson's (1927); the test is Fisher's exact one of two shares, one-sided.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tintype.evaluation.intervals import wilson_interval
from tintype.monitoring.drift_tests import DriftTest
from tintype.workspace.monitors import LaterLabels

__all__ = ["LabelledAccuracy", "accuracy_drop", "labelled_accuracy", "labels_accuracy"]


@dataclass(frozen=True)
class LabelledAccuracy:
    """The share of labelled pictures whose likeliest label is right, with its interval of 95 %."""

    value: float
    low: float
    high: float
    labelled: int
    right: int


def labelled_accuracy(right: np.ndarray) -> LabelledAccuracy:
    """Of answers that are right (1) or wrong (0), int64 (n,), n at least 1."""
    count, hits = len(right), int((right == 1).sum())
    low, high = wilson_interval(hits, count)
    return LabelledAccuracy(hits / count, low, high, count, hits)


def accuracy_drop(baseline: LabelledAccuracy, window: LabelledAccuracy) -> DriftTest:
    """The test of whether the window's accuracy is lower than the baseline's."""
    from scipy.stats import fisher_exact

    table = [[side.right, side.labelled - side.right] for side in (baseline, window)]
    found = fisher_exact(table, alternative="greater")
    return DriftTest(
        "accuracy",
        "accuracy",
        window.value - baseline.value,
        float(found.pvalue),
        baseline.value,
        window.value,
    )


def labels_accuracy(labels: Iterable[LaterLabels]) -> dict[str, Any] | None:
    """The accuracy by all of `labels`, as records print it; None without any."""
    right = np.array([each.right for each in labels], np.int64)
    return asdict(labelled_accuracy(right)) if len(right) else None
