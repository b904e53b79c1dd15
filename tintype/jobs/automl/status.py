"""Where a sweep stands, as a JSON file beside its run: for the live table and for the report."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from tintype.automl.study import Study, Trial
from tintype.files import write_json
from tintype.jobs.automl.trials import TrialRuns
from tintype.jobs.run import Run
from tintype.schemas.automl_job import AutomlJob

__all__ = ["FILE", "SweepStatus"]

FILE = "sweep.json"

# Seconds for the end of a job, and their share of its budget.
_LEAST_END_SECONDS, _MOST_END_SECONDS, _END_SHARE = 6.0, 30.0, 0.05

# Of a point: what its other columns say already.
_INTERNAL = ("model_name", "finetuning", "setting", "ranking", "ensemble", "backbone", "start")


class SweepStatus:
    """Writes `sweep.json`."""

    def __init__(self, job: AutomlJob, run: Run, study: Study, trials: TrialRuns) -> None:
        self._job = job
        self._name = run.name
        self._path = run.folder / FILE
        self._study = study
        self._trials = trials
        self._spent, self._started = _spent(self._path, run), time.time()
        # Time in which a killed job did not run does not count.
        self.deadline = self._started + job.seconds - self._spent - _end_seconds(job)
        """time.time() at which the trials' time is over."""
        self.notes: list[str] = []
        """What the automatic mode says of its choices, in plain words."""

    def write(self) -> None:
        """Write where the sweep stands now."""
        write_json(self._path, self.content())

    def content(self) -> dict[str, Any]:
        """The file's content."""
        best = self._study.best()
        return {
            "job": self._name,
            "metric": self._job.metric,
            "max_trials": self._job.most_trials,
            "deadline": self.deadline,
            "written": time.time(),
            "spent_seconds": self._spent + time.time() - self._started,
            "best_trial": None if best is None else best.number,
            "notes": self.notes,
            "trials": [self._row(trial) for trial in self._study.trials()],
        }

    def log(self, line: str) -> None:
        """Print a line and keep it among the notes."""
        print(line, flush=True)
        self.notes.append(line)
        self.write()

    def _row(self, trial: Trial) -> dict[str, Any]:
        ended = trial.facts.get("ended") or time.time()
        started = trial.facts.get("started") or ended
        parameters = {k: v for k, v in trial.parameters.items() if k not in _INTERNAL}
        return {
            "number": trial.number,
            "run": self._trials.run(trial.number).name,
            "model": self._trials.model(trial),
            "parameters": parameters,
            "state": trial.state,
            "metric": trial.metric,
            "intervals": trial.intervals,
            "seconds": trial.facts.get("seconds", ended - started),
            "started": started,
            "ended": trial.facts.get("ended"),
            "error": trial.facts.get("error"),
        }


def _spent(path: Path, run: Run) -> float:
    """Seconds that earlier attempts of the job have run; of the first, those since it was submitted."""
    try:
        return float(json.loads(path.read_text("utf-8"))["spent_seconds"])
    except (OSError, ValueError, KeyError):
        return max(0.0, time.time() - datetime.fromisoformat(run.state.created_at).timestamp())


def _end_seconds(job: AutomlJob) -> float:
    """What the last evaluation and the report of a job with a budget are set aside."""
    if job.budget is None:
        return 0.0
    return min(_MOST_END_SECONDS, max(_LEAST_END_SECONDS, _END_SHARE * job.budget))
