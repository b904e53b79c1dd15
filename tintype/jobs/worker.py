"""The process that executes one run: `python -m tintype.jobs.worker NAME`."""

from __future__ import annotations

import signal
import sys
import threading
import traceback

from tintype.errors import OutputError, RunCancelled, TintypeError
from tintype.files import locked_folder
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.batch_job import BatchJob
from tintype.schemas.job import stored_job
from tintype.workspace.runs import RunStore, now

__all__ = ["main"]


def main(name: str) -> int:
    """Execute the run called `name` to its end and return the process's exit code."""
    asked_to_stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked_to_stop.set())
    store = RunStore()
    try:
        with locked_folder(store.path(name)):
            return _execute(store, name, asked_to_stop)
    except OutputError as error:
        print(f"error: {error}", flush=True)
        return error.exit_code


def _execute(store: RunStore, name: str, asked_to_stop: threading.Event) -> int:
    job = stored_job(store.document(name))
    store.update(name, status="Preparing", started_at=now())
    try:
        # Each imports a lot that the others do not need.
        if isinstance(job, AutomlJob):
            from tintype.jobs.automl import run_automl

            run_automl(job, name, store, cancelled=asked_to_stop.is_set)
        elif isinstance(job, BatchJob):
            from tintype.jobs.batch import run_batch_job

            run_batch_job(job, name, store, cancelled=asked_to_stop.is_set)
        else:
            from tintype.jobs.finetuning import run_finetuning

            run_finetuning(job, name, store, cancelled=asked_to_stop.is_set)
    except RunCancelled as stopped:
        print(f"Canceled: {stopped}", flush=True)
        return _end(store, name, "Canceled", 0, None)
    except TintypeError as error:
        print(f"error: {error}", flush=True)
        return _end(store, name, "Failed", error.exit_code, str(error))
    except MemoryError:
        message = "memory ran out"
        if not isinstance(job, BatchJob):
            message += "; lower training_batch_size or the image size"
        print(f"error: {message}", flush=True)
        return _end(store, name, "Failed", 1, message)
    except Exception as error:
        traceback.print_exc()
        message = f"{type(error).__name__}: {error} (the traceback is in the job's log)"
        return _end(store, name, "Failed", 1, message)
    return _end(store, name, "Completed", 0, None)


def _end(store: RunStore, name: str, status: str, code: int, error: str | None) -> int:
    store.update(name, status=status, error=error, ended_at=now())
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
