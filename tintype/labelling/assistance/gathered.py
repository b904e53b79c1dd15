"""Features in memory of the pictures that an assistant looks at again and again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tintype.labelling.assistance.feature_space import FeatureSpace
from tintype.labelling.assistance.features import Features

__all__ = ["GatheredFeatures"]

# Room for pictures to come, as a share of those that there are.
_SPARE = 0.25

# The space is found anew when there are so many times as many pictures.
_GROWN = 1.25


class GatheredFeatures:
    """Rows of features, and their places in a space that they make; what was gathered once is not gathered again."""

    def __init__(self, features: Features) -> None:
        self._features, self._replaced = features, features.replaced()
        self._places: dict[int, int] = {}
        self._rows = np.zeros((0, 0), np.float32)
        self._space, self._made_of = FeatureSpace.of(self._rows), 0
        self._placed = self._rows

    def hold(self, pictures: Sequence[int]) -> None:
        """Have the rows of `pictures`, each of which has features."""
        replaced = self._features.replaced()
        if replaced != self._replaced:
            # In other arrays: who still works with the old ones is not to see them change.
            self._replaced, self._places, self._rows = replaced, {}, self._rows[:0]
            self._made_of = 0
        missing = [number for number in pictures if number not in self._places]
        if not missing:
            return
        rows = self._features.gather(missing).reshape(len(missing), -1)
        there = len(self._places)
        if there + len(missing) > len(self._rows) or rows.shape[1] != self._rows.shape[1]:
            there = self._make_room(pictures, rows.shape[1])
        self._places |= {number: there + place for place, number in enumerate(missing)}
        count = there + len(missing)
        self._rows[there:count] = rows
        if count > _GROWN * self._made_of:
            self._space, self._made_of = FeatureSpace.of(self._rows[:count]), count
            self._placed = np.zeros((len(self._rows), self._space.axes.shape[1]), np.float32)
            there = 0
        self._placed[there:count] = self._space.placed(self._rows[there:count])

    @property
    def rows(self) -> np.ndarray:
        """float32 (m, D): every row that is held; those that `places` gives are never altered."""
        return self._rows

    @property
    def space(self) -> FeatureSpace:
        """Of these rows."""
        return self._space

    @property
    def placed(self) -> np.ndarray:
        """float32 (m, r): the rows in that space."""
        return self._placed

    def places(self, pictures: Sequence[int]) -> np.ndarray:
        """int64: which of the rows those of `pictures` are, all of which are held."""
        return np.array([self._places[number] for number in pictures], np.int64)

    def _make_room(self, pictures: Sequence[int], width: int) -> int:
        """Keep rows of `pictures` alone, with room for all of them and some more; how many those are."""
        kept = [number for number in pictures if number in self._places]
        room = len(pictures) + int(_SPARE * len(pictures)) + 1
        rows = np.zeros((room, width), np.float32)
        placed = np.zeros((room, self._placed.shape[1]), np.float32)
        if kept:
            there = self.places(kept)
            rows[: len(kept)], placed[: len(kept)] = self._rows[there], self._placed[there]
        self._rows, self._placed = rows, placed
        self._places = {number: place for place, number in enumerate(kept)}
        return len(kept)
