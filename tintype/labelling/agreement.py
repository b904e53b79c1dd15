"""How far people agree beyond chance: Cohen's kappa of two, Krippendorff's alpha of any number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations

__all__ = ["cohen_kappa", "krippendorff_alpha", "pairwise_kappas"]

Answers = Mapping[int, Mapping[int, Hashable]]
"""Of each picture, each person's answer."""


def cohen_kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Agreement of two people over the pictures that both answered (Cohen 1960).

    Returns:
        1 for full agreement, 0 for that of chance; None without pictures, or where both give one
        and the same answer to all, of which chance explains everything.
    """
    if not pairs:
        return None
    total = len(pairs)
    observed = sum(first == second for first, second in pairs) / total
    left, right = (Counter(column) for column in zip(*pairs, strict=True))
    chance = sum(left[answer] * right[answer] for answer in left) / total**2
    return None if chance == 1 else (observed - chance) / (1 - chance)


def krippendorff_alpha(answers: Answers) -> float | None:
    """Agreement of any number of people, some of whose answers may be missing, for nominal answers
    (Krippendorff 2011, Computing Krippendorff's alpha-reliability, section B).

    Returns:
        1 for full agreement, 0 for that of chance; None where fewer than two answers can be paired,
        or all answers are one and the same.
    """
    coincidences: Counter[tuple[Hashable, Hashable]] = Counter()
    for given in answers.values():
        if len(given) < 2:
            continue
        counts = Counter(given.values())
        for first, often in counts.items():
            for second, other in counts.items():
                number = often * (other - (first == second))
                coincidences[first, second] += number / (len(given) - 1)  # type: ignore[assignment]
    margins: Counter[Hashable] = Counter()
    for (first, _), number in coincidences.items():
        margins[first] += number
    total = sum(margins.values())
    expected = sum(
        margins[first] * margins[second]
        for first in margins
        for second in margins
        if first != second
    )
    if total <= 1 or not expected:
        return None
    observed = sum(number for (first, second), number in coincidences.items() if first != second)
    return 1 - (total - 1) * observed / expected


def pairwise_kappas(answers: Answers) -> dict[tuple[int, int], tuple[float | None, int]]:
    """`cohen_kappa` of each two people who answered common pictures, and how many these are."""
    pairs: dict[tuple[int, int], list[tuple[Hashable, Hashable]]] = {}
    for given in answers.values():
        for first, second in combinations(sorted(given), 2):
            pairs.setdefault((first, second), []).append((given[first], given[second]))
    return {people: (cohen_kappa(both), len(both)) for people, both in pairs.items()}
