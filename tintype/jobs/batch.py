"""The walk *batch job*: what invoking a batch endpoint starts. Its one child run holds the output.

runs/<job>/                                the job: document, log
runs/<job>_batchscoring/outputs/score/     what `tintype batch` would write, unless the job says
                                           another folder with output_path
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tintype.batch.inputs import find_inputs
from tintype.batch.options import SHARD_ROWS, BatchOptions, Retries
from tintype.errors import RunCancelled, TintypeError, UsageError
from tintype.jobs.download import copy_log
from tintype.jobs.event_log import log_notices
from tintype.jobs.explanations import check_explain
from tintype.jobs.run import Run
from tintype.models.checkpoint import check_obtainable
from tintype.schemas.batch_job import BatchJob
from tintype.schemas.place import place_of
from tintype.tasks import TaskContext
from tintype.workspace.data_assets import resolve_data
from tintype.workspace.registry import resolve_model
from tintype.workspace.runs import now

if TYPE_CHECKING:
    from tintype.batch.summary import BatchSummary

__all__ = ["OUTPUT_NAME", "begin", "check", "download", "execute", "score_folder", "settle"]

OUTPUT_NAME = "score"
"""Azure's name for the rows of a batch job."""

_JOB_OUTPUT = re.compile(rf"azureml://jobs/(?P<job>[^/]+)/outputs/{OUTPUT_NAME}/paths/(?P<path>.*)")


def begin(run: Run, job: BatchJob) -> None:
    """Make the child run that holds the output of a new batch job."""
    child = Run.create(
        {
            "type": "batch",
            "name": _child(run).name,
            "display_name": "batchscoring",
            "experiment_name": job.experiment_name,
        },
        store=run.store,
        parent=run.name,
        supervised=True,
        outputs=run.state.outputs,
    )
    child.update(status="Starting")


def _child(run: Run) -> Run:
    return run.sibling(f"{run.name}_batchscoring")


def score_folder(run: Run) -> Path:
    """Where the output of a batch job lies; `run` is the job or its child.

    Raises:
        UsageError: no such run.
    """
    job = run.sibling(run.state.parent or run.name)
    given = job.document.get("output_path")
    return Path(given) if given else _child(job).outputs / OUTPUT_NAME


def check(job: BatchJob) -> None:
    """What can be known in seconds of a settled job: the model can be had, and every input has
    something to read.

    Raises:
        UsageError: names what is wrong.
    """
    check_obtainable(job.model)
    for files in job.inputs.values():
        next(find_inputs(files.path, Counter()))
    if job.output_path is not None and (Path(job.output_path) / "summary.json").exists():
        raise UsageError(f"{job.output_path} holds a finished batch; choose another output path")
    if job.explain is not None:
        check_explain(job.model, job.scoring, job.explain, job.error_at, job.explain.target)


def settle(job: BatchJob) -> BatchJob:
    """`job` with its model and inputs as they are now, whatever `@latest` will mean later.

    Raises:
        UsageError: one of them does not exist.
    """
    inputs = {
        key: files.model_copy(update={"path": _data(files.path)}).located(Path.cwd())
        for key, files in job.inputs.items()
    }
    return job.model_copy(update={"model": resolve_model(job.model), "inputs": inputs})


def execute(job: BatchJob, run: Run, context: TaskContext) -> None:
    """See `JobKind.execute`; begun anew, it goes on from its last shard."""
    log_notices(job.notices())
    child, folder = _child(run), score_folder(run)
    os.environ.update(job.settings.environment_variables)
    with run.tracked(job.experiment_name, job.tags) as tracking:
        child.update(status="Running", started_at=now(), ended_at=None, error=None)
        tracking.log_params(job.settings.model_dump(exclude_unset=True))
        try:
            summary = _scored(job, folder, lambda: context.stop() == "cancel")
        except BaseException as error:
            stopped = isinstance(error, RunCancelled)
            reason = str(error) if isinstance(error, TintypeError) and not stopped else None
            status = "Canceled" if stopped else "Failed"
            child.update(status=status, error=reason, ended_at=now())
            raise
        metrics = {
            "rows": float(summary.rows),
            "failed_rows": float(summary.failed),
            "failed_files": float(summary.failed_files),
            "images_per_second": summary.images_per_second,
        }
        tracking.log_metrics(metrics, step=0)
        child.update(status="Completed", metrics=metrics, ended_at=now())
        run.update(metrics=metrics)
    print(
        f"Completed: {summary.succeeded:,} of {summary.rows:,} rows, "
        f"{summary.images_per_second:,} images/s; the output is in {folder}",
        flush=True,
    )


def download(run: Run, output_name: str | None, everything: bool, folder: Path) -> None:
    """The rows of a batch job, from the job or its child: always below `named-outputs/score`.

    Raises:
        UsageError: there are none yet, or another output is asked for.
    """
    if output_name not in (None, OUTPUT_NAME):
        raise UsageError(
            f"job {run.name!r} has no output {output_name!r}; its output is {OUTPUT_NAME!r}"
        )
    score = score_folder(run)
    if not (score / "summary.json").exists():
        raise UsageError(f"job {run.name!r} has no output {OUTPUT_NAME!r} (yet)")
    shutil.copytree(score, folder / "named-outputs" / OUTPUT_NAME)
    copy_log(run.sibling(run.store.ancestor(run.name)), folder)


def _scored(job: BatchJob, folder: Path, cancelled: Callable[[], bool]) -> BatchSummary:
    # Imports torch.
    from tintype.batch.runner import run_batch
    from tintype.jobs.batch_explanations import ExplainRows

    tells = job.settings.logging_level != "warning"
    explain = None if job.explain is None else ExplainRows(job.explain, _print)
    return run_batch(
        job.model,
        {key: files.path for key, files in job.inputs.items()},
        folder,
        options=_options(job),
        scoring=job.scoring.options(),
        second_pass=explain,
        cancelled=cancelled,
        tell=_print if tells else lambda line: None,
    )


def _print(line: str) -> None:
    print(line, flush=True)


def _data(reference: str) -> str:
    """The files that an input names: a data asset's, or another batch job's output."""
    output = _JOB_OUTPUT.fullmatch(reference)
    if output is None:
        return resolve_data(reference)
    return str(score_folder(Run(output["job"])) / output["path"])


def _options(job: BatchJob) -> BatchOptions:
    settings = job.settings
    return BatchOptions(
        form=settings.output_format,
        file_name=settings.output_file_name,
        header=settings.output_header,
        writes_rows=settings.output_action == "append_row",
        error_threshold=settings.error_threshold,
        retries=Retries(settings.retry_settings.max_retries, settings.retry_settings.timeout),
        shard_rows=SHARD_ROWS,
        compute=place_of(job.compute),
        actors=job.instance_count * settings.max_concurrency_per_instance,
    )
