"""The study: durable, resumable, and never giving a number twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tintype.automl.importance import parameter_importance
from tintype.automl.study import Proposals, Study
from tintype.schemas.distributions import Choice, QUniform, Uniform
from tintype.schemas.sweep import BayesianSampling, GridSampling, RandomSampling

SPACE = (
    {
        "model_name": Choice(["a", "b"]),
        "learning_rate": Uniform(0, 1),
        "number_of_epochs": QUniform(2, 8, 2),
    },
)


def test_a_reopened_study_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    uninterrupted = Study(tmp_path / "other.db")
    proposals = Proposals(uninterrupted, SPACE, RandomSampling(seed=5))
    expected = [proposals.propose().parameters for _ in range(4)]  # type: ignore[union-attr]
    points = []
    for number in range(4):
        study = Study(path)
        trial = Proposals(study, SPACE, RandomSampling(seed=5)).propose()
        assert trial is not None
        assert trial.number == number
        points.append(trial.parameters)
        study.report(number, 10, 0.1 * number)
        study.report(number, 20, 0.2 * number)
        study.report(number, 20, 0.9)  # a resumed trial may say it again
        if number != 2:
            study.tell(number, "completed", 0.2 * number)
    assert points == expected
    trials = Study(path).trials()
    assert [trial.state for trial in trials] == ["completed", "completed", "running", "completed"]
    assert trials[1].intervals == pytest.approx([0.1, 0.2])
    best = Study(path).best()
    assert best is not None
    assert best.number == 3


def test_stopped_and_failed_trials_keep_what_is_known_of_them(tmp_path: Path) -> None:
    study = Study(tmp_path / "study.db")
    for _ in range(2):
        study.ask_at({"learning_rate": 0.1})
    study.tell(0, "stopped", 0.4)
    study.note(1, error="memory ran out")
    study.tell(1, "failed")
    stopped, failed = study.trials()
    assert (stopped.state, stopped.metric) == ("stopped", 0.4)
    assert (failed.state, failed.facts["error"]) == ("failed", "memory ran out")
    assert study.best() is None


def test_a_grid_ends(tmp_path: Path) -> None:
    study = Study(tmp_path / "study.db")
    proposals = Proposals(study, ({"momentum": Choice([0.5, 0.9])},), GridSampling())
    assert proposals.propose() is not None
    assert proposals.propose() is not None
    assert proposals.propose() is None


def test_bayesian_sampling_finds_the_better_half(tmp_path: Path) -> None:
    """Thirty trials of a known function: the later ones are nearer its top than random ones."""

    def value(point: dict[str, object]) -> float:
        bonus = 0.3 if point["model_name"] == "b" else 0.0
        return bonus - (float(point["learning_rate"]) - 0.7) ** 2  # type: ignore[arg-type]

    def mean_of_last(sampling: object) -> float:
        study = Study(tmp_path / f"{type(sampling).__name__}.db")
        proposals = Proposals(study, SPACE, sampling)  # type: ignore[arg-type]
        found = []
        for _ in range(30):
            trial = proposals.propose()
            assert trial is not None
            assert isinstance(trial.parameters["number_of_epochs"], int)
            assert trial.parameters["number_of_epochs"] in (2, 4, 6, 8)
            found.append(value(trial.parameters))
            study.tell(trial.number, "completed", found[-1])
        return sum(found[15:]) / 15

    assert mean_of_last(BayesianSampling()) > mean_of_last(RandomSampling()) + 0.05


def test_importance_names_what_matters() -> None:
    points = [
        {"learning_rate": rate, "optimizer": optimizer, **({"momentum": 0.9} if rate > 3 else {})}
        for rate in (1.0, 2.0, 3.0, 4.0)
        for optimizer in ("sgd", "adam")
    ]
    shares = parameter_importance(points, [point["learning_rate"] for point in points])  # type: ignore[misc]
    assert shares["learning_rate"] > 0.5
    assert shares["optimizer"] < 0.1
    assert parameter_importance(points[:2], [1.0, 2.0]) == {}
