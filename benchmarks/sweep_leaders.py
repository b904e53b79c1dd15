"""The trials of a finished sweep that were the best so far when they ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path


def sweep_leaders(runs: Path, job: str) -> Iterator[tuple[float, Path]]:
    """When each ended, as time.time() tells it, and its model folder; best by validation.

    Args:
        runs: the workspace's folder of runs.
        job: the sweep's name.
    """
    sweep = json.loads((runs / job / "sweep.json").read_text())
    best = -1.0
    for trial in sorted(sweep["trials"], key=lambda trial: trial["ended"] or 0):
        if trial["state"] == "completed" and trial["metric"] > best:
            best = trial["metric"]
            yield trial["ended"], runs / trial["run"] / "outputs" / "mlflow-model"
