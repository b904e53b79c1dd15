"""Which images belong together: those of one person, one camera, one product.

A model that has seen a person's other pictures knows more than it will of strangers, so that whole
groups stay on one side of every split.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tintype.errors import UsageError
from tintype.schemas.group_pattern import check_group_pattern

__all__ = ["GROUP_COLUMN", "GroupBy", "counts_by_group", "joined_groups", "sides_of_groups"]

GROUP_COLUMN = "group"
"""What rows call their group, where nothing else is said."""


@dataclass(frozen=True)
class GroupBy:
    """How the group of a row is told: by a key of the row, or by its image's name."""

    asked_column: str | None = None
    """A row's key. None: `group`, of rows that have it."""

    pattern: str | None = None
    """A regular expression, searched for in the file's name, or in its whole path where there is a
    `/` in the pattern; what its first group matches is the row's group."""

    def __post_init__(self) -> None:
        """
        Raises:
            UsageError: both are given, or the pattern is none that has a group.
        """
        if self.pattern is None:
            return
        if self.asked_column is not None:
            raise UsageError("give either group_pattern or group_column_name, not both")
        try:
            check_group_pattern(self.pattern)
        except ValueError as error:
            raise UsageError(f"group_pattern: {error}") from None

    @property
    def column(self) -> str:
        """The key that is looked at."""
        return self.asked_column or GROUP_COLUMN

    @property
    def field(self) -> str:
        """What messages name: the document's key."""
        return "group_pattern" if self.pattern is not None else "group_column_name"

    @property
    def asked(self) -> bool:
        """Whether groups were asked for, rather than found."""
        return self.pattern is not None or self.asked_column is not None

    def group(self, location: str, value: object) -> str | None:
        """The group of an image at `location`, whose row has `value` under `column`; None: by
        itself.

        Raises:
            ValueError: the column was asked for, and its value is no name.
        """
        if self._expression is not None:
            name = location if "/" in self._expression.pattern else location.rpartition("/")[2]
            match = self._expression.search(name)
            return match[1] if match else None
        if value is None or isinstance(value, str):
            return value or None
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, float) and value == int(value):
            return str(int(value))
        if self.asked_column is None:
            return None
        raise ValueError(f"{str(value)[:60]} given; expected a name or a whole number of a group")

    def not_found(self, rows: int) -> str:
        """What is wrong where none of `rows` has a group, and how to put it right."""
        if self.pattern is None:
            return (
                f"none of {rows} rows has a key {self.column!r}; name one that they have, or leave "
                f"{self.field} out"
            )
        where = "path" if "/" in self.pattern else "file name"
        return (
            f"{self.pattern!r} matches no {where} of {rows} images; correct it (with a / in it, "
            "it is "
            f"searched for in the whole path), or leave {self.field} out"
        )

    @cached_property
    def _expression(self) -> re.Pattern[str] | None:
        return None if self.pattern is None else re.compile(self.pattern)


def counts_by_group(targets: np.ndarray, groups: np.ndarray, classes: int) -> np.ndarray:
    """int64 (groups, classes): rows of each class in each group.

    Args:
        targets: int (n,) class codes, or (n, classes) of 0 and 1.
        groups: int64 (n,), from 0.
    """
    count = int(groups.max()) + 1
    if targets.ndim == 1:
        cells = np.bincount(groups * classes + targets, minlength=count * classes)
        return cells.reshape(count, classes)
    rows, codes = np.nonzero(targets)
    cells = np.bincount(groups[rows] * classes + codes, minlength=count * classes)
    return cells.reshape(count, classes)


def joined_groups(groups: np.ndarray, others: np.ndarray) -> np.ndarray:
    """int64 (n,), from 0: rows that share a number of `groups` or of `others`, both int64 (n,), are
    in one, and whoever is joined by both."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    _, groups = np.unique(groups, return_inverse=True)
    _, others = np.unique(others, return_inverse=True)
    count = int(groups.max()) + 1
    size = count + int(others.max()) + 1
    edges = coo_array((np.ones(len(groups)), (groups, count + others)), shape=(size, size))
    _, components = connected_components(edges, directed=False)
    return np.unique(components[groups], return_inverse=True)[1].astype(np.int64)


def sides_of_groups(
    counts: np.ndarray, shares: Sequence[float], seed: int, *, keep: int | None = None
) -> np.ndarray:
    """Which side each group goes to, so that every class has its share on each as far as groups
    allow.

    Greedy, the most uneven groups first, each to the side where the classes' shares are evenest
    then: as scikit-learn's StratifiedGroupKFold, for sides of any size.

    Args:
        counts: int (groups, classes): rows of each class in each group, which may be several of
            one.
        shares: of each side; they add up to 1.
        keep: a side on which every class keeps a group.

    Returns:
        int64 (groups,): numbers of sides.
    """
    random = np.random.default_rng(seed)
    # The rows themselves are one more class, or rows without labels would lie anywhere.
    counts = np.column_stack([counts, np.maximum(counts.sum(1), 1)]).astype(np.float64)
    totals = np.maximum(counts.sum(0), 1)
    wanted = np.asarray(shares, np.float64)[:, None] * totals
    order = random.permutation(len(counts))
    order = order[np.argsort(-(counts[order] / totals).std(1), kind="stable")]
    filled = np.zeros(wanted.shape)
    left = (counts > 0).sum(0)
    kept = np.zeros(len(totals), bool)
    sides = np.empty(len(counts), np.int64)
    for group in order:
        own = counts[group]
        has = own > 0
        left -= has
        side = keep
        # The last chance of a class to be kept.
        if keep is None or not (has & ~kept & (left == 0)).any():
            after = (filled + own) / wanted
            before = filled / wanted
            # Adding to one side changes its share alone: the sum of squares tells which is best.
            cost = ((after**2 - before**2) * np.asarray(shares)[:, None]).sum(1)
            side = int(cost.argmin())
        assert side is not None
        sides[group] = side
        filled[side] += own
        if side == keep:
            kept |= has
    return sides
