"""The tables of a sweep as its trials take them: the same for all, read once by each worker."""

from __future__ import annotations

from functools import lru_cache

from tintype.jobs.tables import Tables, load_tables
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.job_parts import JobData

__all__ = ["tables_of_sweep"]


def tables_of_sweep(job: AutomlJob) -> Tables:
    """`load_tables` of the sweep's data; a second call in one process gives the same tables.

    Raises:
        DataError: names file, line and field of what cannot be used.
    """
    return _load(job.data().model_dump_json())


@lru_cache(maxsize=2)
def _load(content: str) -> Tables:
    return load_tables(JobData.model_validate_json(content))
