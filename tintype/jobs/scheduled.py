"""Submitting the job of a schedule: what the daemon starts when one is due.

python -m tintype.jobs.scheduled NAME
"""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

from tintype.errors import TintypeError, UsageError
from tintype.jobs.submit import check_job, settled_job, submit_job
from tintype.schemas.document import Document
from tintype.schemas.job import Job, parse_job
from tintype.schemas.schedule import ScheduleDocument
from tintype.workspace.runs import RunRecord
from tintype.workspace.schedules import ScheduleStore, next_time

__all__ = ["check_schedule", "job_of", "main", "submit_scheduled"]


def job_of(schedule: ScheduleDocument) -> Job:
    """The job that a schedule submits: its own name each time, the schedule's among its tags.

    Raises:
        DocumentError: its document cannot be used.
    """
    assert isinstance(schedule.create_job, dict)
    content = dict(schedule.create_job)
    content.pop("name", None)
    content["tags"] = {**(content.get("tags") or {}), "schedule": schedule.name}
    source = schedule.job_source or Document({}, Path(f"schedule {schedule.name}"))
    return parse_job(Document(content, source.path, source.lines), Path(schedule.base))


def check_schedule(schedule: ScheduleDocument) -> None:
    """Everything that can be known now of the job that it will submit, and that it ever will.

    Raises:
        UsageError: names what is wrong.
    """
    moment = datetime.datetime.now(datetime.UTC)
    if next_time(schedule.trigger, moment, moment) is None:
        raise UsageError(
            f"schedule {schedule.name!r}: its trigger is never due; there is no such day, or its "
            "end_time is past"
        )
    check_job(settled_job(job_of(schedule)))


def submit_scheduled(name: str) -> RunRecord:
    """Submit the job of the schedule called `name`, and write down what became of it.

    Raises:
        TintypeError: it cannot be submitted.
    """
    store = ScheduleStore()
    try:
        record = submit_job(job_of(store.get(name).checked))
    except TintypeError as error:
        store.change(name, last_error=str(error))
        raise
    store.change(name, last_job=record.name, last_error=None)
    return record


def main(name: str) -> int:
    """Submit, and say so; the process's exit code."""
    try:
        print(f"submitted {submit_scheduled(name).name}", flush=True)
    except TintypeError as error:
        print(f"error: {error}", flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
