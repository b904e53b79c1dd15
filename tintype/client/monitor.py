"""Monitors from Python: `Client().monitors`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tintype.client.described import Describes, described
from tintype.client.records import Record
from tintype.errors import UsageError
from tintype.jobs.data_inputs import settled_data
from tintype.schemas.document import Document
from tintype.schemas.job_parts import DataInput
from tintype.schemas.monitor import MonitorDocument, read_monitor
from tintype.workspace.monitors import Monitor, MonitorStore
from tintype.workspace.runs import RunStore
from tintype.workspace.schedules import ScheduleStore

__all__ = ["Monitors"]


class Monitors:
    """`client.monitors`: deployments that are looked after."""

    def create_or_update(
        self, monitor: MonitorDocument | Describes, overrides: Sequence[str] = ()
    ) -> Monitor:
        """Keep a document or its YAML file, ours or Azure's schedule of a monitor; one of the same name is replaced and
        keeps its windows. With `schedule`, the daemon runs it from then on.

        Raises:
            UsageError: the document, the deployment or the baseline cannot be used.
            OutputError: the workspace cannot be written, or the daemon cannot be started.
        """
        from tintype.monitoring.watching import check_monitor

        if not isinstance(monitor, MonitorDocument):
            monitor = read_monitor(*described(monitor, "monitors", overrides))
        monitor = _settled(monitor)
        check_monitor(monitor)
        if monitor.schedule is not None and monitor.name in ScheduleStore().names():
            _refuse_foreign_schedule(monitor.name)
        made = MonitorStore().create(monitor)
        self._schedule(monitor)
        return made

    def notices(self, monitor: MonitorDocument) -> list[str]:
        """What people should know of a monitor that is made of `monitor`, a sentence each.

        Raises:
            UsageError: its deployment is not there.
        """
        from tintype.monitoring.watching import notices_of

        return notices_of(MonitorStore(), monitor)

    def get(self, name: str) -> Monitor:
        """The monitor called `name`."""
        return MonitorStore().get(name)

    def list(self) -> list[Monitor]:
        """Monitors by name."""
        return MonitorStore().list()

    def windows(self, name: str) -> Sequence[dict[str, Any]]:
        """What all windows of a monitor showed, the oldest first.

        Raises:
            UsageError: there is no such monitor.
        """
        store = MonitorStore()
        return store.windows(store.get(name).name)

    def run(self, name: str) -> Record:
        """Look at a monitor's newest window, here and now; what it showed. An alarm is no error: see `outcome`.

        Raises:
            UsageError: there is no such monitor, its endpoint is gone, or its baseline cannot be used.
            OutputError: the workspace cannot be written, or the monitor runs just now.
        """
        from tintype.monitoring.watching import run_monitor

        store = MonitorStore()
        found = run_monitor(store, name)
        report = store.folder(name) / "report.html"
        return Record(
            {"monitor": name, **found, "report": str(report) if report.exists() else None}
        )

    def add_labels(
        self,
        name: str,
        path: str | Path,
        *,
        label_column: str = "label",
        ignore_unknown: bool = False,
    ) -> Record:
        """Take labels of collected pictures; how accurate the answers were.

        Args:
            path: a .csv or .jsonl with `request_id` (and `row`) and a label, or labelled pictures in any layout.
            ignore_unknown: leave out labels of pictures that were not collected; else they are an error, and nothing is
                taken.

        Raises:
            UsageError: there is no such monitor, or its endpoint is gone.
            DataError: the file cannot be used; names file, line and field.
        """
        from tintype.monitoring.labelled_accuracy import labels_accuracy
        from tintype.monitoring.later_labels import match_labels, refuse_unknown
        from tintype.monitoring.watched import find_watched

        store = MonitorStore()
        watched = find_watched(store.get(name).checked)
        matched = match_labels(Path(path), watched, label_column=label_column)
        if matched.unknown and not (ignore_unknown and matched.labels):
            refuse_unknown(matched, watched)
        store.add_labels(name, matched.labels)
        return Record(
            {
                "monitor": name,
                "added": len(matched.labels),
                "not_collected": len(matched.unknown),
                "accuracy": labels_accuracy(matched.labels.values()),
                "accuracy_of_all": labels_accuracy(store.labels(name).values()),
            }
        )

    def delete(self, name: str) -> None:
        """Forget a monitor with all that it found, and its schedule; what was collected stays."""
        MonitorStore().delete(name)
        if _has_schedule(name):
            ScheduleStore().delete(name)

    @staticmethod
    def _schedule(monitor: MonitorDocument) -> None:
        """The schedule of a monitor has its name."""
        from tintype.endpoints.online.daemon.control import ask_daemon
        from tintype.jobs.scheduled import check_schedule
        from tintype.schemas.document import written
        from tintype.schemas.schedule import read_schedule

        schedules = ScheduleStore()
        if monitor.schedule is None:
            if _has_schedule(monitor.name):
                schedules.delete(monitor.name)
            return
        content = {
            "name": monitor.name,
            "trigger": {"type": monitor.schedule.type, **written(monitor.schedule)},
            "create_job": {"type": "monitor", "monitor": monitor.name},
        }
        schedule = read_schedule(Document(content))
        check_schedule(schedule)
        schedules.create(schedule)
        ask_daemon("status")


def _settled(monitor: MonitorDocument) -> MonitorDocument:
    """With a baseline's path as it is now, whatever `@latest` will mean later, also of a job's validation data."""
    baseline = monitor.baseline
    if baseline.job is not None:
        document = RunStore().document(baseline.job)
        data = document.get("validation_data") or document.get("test_data")
        if not data:
            raise UsageError(
                f"baseline.job: {baseline.job!r} names no validation_data and no test_data; name a table "
                "of pictures that the model has not learnt from: baseline.path"
            )
        path = data if isinstance(data, str) else data["path"]
        columns = {
            key: document[key]
            for key in ("label_column_name", "input_column_names")
            if document.get(key)
        }
        baseline = baseline.model_copy(update={"job": None, "path": path, **columns})
    if baseline.path is not None:
        path = settled_data(DataInput(path=baseline.path)).path
        baseline = baseline.model_copy(update={"path": path})
    return monitor.model_copy(update={"baseline": baseline})


def _has_schedule(name: str) -> bool:
    """Whether there is a schedule of that name, and it is the monitor's."""
    schedules = ScheduleStore()
    if name not in schedules.names():
        return False
    job = schedules.get(name).document.get("create_job")
    return isinstance(job, dict) and job.get("type") == "monitor" and job.get("monitor") == name


def _refuse_foreign_schedule(name: str) -> None:
    """
    Raises:
        UsageError: the schedule of that name is of something else.
    """
    if not _has_schedule(name):
        raise UsageError(
            f"schedule: there is a schedule {name!r} of something else; give the monitor another name, or "
            f"delete that: tintype schedule delete --name {name}"
        )
