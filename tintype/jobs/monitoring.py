"""The walk *monitor*: a monitor looks at its newest window, and the run says what it showed."""

from __future__ import annotations

from typing import Any

from tintype.jobs.event_log import log_notices
from tintype.jobs.run import Run
from tintype.schemas.monitor_job import MonitorJob
from tintype.tasks import TaskContext
from tintype.workspace.monitors import MonitorStore

__all__ = ["check", "execute"]


def check(job: MonitorJob) -> None:
    """There is such a monitor.

    Raises:
        UsageError: there is none; names the nearest.
    """
    MonitorStore().get(job.monitor)


def execute(job: MonitorJob, run: Run, context: TaskContext) -> None:
    """See `JobKind.execute`. An alarm ends no job: it is in the log, the metrics and the monitor."""
    from tintype.monitoring.watching import run_monitor

    log_notices(job.notices())
    tags = {**job.tags, "tintype.monitor": job.monitor}
    with run.tracked(job.experiment_name, tags) as tracking:
        store = MonitorStore()
        window = run_monitor(store, job.monitor, cancelled=lambda: context.stop() == "cancel")
        metrics = _metrics(window)
        tracking.log_metrics(metrics, step=0)
        run.update(metrics=metrics)
    if window["outcome"] == "waiting":
        print(f"Completed: waiting: {window['reason']}", flush=True)
        return
    for alarm in window["alarms"]:
        print(f"ALARM: {alarm}", flush=True)
    report = store.folder(job.monitor) / "report.html"
    print(f"Completed: {window['outcome']}; the report is {report}", flush=True)


def _metrics(window: dict[str, Any]) -> dict[str, float]:
    """Numbers of a window, by names that charts over runs can have."""
    metrics = {"alarms": float(len(window["alarms"]))}
    if window["outcome"] == "waiting":
        return metrics
    metrics["pictures"] = float(window["different"])
    for test in window["tests"]:
        metrics[f"{test['name']}_p"] = test["adjusted"]
    metrics |= {f"accuracy_{name}": each["value"] for name, each in window["estimates"].items()}
    if window["accuracy"] is not None:
        metrics["accuracy"] = window["accuracy"]["value"]
    return metrics
