"""Splitting off a validation table: seeded, stratified, and never one picture, near-duplicate or
group on both sides."""

from __future__ import annotations

import numpy as np

from tintype.data.digests import content_digests
from tintype.data.groups import counts_by_group, joined_groups, sides_of_groups
from tintype.data.image_table import ImageTable
from tintype.errors import UsageError
from tintype.schemas.task import MULTILABEL

__all__ = ["classes_left_out", "split_validation"]


def split_validation(
    table: ImageTable, *, fraction: float = 0.2, seed: int = 42, stratified: bool = True
) -> tuple[ImageTable, ImageTable]:
    """Split `table` into (training, validation).

    Rows whose images have identical bytes stay together, and so do rows of one group (see
    `GroupBy`) and near-duplicates, where these were looked for (`ImageTable.together`).
    Stratified: each class keeps its share on both sides, rarest classes first, and every class with
    a picture keeps one in training; for multi-label this is the greedy iterative stratification of
    Sechidis et al. (2011), a class at a time. With groups, as far as these allow
    (`sides_of_groups`). The result depends on the rows and `seed` alone.

    Args:
        fraction: share of pictures for validation, between 0 and 1.

    Raises:
        UsageError: `fraction` is out of range, or there are fewer than two different pictures or
            groups.
    """
    if not 0 < fraction < 1:
        raise UsageError(f"validation share {fraction}: expected a number between 0 and 1")
    _, unit_of_row = np.unique(np.array(content_digests(table)), return_inverse=True)
    together = table.together
    if together is not None:
        unit_of_row = joined_groups(unit_of_row, together)
    units = int(unit_of_row.max()) + 1
    if units < 2:
        raise UsageError(_TOO_FEW if table.groups is None else _TOO_FEW_GROUPS)
    random = np.random.default_rng(seed)
    if together is not None:
        in_validation = _grouped(table, unit_of_row, fraction, seed, stratified=stratified)
    elif stratified:
        membership = _group_membership(table, unit_of_row, units)
        in_validation = _stratified(membership, units, fraction, random)
    else:
        in_validation = np.zeros(units, bool)
        in_validation[random.permutation(units)[: _share(units, fraction)]] = True
    chosen = in_validation[unit_of_row]
    return table.select(np.flatnonzero(~chosen)), table.select(np.flatnonzero(chosen))


def classes_left_out(train: ImageTable, held_out: ImageTable) -> str:
    """What to tell of the classes that `held_out`, split off the same table as `train`, has no image
    of; nothing where it has some of each."""
    counts = held_out.class_counts()
    missing = [
        repr(name)
        for name, here, there in zip(train.classes, counts, train.class_counts(), strict=True)
        if there and not here
    ]
    if not missing:
        return ""
    some = ", ".join(missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
    classes = f"{len(missing)} classes" if len(missing) > 1 else "class"
    why = "" if train.together is None else " (groups and near-duplicates stay whole)"
    return f"none of its {len(held_out)} images is of {classes} {some}{why}; its metrics leave that out"


# Classes named in a notice.
_SHOWN = 5

_TOO_FEW = "the table has one picture; a validation split needs at least two"
_TOO_FEW_GROUPS = (
    "all images are of one group, and a split needs at least two; correct group_pattern or "
    "group_column_name, or give validation_data (and test_data)"
)


def _grouped(
    table: ImageTable, unit_of_row: np.ndarray, fraction: float, seed: int, *, stratified: bool
) -> np.ndarray:
    """bool (units,): which go to validation, where units hold different numbers of rows."""
    sizes = np.bincount(unit_of_row)
    counts = sizes[:, None]
    if stratified:
        counts = counts_by_group(table.targets(), unit_of_row, len(table.classes))
    sides = sides_of_groups(counts, (1 - fraction, fraction), seed, keep=0)
    if not (sides == 1).any():
        # The one whose classes are best kept without it, and of those the smallest.
        kept = counts[sides == 0].sum(0) - counts
        lost = ((kept == 0) & (counts > 0)).sum(1)
        sides[np.lexsort((sizes, lost))[0]] = 1
    elif not (sides == 0).any():
        sides[sizes.argmax()] = 0
    return sides == 1


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
