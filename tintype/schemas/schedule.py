"""Schedule documents: what a `tintype schedule create --file` YAML may say.

Keys as in Azure's CLI (v2) schedule YAML schema.
"""

from __future__ import annotations

import datetime
import re
import zoneinfo
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SkipValidation, model_validator

from tintype.errors import DocumentError
from tintype.schemas.asset_parts import AssetName, TextMap
from tintype.schemas.document import Document, StrictModel, read_yaml, validate
from tintype.schemas.endpoint_parts import merged_document
from tintype.schemas.windows_zones import WINDOWS_ZONES

__all__ = [
    "CRON_FIELDS",
    "Moment",
    "CronTrigger",
    "RecurrenceTrigger",
    "ScheduleDocument",
    "load_schedule",
    "parse_cron",
    "read_schedule",
]

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

CRON_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, "jan feb mar apr may jun jul aug sep oct nov dec".split()),
    ("day of the week", 0, 7, "sun mon tue wed thu fri sat".split()),
)
"""Of a cron expression: name, lowest, highest, names of values from the lowest on (POSIX crontab)."""

_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?")


def parse_cron(expression: str) -> list[list[int] | None]:
    """The values of each field of a cron expression; None where it is `*`.

    >>> parse_cron("*/20 3 * * mon-wed")
    [[0, 20, 40], [3], None, None, [1, 2, 3]]

    Raises:
        ValueError: it is none; names the field.
    """
    fields = expression.split()
    if len(fields) != len(CRON_FIELDS):
        raise ValueError(
            f"{expression!r} given; expected five fields: "
            + ", ".join(name for name, *_ in CRON_FIELDS)
        )
    return [_cron_field(text, *field) for text, field in zip(fields, CRON_FIELDS, strict=True)]


def _cron_field(
    text: str, name: str, lowest: int, highest: int, names: Sequence[str]
) -> list[int] | None:
    if text == "*":
        return None
    known = {word: lowest + place for place, word in enumerate(names)}
    values: set[int] = set()
    for part in text.lower().split(","):
        match = _PART.fullmatch(part)
        try:
            assert match is not None
            if match["first"] == "*":
                first, last = lowest, highest
            else:
                first = known.get(match["first"]) or int(known.get(match["first"], match["first"]))
                last = (
                    first if match["last"] is None else int(known.get(match["last"], match["last"]))
                )
                if match["step"] and match["last"] is None:
                    last = highest
            step = int(match["step"] or 1)
            assert lowest <= first <= last <= highest
            assert step > 0
        except (AssertionError, ValueError):
            raise ValueError(
                f"{text!r} given for the {name}; expected *, numbers from {lowest} to {highest}, "
                "ranges (1-5), lists (1,3) or steps (*/15)"
            ) from None
        values |= set(range(first, last + 1, step))
    # Sunday is 0 and 7.
    return sorted({value % 7 for value in values} if highest == 7 else values)


def _cron(value: str) -> str:
    parse_cron(value)
    return value


def _zone(value: str) -> str:
    value = WINDOWS_ZONES.get(value, value)
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{value!r} given; expected UTC or a place of the IANA database: Europe/Berlin"
        ) from None
    return value


def _time(value: Any) -> Any:
    """YAML reads dates and times itself; both forms are kept as text."""
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    return value


def _iso(value: str) -> str:
    try:
        year = datetime.datetime.fromisoformat(value).year
    except ValueError:
        raise ValueError(f"{value!r} given; expected ISO 8601: 2026-12-01T03:00:00") from None
    if not 1970 <= year <= 2200:
        raise ValueError(f"{value!r} given; expected a year from 1970 to 2200")
    return value


Moment = Annotated[str, BeforeValidator(_time), AfterValidator(_iso)]
"""ISO 8601; without an offset, in the trigger's time zone."""


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) or value is None else [value]


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class _Trigger(StrictModel):
    start_time: Moment | None = None
    """Not before this moment; of a recurrence, the moment from which it counts."""

    end_time: Moment | None = None
    """Not after this moment."""

    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """UTC, a place of the IANA database (Europe/Berlin), or a name of Windows, as Azure's (W. Europe Standard
    Time)."""


class CronTrigger(_Trigger):
    """At the times of a cron expression."""

    type: Literal["cron"] = "cron"
    """cron."""

    expression: Annotated[str, AfterValidator(_cron)]
    """Minute, hour, day of the month, month, day of the week: "0 3 * * *" is every night at three."""


class RecurrencePattern(StrictModel):
    """When within a day, week or month."""

    hours: Annotated[list[Annotated[int, Field(ge=0, le=23)]], BeforeValidator(_listed)]
    """Hours of the day."""

    minutes: Annotated[list[Annotated[int, Field(ge=0, le=59)]], BeforeValidator(_listed)]
    """Minutes of these hours."""

    weekdays: Annotated[
        list[Annotated[Literal[WEEKDAYS], BeforeValidator(_lower)]] | None,  # type: ignore[valid-type]
        BeforeValidator(_listed),
    ] = None
    """monday, ...; for the frequency week."""

    month_days: Annotated[
        list[Annotated[int, Field(ge=1, le=31)]] | None, BeforeValidator(_listed)
    ] = None
    """Days of the month; for the frequency month."""


class RecurrenceTrigger(_Trigger):
    """Every so many minutes, hours, days, weeks or months."""

    type: Literal["recurrence"] = "recurrence"
    """recurrence."""

    frequency: Annotated[Literal["minute", "hour", "day", "week", "month"], BeforeValidator(_lower)]
    """minute, hour, day, week or month."""

    interval: int = Field(1, ge=1, le=10_000)
    """Every so many of them."""

    schedule: RecurrencePattern | None = None
    """Of days, weeks and months: at which hours and minutes, on which days."""

    @model_validator(mode="after")
    def _check_pattern(self) -> RecurrenceTrigger:
        if self.schedule is not None and self.frequency in ("minute", "hour"):
            raise ValueError(
                f"schedule is for the frequencies day, week and month, not for {self.frequency}"
            )
        return self


class ScheduleDocument(StrictModel):
    """A job that is submitted again and again, by the daemon."""

    schema_: str | None = Field(None, alias="$schema")
    """Ignored."""

    name: AssetName
    """Unique; creating one of the same name replaces it."""

    display_name: str | None = None
    """For people."""

    description: str | None = None
    """For people."""

    tags: TextMap = Field(default_factory=dict)
    """Kept with the schedule."""

    properties: TextMap = Field(default_factory=dict)
    """Kept with the schedule."""

    trigger: Annotated[CronTrigger | RecurrenceTrigger, Field(discriminator="type")]
    """When."""

    create_job: dict[str, Any] | str
    """The job: its document, the file of one, or `{job: file, inputs: ...}`, whose further keys override
    the file's."""

    base: str = "."
    """Folder of relative paths in the job; written when it is read."""

    job_source: SkipValidation[Document | None] = Field(None, exclude=True, repr=False)
    """Where the job was read from, so that what is wrong with it can name file and line."""


def load_schedule(
    path: Path | None, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> ScheduleDocument:
    """Read `path`, if any; `overrides` (`--set`) win over it and command-line `options` over both.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
        UsageError: an override that cannot be applied.
    """
    return read_schedule(merged_document(path, overrides, options or {}))


def read_schedule(document: Document) -> ScheduleDocument:
    """Check a document of this kind, and read the file of its job, which is then a part of it.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    if "create_monitor" in document.data:
        raise DocumentError(
            "this is a monitor; give it to: tintype monitor create --file",
            file=document.path,
            line=document.line(("create_monitor",)),
            field="create_monitor",
        )
    base = Path.cwd() if document.path is None else document.path.absolute().parent
    given = document.data.get("create_job")
    if isinstance(given, str):
        given = {"job": given}
    data = {key: value for key, value in document.data.items() if key != "base"}
    source = None
    if isinstance(given, dict) and isinstance(given.get("job"), str):
        if given["job"].startswith("azureml:"):
            raise DocumentError(
                f"{given['job']!r} is a job of a workspace; name the file of its document",
                file=document.path,
                line=document.line(("create_job",)),
                field="create_job",
            )
        file = (base / Path(given["job"].removeprefix("file:")).expanduser()).resolve()
        if not file.is_file():
            raise DocumentError(
                f"there is no file {file}",
                file=document.path,
                line=document.line(("create_job",)),
                field="create_job",
            )
        more = {key: value for key, value in given.items() if key != "job"}
        source = read_yaml(file)
        data["create_job"] = _merged(source.data, more)
        base = file.parent
    elif isinstance(given, dict):
        source = document.part(("create_job",), given)
    schedule = validate(ScheduleDocument, Document(data, document.path, document.lines))
    return schedule.model_copy(update={"base": str(base), "job_source": source})


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`below` with the keys of `above` in it, mapping by mapping."""
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        both = isinstance(known, dict) and isinstance(value, dict)
        merged[key] = _merged(known, value) if both and known is not None else value
    return merged
