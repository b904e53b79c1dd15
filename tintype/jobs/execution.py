"""Executing a run to its end, whatever happens: the one place where errors become a run's end."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import Literal

from tintype.errors import OutputError, RunCancelled, TintypeError
from tintype.files import locked_folder
from tintype.jobs.kind import Result
from tintype.jobs.kinds import kind_of
from tintype.jobs.run import Run
from tintype.tasks import TaskContext
from tintype.workspace.runs import now

__all__ = ["Outcome", "execute_run"]


@dataclass(frozen=True)
class Outcome:
    """How an execution ended."""

    status: Literal["Completed", "Failed", "Canceled"]
    error: str | None = None
    """Why it failed, in one or two sentences."""
    exit_code: int = 0
    result: Result = field(default_factory=dict)


def execute_run(run: Run, context: TaskContext) -> Outcome:
    """Execute a run in this process and write down how it ended; nothing is raised."""
    try:
        with locked_folder(run.folder):
            outcome = _executed(run, context)
            run.update(status=outcome.status, error=outcome.error, ended_at=now())
            return outcome
    except OutputError as error:
        # Another worker has it, or the record cannot be written: it stays as it is.
        print(f"error: {error}", flush=True)
        return Outcome("Failed", str(error), error.exit_code)


def _executed(run: Run, context: TaskContext) -> Outcome:
    kind = kind_of(run)
    document = kind.read(run.document)
    run.update(status="Preparing", started_at=now())
    try:
        return Outcome("Completed", result=kind.run(document, run, context))
    except RunCancelled as stopped:
        ended_early = context.stop() == "terminate"
        print(f"{'Stopped' if ended_early else 'Canceled'}: {stopped}", flush=True)
        return Outcome("Canceled")
    except TintypeError as error:
        return _failed(str(error), error.exit_code)
    except MemoryError:
        return _failed(f"memory ran out{kind.memory_advice}")
    except Exception as error:
        traceback.print_exc()
        return _failed(f"{type(error).__name__}: {error} (the traceback is in the job's log)")


def _failed(message: str, exit_code: int = 1) -> Outcome:
    print(f"error: {message}", flush=True)
    return Outcome("Failed", message, exit_code)
