"""Pairs of rows that belong together, joined into groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Group", "Grouping", "ROUNDING", "join_close_pairs"]

ROUNDING = 5e-7
"""Cosines are told to six places: less than this is rounding, also beside a threshold."""

_SCORES = 4_000_000  # cosines held at once


@dataclass(frozen=True)
class Group:
    """Near-duplicates: each is close to at least one other, not necessarily to all."""

    rows: np.ndarray
    """int64 (n,), ascending; n is at least 2."""

    cosines: np.ndarray
    """float32 (n,): of each row with the row of its group that is nearest to it."""


class Grouping:
    """Union-find over rows, many pairs at a time; the root of a group is its smallest row."""

    def __init__(self, rows: int) -> None:
        self._parents = np.arange(rows)
        self._nearest = np.full(rows, -1, np.float32)

    def join(self, left: np.ndarray, right: np.ndarray, cosines: np.ndarray) -> None:
        """Put `left[i]` and `right[i]`, int64 (n,), into one group, for every i.

        Args:
            cosines: float32 (n,): of each pair.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        np.maximum.at(self._nearest, left, cosines)
        np.maximum.at(self._nearest, right, cosines)
        roots = np.stack([self.roots(left), self.roots(right)])
        roots = roots[:, roots[0] != roots[1]]
        if not roots.size:
            return
        nodes, codes = np.unique(roots, return_inverse=True)
        ends = codes.reshape(2, -1)
        shape = (len(nodes), len(nodes))
        links = coo_array((np.ones(ends.shape[1], bool), (ends[0], ends[1])), shape)
        count, part = connected_components(links, directed=False)
        smallest = np.full(count, len(self._parents))
        np.minimum.at(smallest, part, nodes)
        self._parents[nodes] = smallest[part]

    def roots(self, rows: np.ndarray) -> np.ndarray:
        """The root of each row's group: int64, shaped as `rows`."""
        found = self._parents[rows]
        while True:
            above = self._parents[found]
            if np.array_equal(above, found):
                break
            found = above
        self._parents[rows] = found
        return found

    def groups(self) -> list[Group]:
        """Groups of two and more, largest first; among equals, by their first row."""
        roots = self.roots(np.arange(len(self._parents)))
        order = np.argsort(roots, kind="stable")
        order = order[np.bincount(roots, minlength=len(roots))[roots[order]] > 1]
        parts = np.split(order, np.flatnonzero(np.diff(roots[order])) + 1)
        cosines = np.round(np.minimum(self._nearest, 1), 6)
        groups = [Group(rows, cosines[rows]) for rows in parts if len(rows)]
        return sorted(groups, key=lambda group: (-len(group.rows), int(group.rows[0])))


def join_close_pairs(
    grouping: Grouping, rows: np.ndarray, units: np.ndarray, threshold: float
) -> None:
    """Compare every two rows and join those whose cosine is `threshold` or more.

    Args:
        rows: int64 (n,): the rows of `grouping` that `units` are.
        units: float32 (n, D), of length 1.
    """
    step = max(1, _SCORES // max(len(rows), 1))
    for start in range(0, len(rows), step):
        size = min(step, len(rows) - start)
        scores = units[start : start + size] @ units[start:].T
        # Each pair once, and no row with itself.
        scores[np.tril_indices(size, 0, scores.shape[1])] = -2
        left, right = np.nonzero(scores >= threshold - ROUNDING)
        grouping.join(rows[start + left], rows[start + right], scores[left, right])
