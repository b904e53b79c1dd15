"""The daemon's clock: schedules that are due, each submitted by a process of its own.

A schedule that was due while no daemon ran is not made up for.
"""

from __future__ import annotations

import asyncio
import datetime
import logging

from tintype.compute.local import start_worker
from tintype.workspace.schedules import Schedule, ScheduleStore

__all__ = ["keep_schedules"]

_log = logging.getLogger("tintype")

# Between two looks at the clock.
_LOOK_SECONDS = 2.0


async def keep_schedules() -> None:
    """Submit what is due, until cancelled."""
    since = datetime.datetime.now(datetime.UTC)
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        moment = datetime.datetime.now(datetime.UTC)
        await asyncio.to_thread(_submit_due, since, moment)
        since = moment


def _submit_due(since: datetime.datetime, moment: datetime.datetime) -> None:
    store = ScheduleStore()
    for name in store.names():
        # One that cannot be read keeps no other from its time.
        try:
            if _is_due(store.get(name), since, moment):
                store.change(name, last_run_at=moment.isoformat())
                start_worker("tintype.jobs.scheduled", [name], store.log(name))
        except Exception as error:
            _log.error("schedule %s: %s: %s", name, type(error).__name__, error)


def _is_due(schedule: Schedule, since: datetime.datetime, moment: datetime.datetime) -> bool:
    # One that was made since the last look counts from then on.
    begun = max(since, datetime.datetime.fromisoformat(schedule.created_at))
    due = schedule.next_after(begun)
    return due is not None and due <= moment
