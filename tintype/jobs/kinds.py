"""Every kind of job, a row each. What is done with runs looks here and asks for no type elsewhere."""

from __future__ import annotations

from tintype.jobs.download import download_outputs
from tintype.jobs.kind import JobKind
from tintype.jobs.pipeline import job as pipeline
from tintype.jobs.run import Run
from tintype.jobs.step_kinds import STEP_KINDS
from tintype.schemas.pipeline_job import PipelineJob

__all__ = ["KINDS", "kind_of"]

KINDS = {
    **STEP_KINDS,
    "pipeline": JobKind(
        document=PipelineJob,
        settle=pipeline.settle,
        check=pipeline.check,
        execute="tintype.jobs.pipeline.job:execute",
        download=download_outputs,
        outputs=lambda job: {name: f"{name}/paths" for name in job.outputs},
        makes=lambda run, output: run.named_outputs / output,
        table="pipeline",
    ),
}
"""By the type that the job's document says."""


def kind_of(run: Run) -> JobKind:
    """The row of a run that is there.

    Raises:
        UsageError: there is no such run.
    """
    return KINDS[run.state.type]
