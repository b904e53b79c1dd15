"""The best trial goes on with the images of validation: when, for how long, and what becomes of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import write_class_folders

from tintype.automl.study import Study, Trial
from tintype.data import read_image_table
from tintype.data.splits import split_validation
from tintype.errors import RunCancelled
from tintype.jobs.automl import refitting
from tintype.jobs.automl.refitting import refit, refit_share
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

    def refit_document(self, best: Trial, *, epochs: int) -> dict[str, Any]:
        return {"epochs": epochs}


def best_trial(folder: Path, *, metric: float = 0.9, **parameters: Any) -> Trial:
    study = Study(folder / "study.db")
    trial = study.ask_at(parameters or {"setting": ["a", "full"]})
    for step in range(8):
        study.report(trial.number, step, 0.5)
    study.note(trial.number, seconds=90.0, epoch_seconds=10.0)
    study.tell(trial.number, "completed", metric)
    found = study.best()
    assert found is not None
    return found


def went_on(trial: Trial, pool: Pool, *, seconds: float, cancelled: bool = False) -> Any:
    said: list[str] = []
    found = refit(
        Trials(),  # type: ignore[arg-type]
        trial,
        pool,  # type: ignore[arg-type]
        share=0.6 * 1.25,
        end=time.time() + seconds,
        cancelled=lambda: cancelled,
        log=said.append,
    )
    return found, said


def test_it_has_as_many_epochs_as_fit(tmp_path: Path) -> None:
    trial = best_trial(tmp_path)
    done = {"complete": True, "metric": 0.99}
    pool = Pool(done)
    run, said = went_on(trial, pool, seconds=1000)
    # No more than it has had.
    assert (run, pool.document) == ("the run", {"epochs": 8})
    assert "8 epochs more" in said[0]
    # An epoch of a quarter more images takes 12.5 s, and 8 s are for the rest.
    pool = Pool(done)
    went_on(trial, pool, seconds=50)
    assert pool.document == {"epochs": 3}
    run, said = went_on(trial, Pool(done), seconds=20)
    assert run is None
    assert "No time is left" in said[0]


@pytest.mark.parametrize(
    "result",
    [None, {"complete": False, "metric": 0.99}, {"complete": True, "metric": 0.89}, {"error": "x"}],
)
def test_what_is_worse_or_not_whole_is_left(tmp_path: Path, result: dict[str, Any] | None) -> None:
    run, said = went_on(best_trial(tmp_path), Pool(result), seconds=1000)
    assert run is None
    assert "stays as it is" in said[-1]


def test_an_ensemble_does_not_go_on(tmp_path: Path) -> None:
    pool = Pool({"complete": True, "metric": 1.0})
    assert went_on(best_trial(tmp_path, ensemble=[]), pool, seconds=1000) == (None, [])


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    pool = Pool({"state": "canceled"})
    with pytest.raises(RunCancelled):
        went_on(best_trial(tmp_path), pool, seconds=1000, cancelled=True)
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
    share = refit_share(Job(), Tables(train, held_out))  # type: ignore[arg-type]
    assert share == pytest.approx(0.6 * 20 / 16)
    both = train.joined_with(held_out)
    assert sorted(both.locations()) == sorted(table.locations())
    assert np.array_equal(np.bincount(both.targets()), [10, 10])
    own = read_image_table(write_class_folders(tmp_path / "validation", per_class=4))
    assert refit_share(Job(), Tables(train, own)) == 0.0  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="of one table"):
        train.joined_with(own)
    monkeypatch.setattr(refitting, "_MOST_IMAGES", 19)
    assert refit_share(Job(), Tables(train, held_out)) == 0.0  # type: ignore[arg-type]
    Job.mode = "manual"
    assert refit_share(Job(), Tables(train, held_out)) == 0.0  # type: ignore[arg-type]
