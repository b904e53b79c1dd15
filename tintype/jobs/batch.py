"""The walk *batch job*: what invoking a batch endpoint starts. Its one child run holds the output.

runs/<job>/                                the job: document, log
runs/<job>_batchscoring/outputs/score/     what `tintype batch` would write, unless the job says
                                           another folder with output_path
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tintype.batch.inputs import find_inputs
from tintype.batch.options import SHARD_ROWS, BatchOptions, Retries
from tintype.errors import RunCancelled, TintypeError, UsageError
from tintype.models.checkpoint import check_obtainable
from tintype.schemas.batch_job import BatchJob
from tintype.workspace.data_assets import resolve_data
from tintype.workspace.registry import resolve_model
from tintype.workspace.runs import RunStore, now
from tintype.workspace.tracking import MlflowRun

if TYPE_CHECKING:
    from tintype.batch.summary import BatchSummary

__all__ = [
    "OUTPUT_NAME",
    "add_child",
    "check_batch_job",
    "child_name",
    "run_batch_job",
    "score_folder",
]

OUTPUT_NAME = "score"
"""Azure's name for the rows of a batch job."""

_JOB_OUTPUT = re.compile(rf"azureml://jobs/(?P<job>[^/]+)/outputs/{OUTPUT_NAME}/paths/(?P<path>.*)")

_PER_PASS = 32


def child_name(job: str) -> str:
    """The run that holds the output of the batch job `job`."""
    return f"{job}_batchscoring"


def score_folder(store: RunStore, name: str) -> Path:
    """Where the output of a batch job lies; `name` is the job or its child.

    Raises:
        UsageError: no such run.
    """
    record = store.get(name)
    job = record.parent or name
    given = store.document(job).get("output_path")
    return Path(given) if given else store.path(child_name(job)) / "outputs" / OUTPUT_NAME


def add_child(store: RunStore, name: str) -> None:
    """Make the child run of a new batch job."""
    document = store.document(name)
    store.create(
        {
            "type": "batch",
            "name": child_name(name),
            "display_name": "batchscoring",
            "experiment_name": document["experiment_name"],
        },
        parent=name,
    )
    store.update(child_name(name), status="Starting")


def check_batch_job(job: BatchJob) -> None:
    """What can be known in seconds of a `settled` job: the model can be had, and every input has
    something to read.

    Raises:
        UsageError: names what is wrong.
    """
    check_obtainable(job.model)
    for files in job.inputs.values():
        next(find_inputs(files.path, Counter()))
    if job.output_path is not None and (Path(job.output_path) / "summary.json").exists():
        raise UsageError(f"{job.output_path} holds a finished batch; choose another output path")


def settled(job: BatchJob) -> BatchJob:
    """`job` with its model and inputs as they are now, whatever `@latest` will mean later.

    Raises:
        UsageError: one of them does not exist.
    """
    inputs = {
        key: files.model_copy(update={"path": _data(files.path)})
        for key, files in job.inputs.items()
    }
    return job.model_copy(update={"model": resolve_model(job.model), "inputs": inputs})


def run_batch_job(
    job: BatchJob, name: str, store: RunStore, *, cancelled: Callable[[], bool]
) -> None:
    """Execute `job` in the run folder `name`; begun anew, it goes on from its last shard.

    Raises:
        TintypeError: whatever ends the run; `RunCancelled` when `cancelled` said so.
    """
    for notice in job.notices():
        print(f"notice: {notice}", flush=True)
    child = child_name(name)
    os.environ.update(job.settings.environment_variables)
    store.update(name, status="Running")
    store.update(child, status="Running", started_at=now(), ended_at=None, error=None)
    try:
        summary = _scored(job, score_folder(store, name), cancelled)
    except BaseException as error:
        stopped = isinstance(error, RunCancelled)
        reason = str(error) if isinstance(error, TintypeError) and not stopped else None
        status = "Canceled" if stopped else "Failed"
        store.update(child, status=status, error=reason, ended_at=now())
        raise
    metrics = {
        "rows": float(summary.rows),
        "failed_rows": float(summary.failed),
        "failed_files": float(summary.failed_files),
        "images_per_second": summary.images_per_second,
    }
    _track(job, name, store, metrics)
    store.update(child, status="Completed", metrics=metrics, ended_at=now())
    store.update(name, metrics=metrics)
    print(
        f"Completed: {summary.succeeded:,} of {summary.rows:,} rows, "
        f"{summary.images_per_second:,} images/s; the output is in {score_folder(store, name)}",
        flush=True,
    )


def _scored(job: BatchJob, folder: Path, cancelled: Callable[[], bool]) -> BatchSummary:
    # Imports torch.
    from tintype.batch.runner import run_batch

    tells = job.settings.logging_level != "warning"
    return run_batch(
        job.model,
        {key: files.path for key, files in job.inputs.items()},
        folder,
        options=_options(job),
        loading=job.scoring.loading(),
        cancelled=cancelled,
        tell=lambda line: print(line, flush=True) if tells else None,
    )


def _data(reference: str) -> str:
    """The files that an input names: a data asset's, or another batch job's output."""
    output = _JOB_OUTPUT.fullmatch(reference)
    if output is None:
        return resolve_data(reference)
    return str(score_folder(RunStore(), output["job"]) / output["path"])


def _options(job: BatchJob) -> BatchOptions:
    settings = job.settings
    return BatchOptions(
        form=settings.output_format,
        file_name=settings.output_file_name,
        header=settings.output_header,
        writes_rows=settings.output_action == "append_row",
        error_threshold=settings.error_threshold,
        retries=Retries(settings.retry_settings.max_retries, settings.retry_settings.timeout),
        batch_size=_PER_PASS,
        shard_rows=SHARD_ROWS,
        compute="local" if job.compute.startswith("azureml:") else job.compute,
        actors=job.instance_count * settings.max_concurrency_per_instance,
    )


def _track(job: BatchJob, name: str, store: RunStore, metrics: dict[str, Any]) -> None:
    """Record the job in MLflow."""
    run_id = store.get(name).mlflow_run_id
    tags = {**job.tags, "tintype.job": name}
    run = MlflowRun.start(job.experiment_name, name, tags=tags, run_id=run_id)
    store.update(name, mlflow_run_id=run.run_id)
    run.log_params(job.settings.model_dump(exclude_unset=True))
    run.log_metrics(metrics, step=0)
    run.end("FINISHED")
