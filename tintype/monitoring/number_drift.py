"""Whether numbers, one a picture, are distributed as in the baseline: confidences, brightness, sharpness.

Kolmogorov and Smirnov's test of two samples (Smirnov 1939), which asks nothing of the distributions; with ties, as
sizes of pictures have, its p-value is too large rather than too small.
"""

from __future__ import annotations

import numpy as np

from tintype.monitoring.drift_tests import DriftTest

__all__ = ["confidence_test", "number_test"]

# Scores of one picture on two runtimes differ by less than this, and where nearly all are close to 1, a rank test
# would see that.
_SCORE_STEP = 0.01


def number_test(signal: str, name: str, baseline: np.ndarray, window: np.ndarray) -> DriftTest:
    """The test of one number.

    Args:
        baseline: float64 (n,).
        window: float64 (m,).
    """
    from scipy.stats import ks_2samp

    found = ks_2samp(baseline, window, method="asymp")
    return DriftTest(
        signal,
        name,
        float(found.statistic),
        float(found.pvalue),
        float(baseline.mean()),
        float(window.mean()),
    )


def confidence_test(baseline: np.ndarray, window: np.ndarray) -> DriftTest:
    """The test of scores of the likeliest label, float (n,) and (m,), in steps of a hundredth."""
    return number_test(
        "confidence_drift",
        "confidence",
        *(np.round(each / _SCORE_STEP) * _SCORE_STEP for each in (baseline, window)),
    )
