"""Pictures that come again and again, counted once.

A camera that sends the same scene a hundred times has not drifted, but a test takes a hundred equal pictures for a hundred
independent ones. Near-duplicates of both sides together become one picture, whichever side it is on: so that, where nothing
has drifted, the sides of what is left are as good as drawn, and tests keep their level.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tintype.images.fingerprints import Fingerprints, find_near_duplicates
from tintype.images.near_duplicates import series_of

__all__ = ["one_of_each"]


def one_of_each(greys: Sequence[bytes], *, seed: int = 0) -> np.ndarray:
    """Rows, int64 (k,) ascending, one drawn of each series of near-duplicates.

    Args:
        greys: what `images.fingerprints.grey_of` gave, of the pictures of both sides.
    """
    count = len(greys)
    if not count:
        return np.zeros(0, np.int64)
    prints = Fingerprints.of(greys)
    left, right, _ = find_near_duplicates(prints, prints)
    # Pictures without contrast are like no others, but like their own copies.
    known: dict[bytes, int] = {}
    first = np.array([known.setdefault(grey, row) for row, grey in enumerate(greys)])
    pairs = np.concatenate(
        [np.column_stack([left, right]), np.column_stack([np.arange(count), first])]
    )
    order = np.random.default_rng(seed).permutation(count)
    series = series_of(pairs, count)[order]
    return np.sort(order[np.unique(series, return_index=True)[1]])
