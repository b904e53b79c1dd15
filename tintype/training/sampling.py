"""In which order, and how often, an epoch sees the training rows."""

from __future__ import annotations

import numpy as np

__all__ = ["epoch_order"]


def epoch_order(targets: np.ndarray, *, balanced: bool, seed: int, epoch: int) -> np.ndarray:
    """Rows of one epoch, int64 (n,), decided by (seed, epoch).

    Balanced, every class is seen equally often: a row is drawn in proportion to 1 / count of its
    class, by systematic sampling, which gives each row its share to within one draw. A row with
    several labels has the weight of the rarest of them (as repeat factors in Gupta et al., "LVIS",
    2019); those without a label count as a class of their own.

    Args:
        targets: int64 (n,) class codes, or (n, classes) of 0 and 1.
        balanced: else each row comes once.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(targets))
    if not balanced:
        return order
    groups, weights = _groups(targets)
    # Each class in one stretch, its rows in random order: it gets its share to within one draw, too.
    order = order[np.argsort(groups[order], kind="stable")]
    ends = np.cumsum(weights[order] / weights.sum())
    marks = (np.arange(len(order)) + random.random()) / len(order)
    places = np.minimum(np.searchsorted(ends, marks, side="right"), len(order) - 1)
    return random.permutation(order[places])


def _groups(targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row's rarest class, int64 (n,), -1 without any, and 1 / its count, float64 (n,)."""
    if targets.ndim == 1:
        return targets, 1.0 / np.bincount(targets)[targets]
    rarity = np.where(targets > 0, 1.0 / np.maximum(targets.sum(0), 1), 0.0)
    without = rarity.max(1) == 0
    groups = np.where(without, -1, rarity.argmax(1))
    return groups, np.where(without, 1.0 / max(int(without.sum()), 1), rarity.max(1))
