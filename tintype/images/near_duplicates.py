"""Near-duplicates kept together: no split may part them."""

from __future__ import annotations

import numpy as np

from tintype.data.image_table import ImageTable
from tintype.images.readability import FULL_DECODE_ROWS, Looks, inspect_images

__all__ = ["keep_near_duplicates_together", "series_of"]


def keep_near_duplicates_together(
    table: ImageTable, looks: Looks | None = None
) -> tuple[ImageTable, str]:
    """`table`, of which every split keeps near-duplicates on one side, and a sentence on it, which
    is empty where there are none.

    A series of them that is most of a class is split like other images: fingerprints cannot tell
    images that are nearly the same from a class whose images all look alike, and no side could do
    without it.

    Args:
        looks: fingerprints of its images; None: all are looked at here. Tables of over 20,000 rows
            are not searched.
    """
    if len(table) > FULL_DECODE_ROWS:
        return table.with_near_duplicates(np.arange(len(table))), (
            f"near-duplicates are not looked for among more than {FULL_DECODE_ROWS:,} images, so "
            "that a split may part them; say which images belong together (group_pattern or "
            "group_column_name)"
        )
    if looks is None:
        looks = inspect_images(table).looks
    pairs = looks.pairs_within(table)
    series = series_of(pairs, len(table))
    most = _are_most_of_a_class(table, series)
    parted = most[pairs[:, 0]]
    series = np.where(most, np.arange(len(table)), series)
    said = []
    if (~parted).any():
        count = int((~parted).sum())
        pair = "pair" if count == 1 else "pairs"
        verb = "stays" if count == 1 else "stay"
        said.append(f"{count} {pair} of near-duplicates {verb} on one side of every split")
    if parted.any():
        said.append(
            f"{int(most.sum())} images are split although they look alike, for they are most of "
            "a class"
        )
    return table.with_near_duplicates(series), "; ".join(said)


def series_of(pairs: np.ndarray, rows: int) -> np.ndarray:
    """int64 (rows,): the first row of all that pairs (m, 2) lead to."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(rows, rows))
    components = connected_components(edges, directed=False)[1]
    return np.unique(components, return_index=True)[1][components].astype(np.int64)


def _are_most_of_a_class(table: ImageTable, series: np.ndarray) -> np.ndarray:
    """bool (n,): rows of a series of several that has over half of the rows of one of its classes."""
    targets = table.targets()
    if targets.ndim == 1:
        rows, codes = np.arange(len(table)), targets
    else:
        rows, codes = np.nonzero(targets)
    several = np.bincount(series)[series] > 1
    rows, codes = rows[several[rows]], codes[several[rows]]
    cells, counts = np.unique(series[rows] * len(table.classes) + codes, return_counts=True)
    place, code = np.divmod(cells, len(table.classes))
    return np.isin(series, place[counts > table.class_counts()[code] / 2])
