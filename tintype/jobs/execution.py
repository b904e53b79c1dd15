"""Executing a run to its end, whatever happens: the one place where errors become a run's end."""

from __future__ import annotations

import traceback
from collections.abc import Callable
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


def _print_line(line: str) -> None:
    print(line, flush=True)


@dataclass(frozen=True)
class Outcome:
    """How an execution ended."""

    status: Literal["Completed", "Failed", "Canceled"]
    error: str | None = None
    """Why it failed, in one or two sentences."""
    exit_code: int = 0
    result: Result = field(default_factory=dict)


def execute_run(
    run: Run, context: TaskContext, say: Callable[[str], object] = _print_line
) -> Outcome:
    """Execute a run in this process and write down how it ended; nothing is raised.

    Args:
        say: takes the lines that tell of its end; several runs in one process have logs of their own.
    """
    try:
        with locked_folder(run.folder):
            outcome = _executed(run, context, say)
            run.update(status=outcome.status, error=outcome.error, ended_at=now())
            return outcome
    except OutputError as error:
        # Another worker has it, or the record cannot be written: it stays as it is.
        say(f"error: {error}")
        return Outcome("Failed", str(error), error.exit_code)


def _executed(run: Run, context: TaskContext, say: Callable[[str], object]) -> Outcome:
    kind = kind_of(run)
    document = kind.read(run.document)
    run.update(status="Preparing", started_at=now())

    def failed(message: str, exit_code: int = 1) -> Outcome:
        say(f"error: {message}")
        return Outcome("Failed", message, exit_code)

    try:
        return Outcome("Completed", result=kind.run(document, run, context))
    except RunCancelled as stopped:
        ended_early = context.stop() == "terminate"
        say(f"{'Stopped' if ended_early else 'Canceled'}: {stopped}")
        return Outcome("Canceled")
    except TintypeError as error:
        return failed(str(error), error.exit_code)
    except MemoryError:
        return failed(f"memory ran out{kind.memory_advice}")
    except Exception as error:
        say(traceback.format_exc())
        return failed(f"{type(error).__name__}: {error} (the traceback is in the job's log)")
