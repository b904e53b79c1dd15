"""What a Scorer answers with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Embedding", "Prediction", "Result", "TableScores"]


@dataclass(frozen=True)
class Prediction:
    """Probabilities of one image."""

    probs: np.ndarray
    """float32 (classes,): they sum to 1 (multi-class, zero-shot), or each stands alone
    (multi-label)."""

    labels: tuple[str, ...]
    """All classes, in the model's fixed order, or zero-shot labels in the order given."""

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """The `count` likeliest labels with their probabilities, likeliest first."""
        order = np.argsort(-self.probs, kind="stable")[:count]
        return [(self.labels[code], float(self.probs[code])) for code in order]


@dataclass(frozen=True)
class Embedding:
    """Features of one image."""

    features: np.ndarray
    """float32 (D,); of length 1 only where that was asked for."""


Result = Prediction | Embedding


@dataclass(frozen=True)
class TableScores:
    """Probabilities of an image table's rows."""

    rows: np.ndarray
    """int64 (n,): the rows that could be read, ascending."""

    probabilities: np.ndarray
    """float32 (n, classes)."""

    failures: list[tuple[int, str]]
    """(row, reason) of each image that could not be read."""
