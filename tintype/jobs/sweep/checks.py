"""What can be told of a sweep over a command before it runs; nothing heavy is imported for it."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from tintype.jobs.command import job as command
from tintype.jobs.outputs import settled_outputs
from tintype.schemas.sweep_job import SweepJob

__all__ = ["check", "settle"]

# Where a sweep's document has its command.
_TRIAL = ("trial",)


def settle(job: SweepJob, pending: Container[str] = ()) -> SweepJob:
    """See `JobKind.settle`, and `command.settle`.

    Raises:
        UsageError: the code folder, an input or the environment is not there.
    """
    point = dict.fromkeys(job.search_space, "")
    example = job.command_at(dict(point)).model_copy(update={"source": job.source})
    unknown = {*point} | {name for name in job.inputs if name in pending}
    settled = command.settle(example, unknown, _TRIAL)
    kept = ("code", "code_digest", "environment")
    found = {key: getattr(settled, key) for key in kept if getattr(settled, key) is not None}
    update: dict[str, Any] = {"trial": job.trial.model_copy(update=found)}
    if job.inputs:
        update["inputs"] = {name: settled.inputs[name] for name in job.inputs}
    return job.model_copy(update=update | settled_outputs(job.outputs))


def check(job: SweepJob) -> None:
    """Its environment is there.

    Raises:
        UsageError: it is not; names the place.
    """
    command.check(
        job.command_at(dict.fromkeys(job.search_space, "")).model_copy(
            update={"source": job.source}
        ),
        _TRIAL,
    )
