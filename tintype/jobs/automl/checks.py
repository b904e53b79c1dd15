"""What is known of an AutoML document in seconds."""

from __future__ import annotations

from tintype.jobs.automl.models import check_models
from tintype.jobs.tables import load_tables
from tintype.schemas.automl_job import AutomlJob

__all__ = ["check"]


def check(job: AutomlJob) -> None:
    """The data can be used, and every model that is named can be had.

    Raises:
        UsageError: names what is wrong and where.
    """
    load_tables(job.data())
    check_models(job)
