"""What a job's log says: notices, and training events (which are MLflow metrics, too)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tintype.workspace.tracking import MlflowRun

__all__ = ["log_event", "log_notices", "say_into"]

_SHOWN = (
    "step",
    "epoch",
    "training_loss",
    "learning_rate",
    "images_per_second",
    "loss",
    "accuracy",
    "iou",
    "f1_score_macro",
    "batch_size",
    "device",
    "precision",
    "total_steps",
    "training_rows",
    "validation_rows",
)


def log_notices(notices: Iterable[str]) -> None:
    """Print a line for each thing that people should know of the job."""
    for notice in notices:
        print(f"notice: {notice}", flush=True)


def say_into(log: Path, *lines: str) -> None:
    """Write lines to the end of a run's own log, for work that shares its process with other runs."""
    if lines:
        with log.open("a", encoding="utf-8") as stream:
            stream.write("".join(f"{line}\n" for line in lines))


def log_event(event: dict[str, Any], run: MlflowRun) -> None:
    """Print one line and record the event's numbers."""
    kind = event["event"]
    if kind == "notice":
        log_notices([event["message"]])
        return
    if kind in ("training", "evaluation"):
        numbers = {
            key: value
            for key, value in event.items()
            if isinstance(value, int | float) and key != "step"
        }
        run.log_metrics(numbers, event["step"])
    if kind == "plan":
        run.log_params({f"plan.{key}": value for key, value in event.items() if key != "event"})
    print(_line(event), flush=True)


def _line(event: dict[str, Any]) -> str:
    """One log line: the event, then its figures."""
    parts = [
        f"{key} {event[key]:.5g}" if isinstance(event[key], float) else f"{key} {event[key]}"
        for key in _SHOWN
        if key in event
    ]
    return f"{event['event']:<11} " + "  ".join(parts)
