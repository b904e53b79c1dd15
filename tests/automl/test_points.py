"""Distributions and samplers, against values computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tintype.automl.points import GridPoints, RandomPoints
from tintype.schemas.distributions import (
    Choice,
    Distribution,
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    Randint,
    Uniform,
    parse_expression,
)
from tintype.schemas.sweep import RandomSampling

SPACE = (
    {"model_name": Choice(["a", "b"]), "learning_rate": Uniform(0.001, 0.01)},
    {"model_name": "c", "number_of_epochs": QUniform(5, 20, 5), "layers_to_freeze": Randint(3)},
)


@pytest.mark.parametrize(
    ("distribution", "u", "expected"),
    [
        (Choice(["a", "b", "c"]), 0.34, "b"),
        (Choice(["a", "b", "c"]), 1.0, "c"),
        (Randint(4), 0.75, 3),
        (Uniform(2, 4), 0.25, 2.5),
        (LogUniform(-3, -1), 0.5, math.exp(-2)),
        (QUniform(0, 1, 0.25), 0.6, 0.5),
        (QUniform(0, 1, 0.1), 0.31, 0.3),
        (QLogUniform(0, 3, 2), 0.5, 4.0),
        (Normal(5, 2), 0.5, 5.0),
        (Normal(0, 1), 0.8413447460685429, 1.0),
        (LogNormal(1, 1), 0.5, math.e),
        (QNormal(10, 4, 3), 0.5, 9.0),
        (QLogNormal(2, 1, 2), 0.5, 8.0),
    ],
)
def test_quantiles(distribution: Distribution, u: float, expected: object) -> None:
    assert distribution.quantile(u) == (
        pytest.approx(expected) if isinstance(expected, float) else expected
    )


def test_log_distributions_take_another_base() -> None:
    assert LogUniform(-3, -1).quantile(0.5, base=10) == pytest.approx(0.01)


def test_expressions_and_mappings_are_the_same() -> None:
    assert parse_expression("uniform(0.1, 0.2)") == Uniform(0.1, 0.2)
    assert parse_expression("choice('a','b')") == Choice(["a", "b"])
    assert parse_expression("choice([1, 2])") == Choice([1, 2])
    assert parse_expression("qlognormal(mu=1, sigma=2, q=0.5)") == QLogNormal(1, 2, 0.5)
    assert parse_expression("vitb16r224") is None
    with pytest.raises(ValueError, match="cannot be read"):
        parse_expression("uniform(0.1, __import__('os'))")


def test_random_points_depend_on_seed_and_number_alone() -> None:
    first = RandomPoints(SPACE, RandomSampling(seed=1))
    again = RandomPoints(SPACE, RandomSampling(seed=1))
    other = RandomPoints(SPACE, RandomSampling(seed=2))
    points = [first.point(number) for number in range(40)]
    assert [again.point(number) for number in reversed(range(40))] == points[::-1]
    assert [other.point(number) for number in range(40)] != points
    for point in points:
        if point["model_name"] == "c":
            assert set(point) == {"model_name", "number_of_epochs", "layers_to_freeze"}
            assert point["number_of_epochs"] in (5, 10, 15, 20)
            assert isinstance(point["number_of_epochs"], int)
        else:
            assert 0.001 <= point["learning_rate"] <= 0.01
    assert {point["model_name"] for point in points} == {"a", "b", "c"}


def test_sobol_points_are_spread_more_evenly_than_random_ones() -> None:
    space = ({"learning_rate": Uniform(0, 1), "momentum": Uniform(0, 1)},)

    def emptiest(rule: str) -> int:
        points = RandomPoints(space, RandomSampling(seed=3, rule=rule))  # type: ignore[arg-type]
        drawn = [points.point(number) for number in range(64)]
        counts = np.histogram2d(
            [p["learning_rate"] for p in drawn],
            [p["momentum"] for p in drawn],
            bins=4,
            range=[[0, 1], [0, 1]],
        )[0]
        return int(counts.min())

    # 64 points of a Sobol sequence put four into each of sixteen cells.
    assert emptiest("sobol") == 4
    assert emptiest("random") < 4


def test_grid_goes_through_every_combination_once() -> None:
    space = (
        {"model_name": Choice(["a", "b"]), "number_of_epochs": Choice([1, 2])},
        {"model_name": "c"},
    )
    grid = GridPoints(space)
    found = [grid.point(number) for number in range(6)]
    assert found == [
        {"model_name": "a", "number_of_epochs": 1},
        {"model_name": "a", "number_of_epochs": 2},
        {"model_name": "b", "number_of_epochs": 1},
        {"model_name": "b", "number_of_epochs": 2},
        {"model_name": "c"},
        None,
    ]
