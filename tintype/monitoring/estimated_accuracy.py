"""Accuracy without labels, by the model's confidence.

- ATC, average thresholded confidence (Garg, Balakrishnan, Lipton, Neyshabur & Sedghi 2022, "Leveraging Unlabeled Data to
  Predict Out-of-Distribution Performance", ICLR): the threshold above which lies, on the labelled baseline, as large a share
  of confidences as is right; the window's accuracy is the share above it there.
- DoC, difference of confidences (Guillory, Shankar, Ebrahimi, Darrell & Schmidt 2021, "Predicting with Confidence on Unseen
  Distributions", ICCV): the baseline's accuracy less what the mean confidence has fallen by.

Intervals are of 1,000 bootstrap resamples of both sides (percentiles; Efron & Tibshirani 1993): they tell how much other
pictures of the same kind could move the estimate, and nothing of kinds on which a model is sure and wrong. Only labels do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Estimate", "estimate_accuracy"]

_RESAMPLES = 1_000

# Resampled numbers held at once.
_CELLS = 2_000_000


@dataclass(frozen=True)
class Estimate:
    """An accuracy, 0 to 1, with its interval of 95 %."""

    value: float
    low: float
    high: float


def estimate_accuracy(
    confidences: np.ndarray, right: np.ndarray, window: np.ndarray, *, seed: int = 0
) -> dict[str, Estimate]:
    """Estimates of the accuracy in a window, by their names atc and doc.

    Args:
        confidences: float64 (n,), of the likeliest label, of the labelled baseline.
        right: bool (n,), whether that is the baseline's label.
        window: float64 (m,), confidences of the window.

    Raises:
        ValueError: no rows on one side.
    """
    if not len(confidences) or not len(window):
        raise ValueError("no confidences on one side")
    draw = np.random.default_rng(seed)
    values = _estimates(confidences[None], right[None], window[None])
    drawn = []
    step = max(1, _CELLS // (len(confidences) + len(window)))
    for start in range(0, _RESAMPLES, step):
        count = min(step, _RESAMPLES - start)
        rows = draw.integers(len(confidences), size=(count, len(confidences)))
        others = draw.integers(len(window), size=(count, len(window)))
        drawn.append(_estimates(confidences[rows], right[rows], window[others]))
    low, high = np.quantile(np.concatenate(drawn, axis=1), [0.025, 0.975], axis=1)
    return {
        name: Estimate(float(values[place, 0]), float(low[place]), float(high[place]))
        for place, name in enumerate(("atc", "doc"))
    }


def _estimates(confidences: np.ndarray, right: np.ndarray, window: np.ndarray) -> np.ndarray:
    """float64 (2, resamples): ATC and DoC of rows (resamples, n) and (resamples, m)."""
    accuracy = right.mean(1)
    ordered = np.sort(confidences, axis=1)
    wrong = np.round((1 - accuracy) * ordered.shape[1]).astype(int)
    # Where nothing is right, no confidence is enough.
    beyond = np.concatenate([ordered, np.full((len(ordered), 1), np.inf)], axis=1)
    threshold = np.take_along_axis(beyond, wrong[:, None], axis=1)
    atc = (window >= threshold).mean(1)
    doc = accuracy - (confidences.mean(1) - window.mean(1))
    return np.stack([atc, np.clip(doc, 0.0, 1.0)])
