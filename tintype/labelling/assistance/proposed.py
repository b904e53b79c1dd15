"""What an assistant proposes for pictures: labels with their confidence, groups, likely errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Group", "LikelyError", "ProposedLabels", "Suggestion"]

# A multi-label picture is suggested every label from here on.
_SUGGESTED = 0.5


@dataclass(frozen=True)
class Suggestion:
    """Labels that the assistant proposes."""

    picture: int
    labels: tuple[int, ...]
    confidence: float
    """Calibrated probability that these labels are right; multi-label, that each of them is, and no
    other."""
    source: str
    """labels (a head on what people labelled) or names (zero-shot)."""


@dataclass(frozen=True)
class Group:
    """Pictures that look alike, the most typical first."""

    pictures: tuple[int, ...]
    tightness: float
    """Mean cosine to the middle."""


@dataclass(frozen=True)
class LikelyError:
    """A labelled picture whose label may be wrong."""

    picture: int
    given: tuple[int, ...]
    proposed: tuple[int, ...]
    confidence: float


@dataclass(frozen=True)
class ProposedLabels:
    """The suggestions for many pictures, in arrays."""

    pictures: np.ndarray
    """int64 (n,): ids, ascending."""
    chosen: np.ndarray
    """int64 (n,): the place in `classes` of each one's label; multi-label, bool (n, classes)."""
    confidence: np.ndarray
    """float32 (n,)."""
    classes: tuple[int, ...]
    """Ids of labels."""
    source: str

    @classmethod
    def of(
        cls,
        pictures: Sequence[int] | np.ndarray,
        probabilities: np.ndarray,
        classes: tuple[int, ...],
        source: str,
        *,
        multilabel: bool,
    ) -> ProposedLabels:
        """
        Args:
            pictures: ids, none twice.
            probabilities: (n, classes), of each picture.
        """
        numbers = np.array(pictures, np.int64)
        order = np.argsort(numbers)
        rows = np.asarray(probabilities, np.float32)[order]
        if multilabel:
            chosen = rows >= _SUGGESTED
            confidence = np.where(chosen, rows, 1 - rows).prod(1)
        else:
            chosen = rows.argmax(1).astype(np.int64)
            confidence = rows.max(1)
        return cls(numbers[order], chosen, confidence, classes, source)

    def of_pictures(self, pictures: Sequence[int]) -> dict[int, Suggestion]:
        """Those of `pictures` that something is proposed for."""
        if not len(self.pictures):
            return {}
        wanted = np.array(pictures, np.int64)
        places = np.searchsorted(self.pictures, wanted)
        places = np.minimum(places, len(self.pictures) - 1)
        there = self.pictures[places] == wanted
        return {
            number: self._suggestion(place)
            for number, place in zip(wanted[there].tolist(), places[there].tolist(), strict=True)
        }

    def surest(self, label: int | None, least: float, limit: int) -> list[Suggestion]:
        """Those of `label` (None: any) and that confidence or more, the surest first."""
        good = self.confidence >= least
        if label is not None:
            wanted = np.array([one == label for one in self.classes])
            # This label and no other.
            alone = self.chosen.ndim == 1 or self.chosen.sum(1) == 1
            good &= (wanted[self.chosen] if self.chosen.ndim == 1 else self.chosen @ wanted) & alone
        places = np.flatnonzero(good)
        order = places[np.argsort(-self.confidence[places], kind="stable")][:limit]
        return [self._suggestion(place) for place in order.tolist()]

    def _suggestion(self, place: int) -> Suggestion:
        chosen = (
            np.flatnonzero(self.chosen[place]) if self.chosen.ndim == 2 else self.chosen[[place]]
        )
        labels = tuple(sorted(self.classes[one] for one in chosen.tolist()))
        number, confidence = int(self.pictures[place]), float(self.confidence[place])
        return Suggestion(number, labels, confidence, self.source)
