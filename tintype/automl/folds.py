"""Folds of a cross-validation: every class spread over them, no group on two sides."""

from __future__ import annotations

import numpy as np

from tintype.data.groups import counts_by_group, sides_of_groups
from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["folds_of"]

_FOLDS = 5


def folds_of(
    targets: np.ndarray,
    task: ClassificationTask,
    seed: int,
    groups: np.ndarray | None,
    *,
    most: int = _FOLDS,
) -> np.ndarray:
    """int64 (n,): the fold of each row; every class is spread over the folds, as groups allow.

    Args:
        most: folds, where there are as many rows.
    """
    if groups is not None:
        _, groups = np.unique(groups, return_inverse=True)
        if groups.max() > 0:
            return _folds_of_groups(targets, groups, seed)
    random = np.random.default_rng(seed)
    count = max(2, min(most, len(targets)))
    # Multi-label rows are spread by their rarest label.
    if task == MULTILABEL:
        rarity = np.where(targets > 0, targets.sum(0), np.inf)
        keys = np.where(targets.any(1), rarity.argmin(1), -1)
    else:
        keys = targets
    order = random.permutation(len(targets))
    order = order[np.argsort(keys[order], kind="stable")]
    folds = np.empty(len(targets), np.int64)
    folds[order] = np.arange(len(targets)) % count
    return folds


def _folds_of_groups(targets: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """int64 (n,): the fold of each row, by `groups`, int64 (n,) from 0, of which there are several."""
    classes = targets.shape[1] if targets.ndim == 2 else int(targets.max()) + 1
    count = min(_FOLDS, int(groups.max()) + 1)
    sides = sides_of_groups(counts_by_group(targets, groups, classes), [1 / count] * count, seed)
    # Without gaps: a fold may have remained empty.
    return np.unique(sides[groups], return_inverse=True)[1].astype(np.int64)
