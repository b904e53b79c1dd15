"""Submitting the job of a schedule: what the daemon starts when one is due.

python -m tintype.jobs.scheduled NAME

As with Azure, each time submits a job of its own, also while an earlier one runs; but no more than a few, so
that jobs which take longer than the time between them do not fill the machine.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tintype.errors import TintypeError, UsageError
from tintype.jobs.submit import check_job, settled_job, submit_job
from tintype.schemas.document import Document
from tintype.schemas.job import Job, parse_job
from tintype.schemas.schedule import ScheduleDocument
from tintype.workspace.runs import ACTIVE, RunRecord, RunStore, now
from tintype.workspace.schedules import ScheduleStore, next_time

__all__ = ["MOST_UNFINISHED", "check_schedule", "job_of", "main", "submit_due", "submit_scheduled"]

MOST_UNFINISHED = 4
"""Jobs of one schedule at the same time; while there are as many, none is submitted when it is due."""

# Azure's macros in the inputs of a schedule's job.
_JOB_NAME = "${{name}}"
_TRIGGER_TIME = "${{creation_context.trigger_time}}"


def job_of(schedule: ScheduleDocument) -> Job:
    """The job that a schedule submits: a new name each time, the schedule's among its tags.

    Raises:
        DocumentError: its document cannot be used.
    """
    assert isinstance(schedule.create_job, dict)
    content = dict(schedule.create_job)
    content["name"] = RunStore().new_name()
    macros = {_JOB_NAME: content["name"], _TRIGGER_TIME: now()}
    if isinstance(content.get("inputs"), dict):
        content["inputs"] = {
            name: _filled(value, macros) for name, value in content["inputs"].items()
        }
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


def submit_due(name: str) -> RunRecord:
    """Submit the job of the schedule called `name`, which is due, unless too many have not ended.

    Raises:
        TintypeError: it cannot be submitted; written down with the schedule.
    """
    unfinished = [
        run.name
        for run in RunStore().list()
        if run.tags.get("schedule") == name and run.status in (*ACTIVE, "NotStarted")
    ]
    if len(unfinished) >= MOST_UNFINISHED:
        message = (
            f"it was due at {now()}, but {len(unfinished)} of its jobs have not ended: "
            f"{', '.join(unfinished)}. Cancel them, or let it be due less often"
        )
        ScheduleStore().change(name, last_error=message)
        raise UsageError(message)
    return submit_scheduled(name)


def submit_scheduled(name: str) -> RunRecord:
    """Submit the job of the schedule called `name` now, and write down what became of it.

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


def _filled(value: Any, macros: Mapping[str, str]) -> Any:
    """An input with what Azure's macros in it stand for."""
    if not isinstance(value, str):
        return value
    for macro, text in macros.items():
        value = value.replace(macro, text)
    return value


def main(name: str) -> int:
    """Submit what is due, and say so; the process's exit code."""
    try:
        print(f"submitted {submit_due(name).name}", flush=True)
    except TintypeError as error:
        print(f"error: {error}", flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
