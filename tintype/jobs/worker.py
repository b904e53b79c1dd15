"""The processes that execute runs: one for a job of its own, or a place in a pool for trials.

python -m tintype.jobs.worker NAME
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tintype.jobs.event_log import say_into
from tintype.jobs.execution import Outcome, execute_run
from tintype.jobs.run import Run
from tintype.tasks import Stop, TaskContext

__all__ = ["main", "run_beside_others", "run_task"]


class _Process:
    """See `TaskContext`: a process is asked to stop by SIGTERM, and nobody listens to it."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: self._asked.set())

    def send(self, body: dict[str, Any]) -> None:
        """Say nothing: what is worth knowing is in the log."""

    def stop(self) -> Stop | None:
        """Whether SIGTERM came."""
        return "cancel" if self._asked.is_set() else None


def main(name: str) -> int:
    """Execute the run called `name` to its end and return the process's exit code."""
    return execute_run(Run(name), _Process()).exit_code


def run_task(document: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Execute the run `document["run"]` as a task of a pool (see `tasks.Function`).

    Returns:
        {"state": "completed", "stopped", "canceled" or "failed", "seconds": ...}, what the execution
        itself gave, and of a failed one its "error". Nothing is raised: a trial's fault is its own.
    """
    run = Run(document["run"])
    started = time.monotonic()
    with _printed_to(run.log):
        outcome = execute_run(run, context)
    return _answer(outcome, context, started)


def run_beside_others(document: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """As `run_task`, in a process that executes other runs at the same time: for kinds that print
    nothing themselves."""
    run = Run(document["run"])
    started = time.monotonic()
    outcome = execute_run(run, context, lambda line: say_into(run.log, line))
    return _answer(outcome, context, started)


def _answer(outcome: Outcome, context: TaskContext, started: float) -> dict[str, Any]:
    state = outcome.status.lower()
    if outcome.status == "Canceled" and context.stop() == "terminate":
        state = "stopped"
    answer = {"state": state, **outcome.result, "seconds": time.monotonic() - started}
    return answer if outcome.error is None else {**answer, "error": outcome.error}


@contextlib.contextmanager
def _printed_to(path: Path) -> Iterator[None]:
    """Print into a run's own log: the pool's process has the owner's."""
    with (
        path.open("a", encoding="utf-8", buffering=1) as stream,
        contextlib.redirect_stdout(stream),
        contextlib.redirect_stderr(stream),
    ):
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
