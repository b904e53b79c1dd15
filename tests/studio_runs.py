"""Runs as the studio finds them: records, logs, trials and graphs written as jobs write them."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tintype.jobs.run import Run
from tintype.workspace.runs import RunStore

__all__ = ["make_pipeline", "make_run", "make_sweep", "write_runs"]


def make_run(home: Path, name: str, **changes: Any) -> Run:
    """A run that has ended well an hour after it was made, unless `changes` of its record say otherwise."""
    store = RunStore(home)
    document = {
        "type": changes.pop("type", "finetuning"),
        "name": name,
        "experiment_name": changes.pop("experiment_name", "photos"),
        "display_name": changes.pop("display_name", name),
        **changes.pop("document", {"model_name": "tintype/resnet-small"}),
    }
    run = Run.create(document, store=store, parent=changes.pop("parent", None))
    made = datetime.datetime.fromisoformat(run.state.created_at)
    ended = (made + datetime.timedelta(hours=1)).isoformat()
    given = {
        "status": "Completed",
        "started_at": run.state.created_at,
        "ended_at": ended,
        "metrics": {"accuracy": 0.75},
    }
    run.update(**{**given, **changes})
    return run


def make_sweep(home: Path, name: str, count: int, **changes: Any) -> Run:
    """A sweep with `count` trials, of which the last still runs."""
    run = make_run(home, name, type="automl", **changes)
    trials = [
        {
            "number": number,
            "run": f"{name}_{number}",
            "model": "tintype/resnet-small",
            "parameters": {"learning_rate": 0.001 * 2**number, "batch_size": 8 + 8 * (number % 2)},
            "state": "running" if number == count - 1 else "completed",
            "metric": None if number == count - 1 else 0.5 + 0.01 * number,
            "intervals": [0.3, 0.4 + 0.01 * number],
            "seconds": 60.0 + number,
            "started": 1.0,
            "ended": None,
            "error": None,
        }
        for number in range(count)
    ]
    content = {
        "job": name,
        "metric": "accuracy",
        "max_trials": 20,
        "deadline": 4e9,
        "written": 1.0,
        "spent_seconds": 1.0,
        "best_trial": max(0, count - 2),
        "notes": ["Nothing to note."],
        "trials": trials,
    }
    (run.folder / "sweep.json").write_text(json.dumps(content))
    return run


def make_pipeline(home: Path, name: str, **changes: Any) -> Run:
    """A pipeline of three steps: one has failed, so one never began."""
    run = make_run(home, name, type="pipeline", **changes)
    steps = [
        step("train", [], "Completed", f"{name}_train"),
        step("evaluate", ["train"], "Failed", f"{name}_evaluate", error="no picture could be read"),
        step("register", ["train", "evaluate"], "NotStarted", f"{name}_register", started=None),
    ]
    (run.folder / "graph.json").write_text(
        json.dumps({"job": name, "written": 90.0, "steps": steps})
    )
    return run


def step(name: str, needs: list[str], status: str, run: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "finetuning",
        "needs": needs,
        "run": run,
        "status": status,
        "started": 10.0,
        "ended": 70.0,
        "reused_from": None,
        "error": None,
        **more,
    }


def write_runs(home: Path, count: int) -> None:
    """Many ended runs at once, `Run 00000` the oldest: their files alone, without a check of each."""
    record = asdict(make_run(home, "run-00000", display_name="Run 00000").state)
    began = datetime.datetime.fromisoformat(record["created_at"])
    for number in range(1, count):
        name = f"run-{number:05}"
        moment = (began + datetime.timedelta(seconds=number)).isoformat()
        status = ("Completed", "Completed", "Failed", "Canceled")[number % 4]
        changes = {
            "name": name,
            "display_name": f"Run {number:05}",
            "created_at": moment,
            "experiment_name": f"experiment-{number % 7}",
            "status": status,
            "metrics": {"accuracy": (number * 7919 % 1000) / 1000},
        }
        folder = home / "runs" / name
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps({**record, **changes}))
        (folder / "job.json").write_text(json.dumps({"type": "finetuning", "name": name}))
