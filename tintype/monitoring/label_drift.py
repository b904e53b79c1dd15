"""Whether the model answers with other labels than on the baseline.

- The chi-square statistic of the two counts of labels. Its p-value is of tables drawn at random with the same sums
  (Patefield 1981), so that rare labels need not be left out.
- PSI, the population stability index (Yurdakul & Naranjo 2020, "Statistical properties of the population stability
  index"): Jeffreys' divergence of the two shares, each count raised by a half so that an absent label has a share.
  Told, as people know its scale (0.1 is little, 0.25 is much); it grows as windows get smaller, and is no test.
"""

from __future__ import annotations

import numpy as np

__all__ = ["chi_square_test", "stability_index"]

_TABLES = 4_000


def chi_square_test(
    baseline: np.ndarray, window: np.ndarray, *, tables: int = _TABLES, seed: int = 0
) -> tuple[float, float]:
    """The chi-square statistic of two counts of labels, and its p-value.

    Args:
        baseline: int64 (classes,), answers of each class.
        window: likewise.
        tables: how many are drawn.

    Raises:
        ValueError: no answers on one side.
    """
    from scipy.stats import random_table

    there = (baseline + window) > 0
    counts = np.stack([baseline[there], window[there]])
    if not counts.sum(1).all():
        raise ValueError("no answers on one side")
    found = _chi_squares(counts[None])[0]
    if counts.shape[1] == 1:
        return 0.0, 1.0
    drawn = random_table(counts.sum(1), counts.sum(0), seed=seed).rvs(tables)
    # Sums of the same numbers in another order are equal only nearly.
    as_much = int((_chi_squares(drawn) >= found * (1 - 1e-9)).sum())
    return float(found), (1 + as_much) / (1 + tables)


def stability_index(baseline: np.ndarray, window: np.ndarray) -> tuple[float, np.ndarray]:
    """The PSI of two counts of labels, and what each label adds to it.

    Args:
        baseline: int64 (classes,), answers of each class.
        window: likewise.
    """
    first, second = ((each + 0.5) / (each + 0.5).sum() for each in (baseline, window))
    parts = (second - first) * np.log(second / first)
    return float(parts.sum()), parts


def _chi_squares(tables: np.ndarray) -> np.ndarray:
    """float64 (n,) of tables (n, 2, classes) without empty columns."""
    rows, columns = tables.sum(2)[..., None], tables.sum(1)[:, None]
    expected = rows * columns / tables.sum((1, 2))[:, None, None]
    return ((tables - expected) ** 2 / expected).sum((1, 2))
