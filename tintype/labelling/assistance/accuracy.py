"""How good suggestions are, by pictures drawn at random, and whether more labels would make them better."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tintype.evaluation.intervals import wilson_interval
from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["RunningAccuracy", "right_of", "running_accuracy"]

# Twice as many labels that bring less than this, at the upper end of the interval, do not pay.
_PAYS = 0.01
_LEAST_JUDGED = 50
_QUANTILE = 1.96


@dataclass(frozen=True)
class RunningAccuracy:
    """The share of pictures, drawn at random, that a head judges right which has not seen them."""

    accuracy: float
    low: float
    """Of the 95 % interval (Wilson)."""
    high: float
    pictures: int
    """How many it was judged on."""
    gain_of_last_doubling: float
    """Accuracy with all labels less that with half of them."""
    paying: bool
    """Whether that gain may still be a hundredth or more; True while too little is known."""

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def right_of(
    probabilities: np.ndarray, targets: np.ndarray, task: ClassificationTask
) -> np.ndarray:
    """bool (n,): whether the likeliest class is right; multi-label, whether every label is.

    Args:
        targets: int64 (n,), -1 for a class that is none of these, or float32 (n, classes).
    """
    if task == MULTILABEL:
        return np.asarray(((probabilities >= 0.5) == (targets > 0.5)).all(1))
    return np.asarray(probabilities.argmax(1) == targets)


def running_accuracy(right: np.ndarray, right_by_half: np.ndarray) -> RunningAccuracy | None:
    """Of the same pictures judged by a head of all labels and by one of half of them.

    Args:
        right, right_by_half: bool (n,).

    Returns:
        None without a picture.
    """
    count = len(right)
    if not count:
        return None
    share = float(right.mean())
    low, high = wilson_interval(share * count, count)
    change = right.astype(float) - right_by_half
    gain = float(change.mean())
    # Of a paired difference; one picture of doubt keeps a few equal answers from being certain.
    error = float(np.sqrt((np.square(change - gain).sum() + 1) / count**2))
    paying = count < _LEAST_JUDGED or gain + _QUANTILE * error >= _PAYS
    return RunningAccuracy(share, low, high, count, gain, paying)
