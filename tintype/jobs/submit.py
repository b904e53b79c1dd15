"""Submitting a job: everything that can be checked in seconds is, before a run exists."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any

from tintype.compute.local import start_worker
from tintype.errors import OutputError, UsageError
from tintype.jobs.kinds import KINDS
from tintype.jobs.outputs import reserved
from tintype.jobs.run import Run
from tintype.schemas.job import Job
from tintype.settings import get_settings
from tintype.workspace.computes import placed
from tintype.workspace.runs import ACTIVE, RunRecord, RunStore
from tintype.workspace.tracking import mlflow_client, new_run

__all__ = ["check_job", "resume_job", "settled_job", "submit_job"]

# A run that cannot even keep its log and a small model is refused at once.
_LEAST_FREE_BYTES = 200 * 1024 * 1024


def submit_job(job: Job, *, validate: bool = True, mlflow_name: bool = False) -> RunRecord:
    """Check `job`, create its run and start its worker.

    Args:
        mlflow_name: where the job has no name, that of the run is its id in MLflow, as with Azure.

    Raises:
        UsageError: the document, the data or the checkpoint cannot be used, or the name is taken.
        OutputError: the workspace or an output cannot be written.
    """
    kind = KINDS[job.type]
    settled = settled_job(job)
    if validate:
        check_job(settled)
    document = {
        "type": settled.type,
        "experiment_name": settled.experiment_name,
        **settled.model_dump(mode="json", exclude={"schema_"}, exclude_unset=True),
    }
    if mlflow_name and settled.name is None:
        run = _named_by_mlflow(settled, document, kind.outputs(settled))
    else:
        run = Run.create(document, outputs=kind.outputs(settled))
    kind.begin(run, settled)
    return _start(run)


def settled_job(job: Job) -> Job:
    """`job` with what its references mean now: paths absolute, `@latest` a version, a name a place.

    Raises:
        UsageError: one of them means nothing.
        TintypeError: `compute` names a Ray cluster that cannot be reached.
    """
    settled: Job = placed(KINDS[job.type].settle(job))
    return settled


def _named_by_mlflow(job: Job, document: dict[str, Any], outputs: Mapping[str, str] | None) -> Run:
    """The run of a document, which is called what MLflow calls it."""
    shown = job.display_name or RunStore().new_name()
    client = mlflow_client()
    run_id = new_run(client, job.experiment_name, shown, job.tags)
    try:
        run = Run.create({**document, "name": run_id, "display_name": shown}, outputs=outputs)
        run.update(mlflow_run_id=run_id)
    except BaseException:
        client.delete_run(run_id)
        raise
    return run


def resume_job(name: str) -> RunRecord:
    """Go on with a run that failed, was killed or was canceled.

    Raises:
        UsageError: no such run, or it is running or completed.
    """
    run = Run(name)
    record = run.state
    if record.parent is not None:
        job = run.store.ancestor(name)
        raise UsageError(
            f"{name!r} belongs to the job {job!r}; resume that: tintype job resume --name {job}"
        )
    if record.status in ACTIVE:
        raise UsageError(f"job {name!r} is {record.status.lower()}; there is nothing to resume")
    if record.status == "Completed":
        raise UsageError(f"job {name!r} is completed; there is nothing to resume")
    return _start(run)


def check_job(job: Job) -> None:
    """Everything that can be known before the work: data, images, checkpoint, outputs.

    Raises:
        UsageError: names what is wrong and where.
        OutputError: an output cannot be written.
    """
    KINDS[job.type].check(job)
    with reserved(job.output_paths()):
        pass
    _check_workspace()


def _check_workspace() -> None:
    home = get_settings().home
    try:
        home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free
    except OSError as error:
        raise OutputError(f"cannot write the workspace {home}: {error.strerror}") from None
    if not os.access(home, os.W_OK):
        raise OutputError(f"cannot write the workspace {home}: permission denied")
    if free < _LEAST_FREE_BYTES:
        raise OutputError(
            f"only {free // 2**20} MiB are free for the workspace {home}; make room, or set "
            "TINTYPE_HOME to another disk"
        )


def _start(run: Run) -> RunRecord:
    worker = start_worker("tintype.jobs.worker", [run.name], run.log)
    return run.update(status="Starting", pid=worker.pid, error=None, ended_at=None)
