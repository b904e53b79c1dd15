"""Every kind of job that can be a step of a pipeline, a row each; `kinds` has pipelines, too."""

from __future__ import annotations

from pathlib import Path

from tintype.jobs import batch, comparison, evaluation, finetuning, monitoring
from tintype.jobs.automl import checks as automl
from tintype.jobs.command import job as command
from tintype.jobs.data_inputs import settled_data
from tintype.jobs.download import download_outputs
from tintype.jobs.kind import JobKind
from tintype.jobs.outputs import settled_outputs
from tintype.jobs.run import Run
from tintype.jobs.sweep import checks as sweep
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.batch_job import BatchJob
from tintype.schemas.command_job import CommandJob
from tintype.schemas.comparison_job import ComparisonJob
from tintype.schemas.evaluation_job import EvaluationJob
from tintype.schemas.finetuning_job import FinetuningJob
from tintype.schemas.monitor_job import MonitorJob
from tintype.schemas.sweep_job import SweepJob
from tintype.schemas.trial_job import EnsembleJob, RankingJob, RefitJob, TrialJob, TrialsJob

__all__ = ["STEP_KINDS"]

_SMALLER = "; lower training_batch_size or the image size"


def _settled(job: FinetuningJob | AutomlJob) -> FinetuningJob | AutomlJob:
    """Its data and outputs as they are now; relative paths of a document made in Python are from the current
    folder."""
    data = {
        name: settled_data(given)
        for name in ("training_data", "validation_data", "test_data")
        if (given := getattr(job, name)) is not None
    }
    located = job.model_copy(update=data).located(Path.cwd())
    return located.model_copy(update=settled_outputs(located.outputs))


def _of_finetuning(run: Run, output: str) -> Path:
    """The model folder, or the checkpoint in it, by the name that Azure's components give that."""
    checkpoint = run.model_folder / "data" / "model"
    return checkpoint if output == "pytorch_model_folder" else run.model_folder


STEP_KINDS = {
    "finetuning": JobKind(
        document=FinetuningJob,
        settle=_settled,
        check=finetuning.check,
        execute="tintype.jobs.finetuning:execute",
        download=download_outputs,
        makes=_of_finetuning,
        memory_advice=_SMALLER,
    ),
    "automl": JobKind(
        document=AutomlJob,
        settle=_settled,
        check=automl.check,
        execute="tintype.jobs.automl.job:execute",
        download=download_outputs,
        table="sweep",
        memory_advice=_SMALLER,
    ),
    "trials": JobKind(document=TrialsJob, execute=None, download=download_outputs),
    "trial": JobKind(
        document=TrialJob,
        execute="tintype.jobs.automl.trial:execute",
        download=download_outputs,
        memory_advice=_SMALLER,
    ),
    "ranking": JobKind(
        document=RankingJob,
        execute="tintype.jobs.automl.ranking:execute",
        download=download_outputs,
        memory_advice="; name smaller checkpoints in portfolio",
    ),
    "ensemble": JobKind(
        document=EnsembleJob,
        execute="tintype.jobs.automl.ensemble:execute",
        download=download_outputs,
    ),
    "refit": JobKind(
        document=RefitJob,
        execute="tintype.jobs.automl.refit:execute",
        download=download_outputs,
        memory_advice=_SMALLER,
    ),
    "batch": JobKind(
        document=BatchJob,
        settle=batch.settle,
        check=batch.check,
        begin=batch.begin,
        execute="tintype.jobs.batch:execute",
        download=batch.download,
        outputs=lambda job: {batch.OUTPUT_NAME: f"{batch.OUTPUT_NAME}/paths"},
        makes=lambda run, output: batch.score_folder(run),
    ),
    "evaluation": JobKind(
        document=EvaluationJob,
        settle=evaluation.settle,
        check=evaluation.check,
        execute="tintype.jobs.evaluation:execute",
        download=download_outputs,
        makes=lambda run, output: run.outputs / "evaluation",
    ),
    "monitor": JobKind(
        document=MonitorJob,
        check=monitoring.check,
        execute="tintype.jobs.monitoring:execute",
        download=download_outputs,
    ),
    "comparison": JobKind(
        document=ComparisonJob,
        settle=comparison.settle,
        check=comparison.check,
        execute="tintype.jobs.comparison:execute",
        download=download_outputs,
        makes=lambda run, output: run.outputs / "comparison",
    ),
    "command": JobKind(
        document=CommandJob,
        settle=command.settle,
        check=command.check,
        execute="tintype.jobs.command.job:execute",
        download=download_outputs,
        outputs=lambda job: {name: f"{name}/paths" for name in job.outputs},
        makes=lambda run, output: run.named_outputs / output,
    ),
    "sweep": JobKind(
        document=SweepJob,
        settle=sweep.settle,
        check=sweep.check,
        execute="tintype.jobs.sweep.job:execute",
        download=download_outputs,
        outputs=lambda job: {name: f"{name}/paths" for name in job.outputs},
        makes=lambda run, output: run.named_outputs / output,
        table="sweep",
    ),
}
"""By the type that the job's document says."""
