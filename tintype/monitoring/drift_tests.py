"""Several tests of one window, and one level for all of them together.

Holm's procedure (Holm 1979, "A simple sequentially rejective multiple test procedure"): whatever the tests have to
do with one another, the chance that any of them errs on a window without drift is at most the level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

__all__ = ["DriftTest", "adjusted", "holm"]


@dataclass(frozen=True)
class DriftTest:
    """One test of whether a window is like its baseline."""

    signal: str
    """What it belongs to, as documents of monitors name it: embedding_drift."""
    name: str
    """Which of the signal's tests: mmd, auc, brightness."""
    statistic: float
    """What was measured; of each test its own scale."""
    p_value: float
    """The chance of as much or more where nothing has drifted."""
    baseline: float | None = None
    """The mean of what is compared, where there is one."""
    window: float | None = None
    """Likewise."""
    adjusted: float = 1.0
    """`p_value` after Holm's procedure: at or below the level, it counts."""
    drifted: bool = False
    """Whether it counts."""


def adjusted(tests: Sequence[DriftTest], level: float) -> list[DriftTest]:
    """`tests` with their adjusted p-values.

    Args:
        level: chance of any false alarm on a window without drift.
    """
    values = holm(np.array([test.p_value for test in tests]))
    return [
        replace(test, adjusted=float(value), drifted=bool(value <= level))
        for test, value in zip(tests, values, strict=True)
    ]


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjusted p-values, float64 (n,), of p-values (n,).

    >>> holm(np.array([0.01, 0.04, 0.03])).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    found = np.empty(len(p_values))
    found[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return found
