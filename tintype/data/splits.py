"""Splitting off a validation table: seeded, stratified, and never one picture on both sides."""

from __future__ import annotations

import numpy as np

from tintype.data.digests import content_digests
from tintype.data.image_table import ImageTable
from tintype.errors import UsageError
from tintype.schemas.task import MULTILABEL

__all__ = ["split_validation"]


def split_validation(
    table: ImageTable, *, fraction: float = 0.2, seed: int = 42, stratified: bool = True
) -> tuple[ImageTable, ImageTable]:
    """Split `table` into (training, validation).

    Rows whose images have identical bytes stay together. Stratified: each class keeps its share
    on both sides, rarest classes first, and every class with a picture keeps one in training; for
    multi-label this is the greedy iterative stratification of Sechidis et al. (2011), a class at a
    time. The result depends on the rows and `seed` alone.

    Args:
        fraction: share of pictures for validation, between 0 and 1.

    Raises:
        UsageError: `fraction` is out of range, or there are fewer than two different pictures.
    """
    if not 0 < fraction < 1:
        raise UsageError(f"validation share {fraction}: expected a number between 0 and 1")
    _, group_of_row = np.unique(np.array(content_digests(table)), return_inverse=True)
    groups = int(group_of_row.max()) + 1
    if groups < 2:
        raise UsageError("the table has one picture; a validation split needs at least two")
    random = np.random.default_rng(seed)
    if stratified:
        membership = _group_membership(table, group_of_row, groups)
        in_validation = _stratified(membership, groups, fraction, random)
    else:
        in_validation = np.zeros(groups, bool)
        in_validation[random.permutation(groups)[: _share(groups, fraction)]] = True
    chosen = in_validation[group_of_row]
    return table.select(np.flatnonzero(~chosen)), table.select(np.flatnonzero(chosen))


def _group_membership(table: ImageTable, group_of_row: np.ndarray, groups: int) -> list[np.ndarray]:
    """For each class, the groups that carry it, ascending."""
    targets = table.targets()
    if table.task == MULTILABEL:
        return [np.unique(group_of_row[targets[:, code] > 0]) for code in range(targets.shape[1])]
    order = np.argsort(targets, kind="stable")
    ends = np.cumsum(np.bincount(targets, minlength=len(table.classes)))[:-1]
    return [np.unique(part) for part in np.split(group_of_row[order], ends)]


def _stratified(
    membership: list[np.ndarray], groups: int, fraction: float, random: np.random.Generator
) -> np.ndarray:
    """bool (groups,): which groups go to validation."""
    side = np.full(groups, -1)  # -1 open, 0 training, 1 validation
    rarest_first = sorted(range(len(membership)), key=lambda code: (len(membership[code]), code))
    owed = 0.0  # What rounding has kept from validation so far.
    for code in rarest_first:
        members = membership[code]
        if len(members) == 0:
            continue
        open_members = random.permutation(members[side[members] < 0])
        exact = fraction * len(members) - (side[members] == 1).sum()
        wanted = round(exact + owed)
        # One picture of every class stays for training.
        most = len(open_members) - int(not (side[members] == 0).any())
        wanted = max(0, min(wanted, most))
        owed += exact - wanted if 0 <= exact <= most else 0.0
        side[open_members[:wanted]] = 1
        side[open_members[wanted:]] = 0
    rest = random.permutation(np.flatnonzero(side < 0))
    side[rest[: round(fraction * len(rest))]] = 1
    if not (side == 1).any():
        # Too few pictures for the share asked for: one of the commonest class.
        members = membership[rarest_first[-1]]
        side[members[-1]] = 1
    return side == 1


def _share(count: int, fraction: float) -> int:
    return min(max(1, round(fraction * count)), count - 1)
