"""Submitting a job: everything that can be checked in seconds is, before a run exists."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tintype.compute.local import start_worker
from tintype.errors import OutputError, UsageError
from tintype.jobs.batch import add_child, check_batch_job, settled
from tintype.jobs.finetuning import load_tables, reserved_output
from tintype.jobs.sweep_tables import load_sweep_tables
from tintype.jobs.trial_models import check_models
from tintype.models.checkpoint import check_obtainable
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.batch_job import BatchJob
from tintype.schemas.job import Job
from tintype.settings import get_settings
from tintype.workspace.registry import resolve_model
from tintype.workspace.runs import ACTIVE, RunRecord, RunStore

__all__ = ["check_job", "resume_job", "submit_job"]

# A run that cannot even keep its log and a small model is refused at once.
_LEAST_FREE_BYTES = 200 * 1024 * 1024


def submit_job(job: Job, *, validate: bool = True) -> RunRecord:
    """Check `job`, create its run and start its worker.

    Raises:
        UsageError: the document, the data or the checkpoint cannot be used, or the name is taken.
        OutputError: the workspace or an output cannot be written.
    """
    if isinstance(job, BatchJob):
        job = settled(job)
    if validate:
        check_job(job)
    store = RunStore()
    record = store.create(
        {
            "type": job.type,
            "experiment_name": job.experiment_name,
            **job.model_dump(mode="json", exclude={"schema_"}, exclude_unset=True),
        }
    )
    if isinstance(job, BatchJob):
        add_child(store, record.name)
    return _start(store, record.name)


def resume_job(name: str) -> RunRecord:
    """Go on with a run that failed, was killed or was canceled.

    Raises:
        UsageError: no such run, or it is running or completed.
    """
    store = RunStore()
    record = store.get(name)
    if record.parent is not None:
        job = store.ancestor(name)
        raise UsageError(
            f"{name!r} belongs to the job {job!r}; resume that: tintype job resume --name {job}"
        )
    if record.status in ACTIVE:
        raise UsageError(f"job {name!r} is {record.status.lower()}; there is nothing to resume")
    if record.status == "Completed":
        raise UsageError(f"job {name!r} is completed; there is nothing to resume")
    return _start(store, name)


def check_job(job: Job) -> None:
    """Everything that can be known before the work: data, images, checkpoint, outputs.

    Raises:
        UsageError: names what is wrong and where.
        OutputError: an output cannot be written.
    """
    settings = get_settings()
    if isinstance(job, BatchJob):
        check_batch_job(job)
        paths = [job.output_path]
    else:
        if isinstance(job, AutomlJob):
            load_sweep_tables(job)
            check_models(job)
        else:
            load_tables(job)
            check_obtainable(resolve_model(job.model_name))
        paths = [output.path for output in job.outputs.values()]
    for path in paths:
        if path is not None:
            with reserved_output(Path(path)):
                pass
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(settings.home).free
    except OSError as error:
        raise OutputError(f"cannot write the workspace {settings.home}: {error.strerror}") from None
    if not os.access(settings.home, os.W_OK):
        raise OutputError(f"cannot write the workspace {settings.home}: permission denied")
    if free < _LEAST_FREE_BYTES:
        raise OutputError(
            f"only {free // 2**20} MiB are free for the workspace {settings.home}; make room, or "
            "set TINTYPE_HOME to another disk"
        )


def _start(store: RunStore, name: str) -> RunRecord:
    worker = start_worker("tintype.jobs.worker", [name], store.path(name) / "log.txt")
    return store.update(name, status="Starting", pid=worker.pid, error=None, ended_at=None)
