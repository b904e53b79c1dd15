"""Pictures that show a drift: those of the window that are least like the baseline, beside typical ones of both sides.

By the witness function of the MMD: where it is high, the window has more pictures like this one than the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tintype.monitoring.embedding_drift import witness
from tintype.monitoring.samples import Sample

__all__ = ["ShownPictures", "choose_pictures"]

SHOWN = 24
"""Pictures of each kind."""


@dataclass(frozen=True)
class ShownPictures:
    """Rows, int64 (k,), the most telling first; and the witness of each row of its side, NaN where it was not seen."""

    drifted: np.ndarray
    """Of the window."""
    missed: np.ndarray
    """Of the baseline: what the window has least of."""
    typical: np.ndarray
    """Of the baseline: the most usual picture of each of its most frequent answers."""
    window_witness: np.ndarray
    baseline_witness: np.ndarray


def choose_pictures(baseline: Sample, window: Sample) -> ShownPictures:
    """Rows to be shown; none where embeddings are not compared, or nothing was seen."""
    seen = [np.flatnonzero(side.seen) for side in (baseline, window)]
    values = [np.full(len(side), np.nan) for side in (baseline, window)]
    none = np.zeros(0, np.int64)
    if not window.embeddings.shape[1] or min(map(len, seen)) < 2:
        return ShownPictures(none, none, none, values[1], values[0])
    found = witness(baseline.embeddings[seen[0]], window.embeddings[seen[1]])
    for value, rows, each in zip(values, seen, found, strict=True):
        value[rows] = each
    drifted = seen[1][np.argsort(-found[1], kind="stable")][:SHOWN]
    missed = seen[0][np.argsort(found[0], kind="stable")][:SHOWN]
    return ShownPictures(drifted, missed, _typical(baseline, seen[0]), values[1], values[0])


def _typical(baseline: Sample, seen: np.ndarray) -> np.ndarray:
    """Of each answer, the most frequent first, the pictures nearest to its mean; in turns until there are enough."""
    codes = baseline.answers.codes[seen]
    orders = []
    for code in np.argsort(-np.bincount(codes + 1), kind="stable") - 1:
        rows = seen[codes == code]
        if len(rows):
            embeddings = baseline.embeddings[rows]
            near = embeddings @ embeddings.mean(0)
            orders.append(rows[np.argsort(-near, kind="stable")])
    turns = [order[turn] for turn in range(SHOWN) for order in orders if turn < len(order)]
    return np.array(turns[:SHOWN], np.int64)
