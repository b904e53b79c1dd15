"""Points of a search space: which hyperparameters trial number n gets.

Random and grid points depend on the seed and the trial's number alone, so a sweep that was killed
draws, when it goes on, what it would have drawn. Bayesian points come from the study (`study.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tintype.schemas.distributions import Choice, Distribution
from tintype.schemas.sweep import GridSampling, RandomSampling

__all__ = ["GridPoints", "RandomPoints", "SearchSpace", "count_grid_points"]

SearchSpace = Sequence[Mapping[str, Any]]
"""Sub-spaces: hyperparameter -> scalar or `Distribution`."""

_SEED = 42


class RandomPoints:
    """Independent or Sobol points; each picks a sub-space first, all as likely."""

    def __init__(self, space: SearchSpace, sampling: RandomSampling) -> None:
        self._space = space
        self._sampling = sampling
        self._seed = _SEED if sampling.seed is None else sampling.seed
        # With several sub-spaces one coordinate picks among them; the others are distributions'.
        self._picking = int(len(space) > 1)
        self._dimensions = max(1, self._picking + max(len(_searched(part)) for part in space))

    def point(self, number: int) -> dict[str, Any]:
        """The hyperparameters of trial `number`, from 0."""
        unit = self._unit(number)
        picked = int(unit[0] * len(self._space)) if self._picking else 0
        return draw(self._space[picked], unit[self._picking :].tolist(), base=self._sampling.base)

    def _unit(self, number: int) -> np.ndarray:
        """float64 (dimensions,) in [0, 1)."""
        if self._sampling.rule == "random":
            return np.random.default_rng([self._seed, number]).random(self._dimensions)
        from scipy.stats import qmc

        sequence = qmc.Sobol(self._dimensions, scramble=True, rng=self._seed)
        if number:
            sequence.fast_forward(number)
        return sequence.random(1)[0]


class GridPoints:
    """Every combination, sub-space after sub-space; the last named parameter changes fastest."""

    def __init__(self, space: SearchSpace, sampling: GridSampling | None = None) -> None:
        self._points = [
            dict(zip(part, values, strict=True))
            for part in space
            for values in itertools.product(*(_choices(value) for value in part.values()))
        ]

    def point(self, number: int) -> dict[str, Any] | None:
        """The hyperparameters of trial `number`, from 0; None beyond the last combination."""
        return self._points[number] if number < len(self._points) else None


def draw(part: Mapping[str, Any], unit: Sequence[float], *, base: float) -> dict[str, Any]:
    """The point of the sub-space `part` at the place `unit` of the unit cube."""
    places = iter(unit)
    return {
        name: as_parameter(name, value.quantile(float(next(places)), base=base))
        if isinstance(value, Distribution)
        else value
        for name, value in part.items()
    }


def as_parameter(name: str, value: Any) -> Any:
    """`value` in the type of the hyperparameter `name`: whole numbers where only those are allowed.

    Inputs of commands, which are no hyperparameters of ours, stay as they are drawn.
    """
    from tintype.schemas.automl_parameters import AutomlParameters

    known = AutomlParameters.model_fields.get(name)
    if known is None or "float" in str(known.annotation):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def count_grid_points(space: SearchSpace) -> int:
    """Combinations of all sub-spaces."""
    return sum(
        int(np.prod([len(_choices(value)) for value in part.values()] or [1])) for part in space
    )


def _searched(part: Mapping[str, Any]) -> list[str]:
    return [name for name, value in part.items() if isinstance(value, Distribution)]


def _choices(value: Any) -> list[Any]:
    return list(value.values) if isinstance(value, Choice) else [value]
