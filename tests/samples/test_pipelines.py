"""The samples of pipelines, run in small: the sweep and the gate of its metric, and the nightly schedule."""

from __future__ import annotations

import datetime
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from in_process import Context
from sample_runs import ROOT

from tintype.endpoints.online.daemon import schedules as clock
from tintype.jobs.execution import execute_run
from tintype.jobs.run import Run
from tintype.jobs.scheduled import check_schedule, submit_scheduled
from tintype.jobs.submit import submit_job
from tintype.schemas.job import load_job
from tintype.schemas.schedule import load_schedule
from tintype.workspace.schedules import Schedule, ScheduleStore

pytestmark = pytest.mark.usefixtures("no_workers")

SAMPLES = ROOT / "samples"


def gate(job: str, least: float, report: Path) -> int:
    """The gate's exit code."""
    script = str(SAMPLES / "ci" / "gate.py")
    given = [job, "--metric", "accuracy", "--least", str(least), "--report", str(report)]
    return subprocess.run([sys.executable, script, *given], check=False).returncode


def test_the_sweep_is_run_and_gated(clothes: Path, tmp_path: Path) -> None:
    small = [
        f"inputs.data.path={clothes / 'train'}",
        "jobs.search.limits.max_total_trials=2",
    ]
    run = Run(submit_job(load_job(SAMPLES / "sweep-pipeline.yml", small)).name)
    assert execute_run(run, Context()).status == "Completed", run.state.error
    best = json.loads(
        (run.sibling(f"{run.name}-search").named_outputs / "model/head.json").read_text()
    )
    assert best["accuracy"] == run.state.metrics["accuracy"]
    assert json.dumps(best) in run.sibling(f"{run.name}-tell").log.read_text()
    report = tmp_path / "report.md"
    assert gate(run.name, 0, report) == 0
    assert f"### Pipeline {run.name}: passed" in report.read_text()
    assert "| search | Completed |  |" in report.read_text()
    assert gate(run.name, 1.1, report) == 1
    assert "the bar is 1.1" in report.read_text()


def test_a_pipeline_that_failed_is_reported_and_stopped(tmp_path: Path) -> None:
    (tmp_path / "job.yml").write_text(
        "type: pipeline\njobs:\n  bad: {type: command, command: echo the reason; exit 3}\n"
    )
    run = Run(submit_job(load_job(tmp_path / "job.yml")).name)
    assert execute_run(run, Context()).status == "Failed"
    report = tmp_path / "report.md"
    assert gate(run.name, 0, report) == 1
    assert "`accuracy` is missing" in report.read_text()
    assert "the reason" in report.read_text()
    # The workflow asks the gate after a failure, too, and posts what it wrote.
    workflow = yaml.safe_load((SAMPLES / "ci" / "pipeline.yml").read_text())
    steps = workflow["jobs"]["pipeline"]["steps"]
    told = [
        step for step in steps if "gate.py" in step.get("run", "") or "gh pr" in step.get("run", "")
    ]
    assert [step["if"] for step in told] == ["always()", "always()"]


def test_the_nightly_schedule_submits_its_pipeline_at_three(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedule = load_schedule(SAMPLES / "nightly-schedule.yml")
    check_schedule(schedule)
    store = ScheduleStore()
    store.create(schedule)
    made = store.get("nightly")
    store.save(Schedule("nightly", made.document, created_at="2026-03-05T20:00:00+00:00"))
    submitted: list[str] = []
    monkeypatch.setattr(
        clock,
        "start_worker",
        lambda module, names, log: submitted.append(submit_scheduled(*names).name),
    )
    three = datetime.datetime(2026, 3, 6, 3, tzinfo=datetime.UTC)
    moments = [three + datetime.timedelta(seconds=2 * look) for look in range(-5, 6)]
    for since, moment in itertools.pairwise(moments):
        clock._submit_due(since, moment)
    [name] = submitted
    assert store.get("nightly").last_job == name
    assert [*Run(name).document["jobs"]] == ["train", "evaluate", "register"]
    assert Run(name).state.tags == {"schedule": "nightly"}
