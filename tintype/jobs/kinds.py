"""Every kind of job, a row each. What is done with runs looks here and asks for no type elsewhere."""

from __future__ import annotations

from pathlib import Path

from tintype.jobs import batch, evaluation, finetuning
from tintype.jobs.automl import checks as automl
from tintype.jobs.download import download_outputs
from tintype.jobs.kind import JobKind
from tintype.jobs.run import Run
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.batch_job import BatchJob
from tintype.schemas.evaluation_job import EvaluationJob
from tintype.schemas.finetuning_job import FinetuningJob
from tintype.schemas.trial_job import EnsembleJob, RankingJob, SweepJob, TrialJob

__all__ = ["KINDS", "kind_of"]

_SMALLER = "; lower training_batch_size or the image size"


def _located(job: FinetuningJob | AutomlJob) -> FinetuningJob | AutomlJob:
    """A document made in Python, whose relative paths are from the current folder."""
    return job.located(Path.cwd())


KINDS = {
    "finetuning": JobKind(
        document=FinetuningJob,
        settle=_located,
        check=finetuning.check,
        execute="tintype.jobs.finetuning:execute",
        download=download_outputs,
        memory_advice=_SMALLER,
    ),
    "automl": JobKind(
        document=AutomlJob,
        settle=_located,
        check=automl.check,
        execute="tintype.jobs.automl.job:execute",
        download=download_outputs,
        has_trials=True,
        memory_advice=_SMALLER,
    ),
    "sweep": JobKind(document=SweepJob, execute=None, download=download_outputs),
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
    "batch": JobKind(
        document=BatchJob,
        settle=batch.settle,
        check=batch.check,
        begin=batch.begin,
        execute="tintype.jobs.batch:execute",
        download=batch.download,
        outputs={batch.OUTPUT_NAME: f"{batch.OUTPUT_NAME}/paths"},
    ),
    "evaluation": JobKind(
        document=EvaluationJob,
        settle=evaluation.settle,
        check=evaluation.check,
        execute="tintype.jobs.evaluation:execute",
        download=download_outputs,
    ),
}


def kind_of(run: Run) -> JobKind:
    """The row of a run that is there.

    Raises:
        UsageError: there is no such run.
    """
    return KINDS[run.state.type]
