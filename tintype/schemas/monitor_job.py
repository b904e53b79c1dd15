"""`type: monitor`: a monitor looks at its newest window; what the schedules of monitors submit."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tintype.schemas.asset_parts import AssetName
from tintype.schemas.document import Document, validate
from tintype.schemas.job_parts import WITHOUT_EFFECT, JobHead, take_ignored

__all__ = ["MonitorJob", "read_monitor_job"]


class MonitorJob(JobHead):
    """Runs a monitor that is there (`tintype monitor create`)."""

    type: Literal["monitor"] = "monitor"
    """The kind of job."""

    experiment_name: str = "monitoring"
    """The MLflow experiment."""

    monitor: AssetName
    """Which."""


def read_monitor_job(document: Document, base: Path) -> MonitorJob:
    """Check a document of this kind.

    Args:
        base: as of all kinds; it has no paths.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    data = {**document.data, "type": "monitor"}
    ignored = take_ignored(data, WITHOUT_EFFECT)
    job = validate(MonitorJob, Document(data, document.path, document.lines))
    return job.model_copy(update={"without_effect": tuple(ignored)})
