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
from tintype.files import locked_folder, write_json
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

_FREQUENCIES = {"day": rrule.DAILY, "week": rrule.WEEKLY, "month": rrule.MONTHLY}

# More than clocks are ever put back.
_PUT_BACK = datetime.timedelta(hours=2)

# A leap day on a given day of the week comes after forty years at the latest.
_LOOK_AHEAD = datetime.timedelta(days=41 * 366)


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
        # The daemon writes when one was due while a command changes it.
        with locked_folder(self._root):
            return self._write(schedule)

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
            OutputError: it cannot be read.
        """
        known = self.names()
        if name not in known:
            raise UsageError(f"there is no schedule {name!r}.{nearest(name, known)}")
        try:
            return Schedule(**json.loads(self._path(name).read_text("utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise OutputError(f"cannot read {self._path(name)}: {error}") from None

    def names(self) -> Sequence[str]:
        """Names of all of them, sorted."""
        return sorted(path.stem for path in self._root.glob("[!.]*.json"))

    def list(self) -> Sequence[Schedule]:
        """All of them, by name.

        Raises:
            OutputError: one of them cannot be read.
        """
        return [self.get(name) for name in self.names()]

    def change(self, name: str, **changes: Any) -> Schedule:
        """Write changed fields of a schedule.

        Raises:
            UsageError: there is none of that name.
            OutputError: the workspace cannot be written.
        """
        with locked_folder(self._root):
            return self._write(replace(self.get(name), **changes))

    def delete(self, name: str) -> None:
        """Forget a schedule; its jobs stay.

        Raises:
            UsageError: there is none of that name.
        """
        self.get(name)
        with locked_folder(self._root):
            self._path(name).unlink(missing_ok=True)

    def log(self, name: str) -> Path:
        """What submitting its jobs said."""
        return self._root / f"{name}.log"

    def _write(self, schedule: Schedule) -> Schedule:
        write_json(self._path(schedule.name), asdict(schedule))
        return schedule

    def _path(self, name: str) -> Path:
        return self._root / f"{name}.json"


def next_time(
    trigger: CronTrigger | RecurrenceTrigger,
    after: datetime.datetime,
    created: datetime.datetime,
) -> datetime.datetime | None:
    """The first moment after `after` at which a trigger is due, in UTC; None: never again.

    Times of the day are those of clocks in the trigger's zone. Where these are put back, a cron expression for
    every hour is due in both of the hours that are called the same, and everything else in the first. Every so
    many minutes or hours are these, whatever clocks say.

    Args:
        created: of a recurrence without a start, the moment from which it counts.
    """
    zone = zoneinfo.ZoneInfo(trigger.time_zone)
    end = _moment(trigger.end_time, zone)
    start = _moment(trigger.start_time, zone) or created.replace(second=0, microsecond=0)
    if isinstance(trigger, RecurrenceTrigger) and trigger.frequency in ("minute", "hour"):
        period = datetime.timedelta(**{f"{trigger.frequency}s": trigger.interval})
        due: datetime.datetime | None = start + max(0, (after - start) // period + 1) * period
    elif isinstance(trigger, RecurrenceTrigger):
        due = _next_on_clocks(
            [_rule(trigger, _clock(start, zone), _clock(after, zone))], zone, after
        )
    else:
        rules = _cron_rules(trigger, _clock(start, zone), _clock(after, zone))
        hours = parse_cron(trigger.expression)[1]
        due = _next_on_clocks(rules, zone, after, every_hour=hours is None)
    return None if due is None or (end is not None and due > end) else due


def _moment(text: str | None, zone: datetime.tzinfo) -> datetime.datetime | None:
    """A time of a document, in UTC."""
    if text is None:
        return None
    given = datetime.datetime.fromisoformat(text)
    return (given if given.tzinfo else given.replace(tzinfo=zone)).astimezone(datetime.UTC)


def _clock(moment: datetime.datetime, zone: datetime.tzinfo) -> datetime.datetime:
    """What clocks in `zone` show then."""
    return moment.astimezone(zone).replace(tzinfo=None)


def _next_on_clocks(
    rules: Sequence[rrule.rrule],
    zone: datetime.tzinfo,
    after: datetime.datetime,
    *,
    every_hour: bool = False,
) -> datetime.datetime | None:
    """The first moment after `after`, in UTC, at which clocks in `zone` show a time of one of the rules.

    Args:
        every_hour: whether a time that clocks show twice counts twice.
    """
    found: list[datetime.datetime] = []
    for rule in rules:
        # Clocks may have been put back meanwhile.
        for time in rule.xafter(_clock(after, zone) - _PUT_BACK, inc=True):
            passes = [
                time.replace(tzinfo=zone, fold=fold).astimezone(datetime.UTC)
                for fold in ((0, 1) if every_hour else (0,))
            ]
            found += [moment for moment in passes if moment > after]
            if passes[0] > after:
                break
    return min(found, default=None)


def _cron_rules(
    trigger: CronTrigger, start: datetime.datetime, after: datetime.datetime
) -> list[rrule.rrule]:
    minutes, hours, days, months, weekdays = parse_cron(trigger.expression)
    # Cron counts from no start: days long past need not be gone through again.
    begin = max(start, after - datetime.timedelta(days=1))
    common = {
        "dtstart": begin,
        "until": _horizon(begin),
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


def _rule(
    trigger: RecurrenceTrigger, start: datetime.datetime, after: datetime.datetime
) -> rrule.rrule:
    """Of days, weeks or months."""
    begin = start
    if trigger.frequency != "month":
        # Whole intervals that are long past need not be gone through again.
        period = datetime.timedelta(**{f"{trigger.frequency}s": trigger.interval})
        begin += max(0, (after - start) // period - 1) * period
    common = {"dtstart": begin, "until": _horizon(begin), "interval": trigger.interval}
    pattern = trigger.schedule
    if pattern is None:
        return rrule.rrule(_FREQUENCIES[trigger.frequency], **common)
    days = None if pattern.weekdays is None else [WEEKDAYS.index(day) for day in pattern.weekdays]
    return rrule.rrule(
        _FREQUENCIES[trigger.frequency],
        byhour=pattern.hours,
        byminute=pattern.minutes,
        bysecond=0,
        byweekday=days,
        bymonthday=pattern.month_days,
        **common,
    )


def _horizon(begin: datetime.datetime) -> datetime.datetime:
    """What is not due until then never is."""
    return min(begin, datetime.datetime.max - _LOOK_AHEAD) + _LOOK_AHEAD
