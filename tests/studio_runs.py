"""Runs as the studio finds them: records, logs, trials and graphs written as jobs write them."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from tintype.jobs.run import Run
from tintype.workspace.runs import RunStore

__all__ = ["make_pipeline", "make_run", "make_sweep"]


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
