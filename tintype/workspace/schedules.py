"""Schedules: `<home>/schedules/<name>.json`, and when each is due next."""

from __future__ import annotations

import datetime
import json
import zoneinfo
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dateutil import rrule

from tintype.errors import OutputError, UsageError, nearest
from tintype.files import write_json
from tintype.schemas.document import written
from tintype.schemas.schedule import (
    WEEKDAYS,
    CronTrigger,
    RecurrenceTrigger,
    ScheduleDocument,
    parse_cron,
)
from tintype.settings import get_settings
from tintype.workspace.runs import now

__all__ = ["Schedule", "ScheduleStore", "next_time"]

_FREQUENCIES = {
    "minute": rrule.MINUTELY,
    "hour": rrule.HOURLY,
    "day": rrule.DAILY,
    "week": rrule.WEEKLY,
    "month": rrule.MONTHLY,
}


@dataclass(frozen=True)
class Schedule:
    """One schedule."""

    name: str
    document: dict[str, Any]
    """As it was written, checked."""
    enabled: bool = True
    created_at: str = field(default_factory=now)
    last_run_at: str | None = None
    """When it was due last, UTC."""
    last_job: str | None = None
    """The job that was submitted then."""
    last_error: str | None = None
    """Why none was."""

    @property
    def checked(self) -> ScheduleDocument:
        """The document."""
        return ScheduleDocument.model_validate(self.document)

    def next_after(self, moment: datetime.datetime) -> datetime.datetime | None:
        """When it is due next after `moment` (UTC); None: never, or it is disabled."""
        if not self.enabled:
            return None
        created = datetime.datetime.fromisoformat(self.created_at)
        return next_time(self.checked.trigger, moment, created)

    def shown(self) -> dict[str, Any]:
        """The schedule as commands print it."""
        document = dict(self.document)
        due = self.next_after(datetime.datetime.now(datetime.UTC))
        return {
            **{key: document.get(key) for key in ("name", "display_name", "description", "tags")},
            "trigger": document["trigger"],
            "create_job": document["create_job"],
            "is_enabled": self.enabled,
            "provisioning_state": "Succeeded",
            "creation_context": {"created_at": self.created_at},
            "next_run_at": None if due is None else due.isoformat(timespec="seconds"),
            "last_run_at": self.last_run_at,
            "last_job": self.last_job,
            "last_error": self.last_error,
        }

    def summary(self) -> dict[str, Any]:
        """What of it has room in a line."""
        kept = ("name", "is_enabled", "next_run_at", "last_job", "last_error")
        return {key: value for key, value in self.shown().items() if key in kept}


class ScheduleStore:
    """Reads and writes schedules; each write is atomic."""

    def __init__(self, home: Path | None = None) -> None:
        """None takes the workspace of the settings."""
        self._root = (home or get_settings().home) / "schedules"

    def save(self, schedule: Schedule) -> Schedule:
        """Keep a schedule; one of the same name is replaced.

        Raises:
            OutputError: the workspace cannot be written.
        """
        write_json(self._path(schedule.name), asdict(schedule))
        return schedule

    def create(self, document: ScheduleDocument) -> Schedule:
        """Keep a new schedule; one of the same name is replaced.

        Raises:
            OutputError: the workspace cannot be written.
        """
        return self.save(Schedule(document.name, written(document)))

    def get(self, name: str) -> Schedule:
        """The schedule called `name`.

        Raises:
            UsageError: there is none; names the nearest.
        """
        try:
            return Schedule(**json.loads(self._path(name).read_text("utf-8")))
        except FileNotFoundError:
            known = [schedule.name for schedule in self.list()]
            raise UsageError(f"there is no schedule {name!r}.{nearest(name, known)}") from None
        except (OSError, ValueError, TypeError) as error:
            raise OutputError(f"cannot read {self._path(name)}: {error}") from None

    def list(self) -> Sequence[Schedule]:
        """All of them, by name."""
        return [self.get(path.stem) for path in sorted(self._root.glob("[!.]*.json"))]

    def change(self, name: str, **changes: Any) -> Schedule:
        """Write changed fields of a schedule.

        Raises:
            UsageError: there is none of that name.
        """
        return self.save(replace(self.get(name), **changes))

    def delete(self, name: str) -> None:
        """Forget a schedule; its jobs stay.

        Raises:
            UsageError: there is none of that name.
        """
        self.get(name)
        self._path(name).unlink(missing_ok=True)

    def log(self, name: str) -> Path:
        """What submitting its jobs said."""
        return self._root / f"{name}.log"

    def _path(self, name: str) -> Path:
        return self._root / f"{name}.json"


def next_time(
    trigger: CronTrigger | RecurrenceTrigger,
    after: datetime.datetime,
    created: datetime.datetime,
) -> datetime.datetime | None:
    """The first moment after `after` at which a trigger is due, in UTC; None: never again.

    Times of the day are those of clocks in the trigger's zone, also where these are put forward or back.

    Args:
        created: of a recurrence without a start, the moment from which it counts.
    """
    zone = zoneinfo.ZoneInfo(trigger.time_zone)

    def local(moment: datetime.datetime) -> datetime.datetime:
        return moment.astimezone(zone).replace(tzinfo=None)

    def given(text: str | None) -> datetime.datetime | None:
        if text is None:
            return None
        moment = datetime.datetime.fromisoformat(text)
        return moment if moment.tzinfo is None else local(moment)

    begin, end = given(trigger.start_time), given(trigger.end_time)
    start = begin or local(created).replace(second=0, microsecond=0)
    rules = (
        _cron_rules(trigger, start) if isinstance(trigger, CronTrigger) else [_rule(trigger, start)]
    )
    found = [rule.after(local(after)) for rule in rules]
    due = min((moment for moment in found if moment is not None), default=None)
    if due is None or (end is not None and due > end):
        return None
    return due.replace(tzinfo=zone).astimezone(datetime.UTC)


def _cron_rules(trigger: CronTrigger, start: datetime.datetime) -> list[rrule.rrule]:
    minutes, hours, days, months, weekdays = parse_cron(trigger.expression)
    common = {
        "dtstart": start.replace(second=0, microsecond=0),
        "byminute": minutes if minutes is not None else range(60),
        "byhour": hours if hours is not None else range(24),
        "bymonth": months,
        "bysecond": 0,
    }
    # Cron counts days from Sunday, rrule from Monday.
    of_week = None if weekdays is None else [(day - 1) % 7 for day in weekdays]
    if days is not None and of_week is not None:
        # Where both are given, cron takes a day that fits either.
        return [
            rrule.rrule(rrule.DAILY, bymonthday=days, **common),
            rrule.rrule(rrule.DAILY, byweekday=of_week, **common),
        ]
    return [rrule.rrule(rrule.DAILY, bymonthday=days, byweekday=of_week, **common)]


def _rule(trigger: RecurrenceTrigger, start: datetime.datetime) -> rrule.rrule:
    pattern = trigger.schedule
    if pattern is None:
        return rrule.rrule(
            _FREQUENCIES[trigger.frequency], interval=trigger.interval, dtstart=start
        )
    days = None if pattern.weekdays is None else [WEEKDAYS.index(day) for day in pattern.weekdays]
    return rrule.rrule(
        _FREQUENCIES[trigger.frequency],
        interval=trigger.interval,
        dtstart=start,
        byhour=pattern.hours,
        byminute=pattern.minutes,
        bysecond=0,
        byweekday=days,
        bymonthday=pattern.month_days,
    )
