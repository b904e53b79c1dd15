"""Schedules: when they are due, and that the daemon submits their jobs."""

from __future__ import annotations

import datetime
import re
import time
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tintype.endpoints.online.daemon.schedules import _is_due, _submit_due
from tintype.errors import DocumentError, UsageError
from tintype.jobs.scheduled import MOST_UNFINISHED, submit_due, submit_scheduled
from tintype.schemas.document import Document, validate
from tintype.schemas.schedule import ScheduleDocument, load_schedule, parse_cron, read_schedule
from tintype.schemas.windows_zones import WINDOWS_ZONES
from tintype.workspace.runs import RunStore
from tintype.workspace.schedules import Schedule, ScheduleStore, next_time

Command = Callable[..., Any]


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)


def due(after: str, **trigger: Any) -> str | None:
    data = {"name": "x", "trigger": trigger, "create_job": {"type": "command"}}
    read = validate(ScheduleDocument, Document(data)).trigger
    found = next_time(read, moment(after), moment("2026-01-01T10:07:00"))
    return None if found is None else found.strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("after", "trigger", "expected"),
    [
        ("2026-03-05T10:00:00", {"expression": "*/15 * * * *"}, "2026-03-05 10:15"),
        ("2026-03-05T10:15:00", {"expression": "*/15 * * * *"}, "2026-03-05 10:30"),
        ("2026-03-05T10:00:00", {"expression": "0 3 * * *"}, "2026-03-06 03:00"),
        # 5 March 2026 is a Thursday.
        ("2026-03-05T10:00:00", {"expression": "30 9 * * mon-wed"}, "2026-03-09 09:30"),
        ("2026-03-05T10:00:00", {"expression": "0 0 * * 7"}, "2026-03-08 00:00"),
        ("2026-03-05T10:00:00", {"expression": "0 0 13 * 5"}, "2026-03-06 00:00"),
        ("2026-03-06T10:00:00", {"expression": "0 0 10 * 5"}, "2026-03-10 00:00"),
        ("2026-03-05T10:00:00", {"expression": "0 0 29 2 *"}, "2028-02-29 00:00"),
        (
            "2026-03-05T10:00:00",
            {"expression": "0 3 * * *", "time_zone": "Europe/Berlin"},
            "2026-03-06 02:00",
        ),
        # Clocks are put forward on 29 March: three in the morning is an hour earlier.
        (
            "2026-03-29T00:30:00",
            {"expression": "0 3 * * *", "time_zone": "Europe/Berlin"},
            "2026-03-29 01:00",
        ),
        (
            "2026-03-05T10:00:00",
            {"expression": "0 3 * * *", "start_time": "2026-06-01T00:00:00"},
            "2026-06-01 03:00",
        ),
        (
            "2026-03-05T10:00:00",
            {"expression": "0 3 * * *", "end_time": "2026-03-06T02:00:00"},
            None,
        ),
    ],
)
def test_cron(after: str, trigger: dict[str, Any], expected: str | None) -> None:
    assert due(after, type="cron", **trigger) == expected


@pytest.mark.parametrize(
    ("after", "trigger", "expected"),
    [
        ("2026-01-01T10:08:00", {"frequency": "minute", "interval": 10}, "2026-01-01 10:17"),
        ("2026-01-01T10:08:00", {"frequency": "Hour", "interval": 6}, "2026-01-01 16:07"),
        (
            "2026-01-01T12:00:00",
            {"frequency": "day", "interval": 1, "schedule": {"hours": [4, 10], "minutes": 30}},
            "2026-01-02 04:30",
        ),
        (
            "2026-01-01T12:00:00",
            {
                "frequency": "week",
                "interval": 1,
                "schedule": {"hours": 9, "minutes": 0, "weekdays": ["Monday", "sunday"]},
            },
            "2026-01-04 09:00",
        ),
        (
            "2026-01-15T12:00:00",
            {
                "frequency": "month",
                "interval": 1,
                "schedule": {"hours": 9, "minutes": 0, "month_days": [5]},
            },
            "2026-02-05 09:00",
        ),
    ],
)
def test_recurrence(after: str, trigger: dict[str, Any], expected: str) -> None:
    assert due(after, type="recurrence", **trigger) == expected


def series(first: str, until: str, **trigger: Any) -> list[str]:
    """Every moment between two at which a trigger is due."""
    found, after = [], first
    while (moment_due := due(after, **trigger)) is not None and moment_due <= until:
        found.append(moment_due[11:])
        after = moment_due.replace(" ", "T")
    return found


def test_clocks_that_are_put_back_repeat_hours_and_no_nights() -> None:
    """On 25 October 2026 it is two o'clock in Berlin at 00:00 UTC, and again at 01:00."""
    night = ("2026-10-24T23:45:00", "2026-10-25 02:00")
    berlin = {"type": "cron", "time_zone": "Europe/Berlin"}
    halves = series(*night, expression="*/30 * * * *", **berlin)
    assert halves == ["00:00", "00:30", "01:00", "01:30", "02:00"]
    assert series(*night, expression="30 2 * * *", **berlin) == ["00:30"]
    hours = {"type": "recurrence", "frequency": "hour", "interval": 1}
    assert series(*night, **hours) == ["00:07", "01:07"]
    daily = {"frequency": "day", "schedule": {"hours": [2], "minutes": [30]}}
    zone = {"type": "recurrence", "time_zone": "Europe/Berlin"}
    assert series(*night, **daily, **zone) == ["00:30"]


@pytest.mark.parametrize(
    "trigger",
    [
        {"type": "cron", "expression": "* * * * *", "start_time": "1990-01-01T00:00:00"},
        {"type": "recurrence", "frequency": "minute", "start_time": "1990-01-01T00:00:00"},
        {"type": "recurrence", "frequency": "day", "start_time": "1990-01-01T00:00:00"},
    ],
)
def test_one_that_has_run_for_decades_costs_what_a_new_one_does(trigger: dict[str, Any]) -> None:
    began = time.thread_time()
    assert due("2026-03-05T23:59:30", **trigger) == "2026-03-06 00:00"
    assert time.thread_time() - began < 0.5


def test_every_other_week_stays_every_other_week() -> None:
    pattern = {"hours": 9, "minutes": 0, "weekdays": ["monday"]}
    # The week of 1 January 2026 counts, and every second one after it.
    trigger = {"type": "recurrence", "frequency": "week", "interval": 2, "schedule": pattern}
    assert due("2026-01-02T00:00:00", **trigger) == "2026-01-12 09:00"
    assert due("2029-12-30T00:00:00", **trigger) == "2030-01-07 09:00"


@pytest.mark.parametrize(
    ("trigger", "told"),
    [
        ('expression: "0 3 30 2 *"', "is never due; there is no such day, or its end_time is past"),
        ('expression: "0 3 * * *", end_time: 2020-01-01T00:00:00', "is never due"),
    ],
)
def test_one_that_is_never_due_is_refused(
    command: Command, tmp_path: Path, trigger: str, told: str
) -> None:
    (tmp_path / "pipeline.yml").write_text(PIPELINE)
    file = tmp_path / "nightly.yml"
    file.write_text(SCHEDULE.replace('expression: "0 3 * * *"', trigger))
    assert told in command("schedule", "create", "--file", file, code=2)


@pytest.mark.parametrize(
    ("job", "told"),
    [
        ("job: ./pipeline.yml", r"pipeline.yml:4: jobs.say.comand: unknown key"),
        (
            "{type: command, command: 'true', environment: azureml:none@latest}",
            r"nightly.yml:5: environment: there is no environment 'none'",
        ),
    ],
)
def test_what_is_wrong_with_its_job_names_file_and_line(
    command: Command, tmp_path: Path, job: str, told: str
) -> None:
    (tmp_path / "pipeline.yml").write_text(PIPELINE.replace("command: echo", "comand: echo"))
    file = tmp_path / "nightly.yml"
    head = SCHEDULE.partition("create_job:")[0]
    file.write_text(f"{head}create_job: {job if job[0] == '{' else f'{{{job}}}'}\n")
    assert re.search(told, command("schedule", "create", "--file", file, code=2))


def test_a_schedule_that_cannot_be_read_keeps_no_other_from_its_time(
    monkeypatch: pytest.MonkeyPatch, workspace_home: Path
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(
        "tintype.endpoints.online.daemon.schedules.start_worker",
        lambda module, arguments, log: started.append(arguments),
    )
    store = ScheduleStore()
    trigger = {"type": "cron", "expression": "* * * * *"}
    document = {"name": "sound", "trigger": trigger, "create_job": {"type": "command"}}
    store.save(Schedule("sound", document, created_at="2026-01-01T00:00:00+00:00"))
    (workspace_home / "schedules" / "broken.json").write_text("{")
    _submit_due(moment("2026-03-05T10:00:30"), moment("2026-03-05T10:01:00"))
    assert started == [["sound"]]
    with pytest.raises(UsageError, match="there is no schedule"):
        store.get("../schedules/sound")


@pytest.mark.parametrize(
    "expression", ["* * * *", "60 * * * *", "* 24 * * *", "5-1 * * * *", "*/0 * * * *", "x * * * *"]
)
def test_what_is_no_cron_expression(expression: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_cron(expression)


SCHEDULE = """
$schema: https://azuremlschemas.azureedge.net/latest/schedule.schema.json
name: nightly
trigger: {type: cron, expression: "0 3 * * *", time_zone: UTC}
create_job:
  job: ./pipeline.yml
  settings: {force_rerun: true}
"""

PIPELINE = """
type: pipeline
jobs:
  say: {type: command, command: echo said}
"""


def test_the_verbs_of_a_schedule_and_the_daemons_clock(
    command: Command, tmp_path: Path, workspace_home: Path
) -> None:
    (tmp_path / "pipeline.yml").write_text(PIPELINE)
    file = tmp_path / "nightly.yml"
    file.write_text(SCHEDULE)
    try:
        made = command("schedule", "create", "--file", file)
        assert (made["name"], made["is_enabled"]) == ("nightly", True)
        assert made["next_run_at"].endswith("03:00:00+00:00")
        assert made["create_job"]["settings"] == {"force_rerun": True}
        assert command("schedule", "disable", "--name", "nightly")["next_run_at"] is None
        assert command("schedule", "list") == []
        assert [each["name"] for each in command("schedule", "list", "--disabled-only")] == [
            "nightly"
        ]
        assert len(command("schedule", "list", "--include-disabled")) == 1
        assert command("schedule", "enable", "-n", "nightly")["is_enabled"] is True
        changed = command(
            "schedule", "update", "-n", "nightly", "--set", "trigger.expression=0 4 * * *"
        )
        assert changed["next_run_at"].endswith("04:00:00+00:00")
        assert changed["create_job"] == made["create_job"]
        told = command(
            "schedule", "update", "-n", "nightly", "--set", "trigger.expression=x", code=2
        )
        assert "trigger.expression: 'x' given" in told
        assert command("schedule", "show", "-n", "nightly")["trigger"]["expression"] == "0 4 * * *"
        assert [each["name"] for each in command("schedule", "list")] == ["nightly"]
        # Due in a moment and every minute from then on, it is submitted by the daemon.
        store = ScheduleStore()
        soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
        trigger = {"type": "recurrence", "frequency": "minute", "start_time": soon.isoformat()}
        document = {**store.get("nightly").document, "trigger": trigger}
        store.save(Schedule("nightly", document))
        for _ in range(900):
            record = store.get("nightly")
            if record.last_job or record.last_error:
                break
            time.sleep(0.1)
        assert record.last_error is None
        assert record.last_job is not None
        run = RunStore().get(record.last_job)
        assert (run.type, run.tags["schedule"]) == ("pipeline", "nightly")
        for _ in range(600):
            if RunStore().get(run.name).status == "Completed":
                break
            time.sleep(0.1)
        assert RunStore().get(run.name).status == "Completed"
        command("schedule", "delete", "-n", "nightly", "--yes")
        assert "there is no schedule" in command("schedule", "show", "-n", "nightly", code=2)
    finally:
        command("down")


def test_one_that_was_made_is_not_due_for_the_time_before() -> None:
    document = {
        "name": "x",
        "trigger": {"type": "cron", "expression": "* * * * *"},
        "create_job": {"type": "command"},
    }
    schedule = Schedule("x", document, created_at="2026-03-05T10:00:30+00:00")
    assert not _is_due(schedule, moment("2026-03-05T09:00:00"), moment("2026-03-05T10:00:59"))
    assert _is_due(schedule, moment("2026-03-05T09:00:00"), moment("2026-03-05T10:01:00"))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "./pipeline.yml",
            "azureml:another",
            r"nightly.yml:5: create_job: 'azureml:another' is a job of a",
        ),
        ("0 3 * * *", "0 25 * * *", r"nightly.yml:4: trigger.expression: '25' given for the hour"),
        ("UTC", "Nowhere/City", r"nightly.yml:4: trigger.time_zone: 'Nowhere/City' given"),
        ("./pipeline.yml", "./gone.yml", r"nightly.yml:5: create_job: there is no file .*gone.yml"),
        ("type: cron", "type: crom", "crom"),
        ("type: cron, ", "", r"nightly.yml:4: trigger: the key 'type' is required and missing"),
        ("time_zone: UTC", "end_time: soon", "'soon' given; expected ISO 8601"),
        ("time_zone: UTC", "end_time: 9999-12-31", "expected a year from 1970 to 2200"),
        (
            'type: cron, expression: "0 3 * * *"',
            "type: recurrence, frequency: hour, schedule: {hours: 1, minutes: 2}",
            "schedule is for the frequencies day, week and month, not for hour",
        ),
    ],
)
def test_a_schedule_that_cannot_be_kept(tmp_path: Path, old: str, new: str, told: str) -> None:
    (tmp_path / "pipeline.yml").write_text(PIPELINE)
    (tmp_path / "nightly.yml").write_text(SCHEDULE.replace(old, new))
    with pytest.raises(DocumentError, match=told):
        load_schedule(tmp_path / "nightly.yml")


def test_time_zones_may_have_their_names_of_windows() -> None:
    assert not {*WINDOWS_ZONES.values()} - zoneinfo.available_timezones()
    found = due(
        "2026-03-05T10:00:00",
        type="cron",
        expression="0 3 * * *",
        time_zone="W. Europe Standard Time",
    )
    assert found == "2026-03-06 02:00"


@pytest.mark.usefixtures("no_workers")
def test_each_time_submits_a_job_until_too_many_have_not_ended(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yml").write_text("inputs: {said: x, at: y}\n" + PIPELINE.lstrip())
    text = SCHEDULE.replace(
        "  settings:", "  inputs: {said: 'as ${{name}}', at: TIME}\n  settings:"
    )
    (tmp_path / "nightly.yml").write_text(
        text.replace("TIME", "'${{creation_context.trigger_time}}'")
    )
    schedule = load_schedule(tmp_path / "nightly.yml")
    store, runs = ScheduleStore(), RunStore()
    store.create(schedule)
    made = [submit_due("nightly").name for _ in range(MOST_UNFINISHED)]
    assert len(set(made)) == MOST_UNFINISHED
    inputs = runs.document(made[0])["inputs"]
    assert inputs["said"] == f"as {made[0]}"
    assert datetime.datetime.fromisoformat(inputs["at"]).year >= 2026
    for name in made:
        # As if their workers had begun.
        runs.update(name, status="NotStarted")
    with pytest.raises(
        UsageError, match=f"{MOST_UNFINISHED} of its jobs have not ended: .*{made[0]}"
    ):
        submit_due("nightly")
    assert "Cancel them" in str(store.get("nightly").last_error)
    assert len(runs.list()) == MOST_UNFINISHED
    # Its own verb submits one all the same.
    submit_scheduled("nightly")
    for run in runs.list():
        runs.update(run.name, status="Completed")
    assert submit_due("nightly").name not in made
    assert store.get("nightly").last_error is None


def test_a_job_that_cannot_be_submitted_is_written_down(tmp_path: Path) -> None:
    read = read_schedule(
        Document(
            {
                "name": "broken",
                "trigger": {"type": "cron", "expression": "* * * * *"},
                "create_job": {
                    "type": "command",
                    "command": "true",
                    "code": str(tmp_path / "gone"),
                },
            }
        )
    )
    store = ScheduleStore()
    store.create(read)
    with pytest.raises(DocumentError, match="gone does not exist"):
        submit_scheduled("broken")
    assert "gone does not exist" in str(store.get("broken").last_error)
