"""The best trial goes on with the images of validation: when, for how long, and what becomes of it."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pictures import write_class_folders

from tintype.automl.settings_to_try import Setting, setting_key
from tintype.automl.study import Study, Trial
from tintype.data import read_image_table
from tintype.data.splits import split_validation
from tintype.errors import RunCancelled
from tintype.jobs.automl import refitting
from tintype.jobs.automl.refitting import refit, refit_growth
from tintype.tasks import Message


class Pool:
    """A pool that gives one result."""

    def __init__(self, result: dict[str, Any] | None) -> None:
        self.result = result
        self.stops: list[str] = []

    def start(self, task: str, document: dict[str, Any]) -> None:
        self.document = document

    def stop(self, task: str, how: str) -> None:
        self.stops.append(how)

    def wait(self, seconds: float) -> list[Message]:
        if self.result is None:
            return [Message("refit", "lost", {"reason": "killed"})]
        return [Message("refit", "done", self.result)]


class Trials:
    """What is asked of `TrialRuns`."""

    refit_run = "the run"

    def run(self, number: int) -> Any:
        return SimpleNamespace(name=f"job_HD_{number}")

    def refit_document(self, best: Trial, epochs: dict[int, int]) -> dict[str, Any]:
        return {"epochs": epochs}


def finished(folder: Path, *points: dict[str, Any], epochs: int = 8) -> list[Trial]:
    """Trials of ten seconds an epoch, the last one the best."""
    study = Study(folder / "study.db")
    for metric, parameters in enumerate(points, 1):
        trial = study.ask_at(parameters)
        for step in range(epochs):
            study.report(trial.number, step, 0.5)
        study.note(trial.number, seconds=90.0, epoch_seconds=10.0)
        study.tell(trial.number, "completed", 0.9 * metric / len(points))
    return study.trials()


def network(epochs: int, **more: Any) -> dict[str, Any]:
    setting = Setting("a", "full", **more)
    return {"setting": list(setting_key(setting)), "epochs": epochs}


def went_on(trials: list[Trial], pool: Pool, *, seconds: float, cancelled: bool = False) -> Any:
    said: list[str] = []
    found = refit(
        Trials(),  # type: ignore[arg-type]
        trials[-1],
        trials,
        pool,  # type: ignore[arg-type]
        growth=1.25,
        end=time.time() + seconds,
        cancelled=lambda: cancelled,
        log=said.append,
    )
    return found, said


DONE = {"complete": True, "metric": 0.99}


def test_it_has_as_many_epochs_as_fit(tmp_path: Path) -> None:
    # Ended early, by its own results.
    trials = finished(tmp_path, network(15))
    pool = Pool(DONE)
    run, said = went_on(trials, pool, seconds=1000)
    # No more than it has had.
    assert (run, pool.document) == ("the run", {"epochs": {0: 8}})
    assert "8 epochs more" in said[0]
    # An epoch of a quarter more images takes 12.5 s, 8 s are for the rest, and some are kept in hand.
    pool = Pool(DONE)
    went_on(trials, pool, seconds=50)
    assert pool.document == {"epochs": {0: int(0.92 * 42 / 12.5)}}
    run, said = went_on(trials, Pool(DONE), seconds=20)
    assert run is None
    assert "No time is left" in said[0]


@pytest.mark.parametrize(("more", "wanted"), [({}, 15), ({"rate": 3.0, "frozen": 0.3}, 20)])
def test_what_was_cut_short_may_go_on_for_longer(
    tmp_path: Path, more: dict[str, Any], wanted: int
) -> None:
    pool = Pool(DONE)
    went_on(finished(tmp_path, network(8, **more)), pool, seconds=1000)
    assert pool.document == {"epochs": {0: wanted}}


def test_every_member_of_an_ensemble_goes_on(tmp_path: Path) -> None:
    members = [{"trial": f"job_HD_{number}"} for number in (0, 1)]
    points = [{"ranking": True}, network(15), network(15), {"ensemble": members}]
    trials = finished(tmp_path, *points)
    pool = Pool(DONE)
    _, said = went_on(trials, pool, seconds=1000)
    # The ranking's head has no epochs, and trial 2 takes no part.
    assert pool.document == {"epochs": {1: 8}}
    assert "8 epochs more, heads fitted again" in said[0]
    # Heads take a part of the ranking's 90 s.
    pool = Pool(DONE)
    went_on(trials, pool, seconds=36 + 8 + 50)
    assert pool.document == {"epochs": {1: int(0.92 * 50 / 12.5)}}
    assert went_on(trials, Pool(DONE), seconds=50)[0] is None


def test_a_head_is_fitted_again(tmp_path: Path) -> None:
    trials = finished(tmp_path, {"ranking": True})
    pool = Pool(DONE)
    run, said = went_on(trials, pool, seconds=40)
    assert (run, pool.document) == ("the run", {"epochs": {}})
    assert "heads fitted again" in said[0]
    assert went_on(trials, Pool(DONE), seconds=30)[0] is None


@pytest.mark.parametrize(
    "result",
    [None, {"complete": False, "metric": 0.99}, {"complete": True, "metric": 0.89}, {"error": "x"}],
)
def test_what_is_worse_or_not_whole_is_left(tmp_path: Path, result: dict[str, Any] | None) -> None:
    run, said = went_on(finished(tmp_path, network(15)), Pool(result), seconds=1000)
    assert run is None
    assert "stays as it is" in said[-1]


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    pool = Pool({"state": "canceled"})
    with pytest.raises(RunCancelled):
        went_on(finished(tmp_path, network(15)), pool, seconds=1000, cancelled=True)
    assert pool.stops == ["cancel"]


def test_only_images_that_we_held_out_are_learnt_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Job:
        mode = "automatic"

    class Tables:
        def __init__(self, train: Any, held_out: Any) -> None:
            self.train, self.held_out = train, held_out

    table = read_image_table(write_class_folders(tmp_path / "train", per_class=10))
    train, held_out = split_validation(table, fraction=0.2, seed=1, stratified=True)
    growth = refit_growth(Job(), Tables(train, held_out))  # type: ignore[arg-type]
    assert growth == pytest.approx(20 / 16)
    both = train.joined_with(held_out)
    assert sorted(both.locations()) == sorted(table.locations())
    assert np.array_equal(np.bincount(both.targets()), [10, 10])
    own = read_image_table(write_class_folders(tmp_path / "validation", per_class=4))
    assert refit_growth(Job(), Tables(train, own)) == 0.0  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="of one table"):
        train.joined_with(own)
    monkeypatch.setattr(refitting, "_MOST_IMAGES", 19)
    assert refit_growth(Job(), Tables(train, held_out)) == 0.0  # type: ignore[arg-type]
    Job.mode = "manual"
    assert refit_growth(Job(), Tables(train, held_out)) == 0.0  # type: ignore[arg-type]
