"""What made a run's predictions."""

from __future__ import annotations

from tintype.errors import UsageError
from tintype.jobs.kinds import kind_of
from tintype.jobs.run import Run
from tintype.schemas.batch_job import BatchJob
from tintype.schemas.evaluation_job import EvaluationJob
from tintype.schemas.scorer_options import ScorerOptions

__all__ = ["predicting_model"]


def predicting_model(run: Run) -> tuple[str, ScorerOptions]:
    """The model of a batch or an evaluation, and how it scored.

    Args:
        run: the job, or the child that holds a batch's output.

    Raises:
        UsageError: there is no such run, or it predicts nothing.
    """
    job_run = run.sibling(run.state.parent or run.name)
    job = kind_of(job_run).read(job_run.document)
    if isinstance(job, BatchJob):
        return job.model, job.scoring.options()
    if isinstance(job, EvaluationJob):
        return str(job.model), job.scoring
    raise UsageError(f"{run.name!r} is a job of type {job_run.state.type}: it predicts nothing")
