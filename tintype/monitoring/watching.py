"""Running a monitor: its newest window against its baseline, and what becomes of that."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tintype.errors import RunCancelled, TintypeError
from tintype.files import locked_folder, write_text
from tintype.monitoring.alarms import alarms_of, post_alarm
from tintype.monitoring.baseline import baseline_of, check_baseline
from tintype.monitoring.drifted_pictures import ShownPictures, choose_pictures
from tintype.monitoring.page import PageSide, write_monitor_page
from tintype.monitoring.samples import Sample, look_at
from tintype.monitoring.signals import Comparison, compare, different_pictures
from tintype.monitoring.watched import ANSWERS, PICTURES, Watched, find_watched
from tintype.monitoring.windows import WindowRows, answers_of, read_window
from tintype.schemas.monitor import MonitorDocument
from tintype.workspace.monitors import MonitorStore
from tintype.workspace.runs import now

__all__ = ["check_monitor", "notices_of", "run_monitor"]

# Labels of a window that are kept, those that changed most.
_MOST_LABELS = 100


def check_monitor(monitor: MonitorDocument) -> None:
    """Everything that can be known in seconds: the deployment, what it collects, and the baseline.

    Raises:
        UsageError: names what is wrong and where.
    """
    watched = find_watched(monitor)
    watched.check_collects(monitor)
    check_baseline(monitor, watched)


def notices_of(store: MonitorStore, monitor: MonitorDocument) -> list[str]:
    """What people should know of a new monitor, a sentence each."""
    watched = find_watched(monitor)
    missing = set(monitor.signals) - watched.collected()
    notices = list(monitor.without_effect)
    for needed, what in ((PICTURES, "model_inputs"), (ANSWERS, "model_outputs")):
        names = sorted(missing & needed)
        if names:
            notices.append(
                f"{', '.join(names)}: not watched until {watched.name} also collects {what}"
            )
    for other in store.list():
        document = other.checked
        if (
            other.name != monitor.name
            and document.endpoint == monitor.endpoint
            and (document.deployment in (None, monitor.deployment) or monitor.deployment is None)
        ):
            notices.append(
                f"monitor {other.name!r} watches the same pictures; each alarms by itself, so that "
                "together they err more often than one"
            )
    return notices


def run_monitor(
    store: MonitorStore, name: str, *, cancelled: Callable[[], bool] = lambda: False
) -> dict[str, Any]:
    """Look at the newest window of the monitor called `name`; what it showed.

    The `outcome` is drift, no drift, or waiting: with too few pictures nothing is tested, and the window stays open.

    Raises:
        UsageError: there is no such monitor, its endpoint is gone, or its baseline cannot be used.
        OutputError: the workspace cannot be written, or the monitor runs just now.
        RunCancelled: `cancelled` said so.
    """
    monitor = store.get(name).checked
    with locked_folder(store.folder(name)):
        try:
            return _Watching(store, monitor, cancelled).run()
        except RunCancelled:
            raise
        except TintypeError as error:
            store.change(name, last_run_at=now(), last_error=str(error))
            raise


@dataclass(frozen=True)
class _Watching:
    """One run; the monitor's folder is locked."""

    store: MonitorStore
    monitor: MonitorDocument
    cancelled: Callable[[], bool]

    def run(self) -> dict[str, Any]:
        """See `run_monitor`."""
        monitor = self.monitor
        watched = find_watched(monitor)
        rows = self._rows(watched)
        least = monitor.window.least_pictures
        if len(rows.rows) < least:
            return self._waiting(f"{rows.total} pictures were collected; {least} are needed")
        baseline = baseline_of(self.store, monitor, watched, cancelled=self.cancelled)
        window, notices = self._looked_at(rows, baseline)
        different = different_pictures(baseline, window)
        if len(different.window) < least:
            return self._waiting(
                f"of {len(window)} pictures {len(different.window)} are different from one another and "
                f"can be read; {least} are needed"
            )
        comparison = compare(
            different, self._labelled(), monitor.signals, monitor.alarm.significance
        )
        shown = choose_pictures(different.baseline, different.window)
        alarms = alarms_of(comparison, monitor.alarm)
        found: dict[str, Any] = {
            "outcome": "drift" if alarms else "no drift",
            "run_at": now(),
            "start": _text(rows.start),
            "end": _text(rows.end),
            "rows": rows.total,
            "looked_at": len(window),
            "different": len(different.window),
            "repeated": different.repeated,
            "unreadable": sum(bool(each) for each in window.locations) - int(window.seen.sum()),
            "baseline_pictures": len(different.baseline),
            "alarms": alarms,
            **_shown(comparison),
            "notices": [*notices, *comparison.notices],
            "drifted": _drifted(rows, window, different.window, shown),
        }
        self._write_page(found, different.baseline, different.window, shown)
        kept = self.store.add_window(monitor.name, found)
        assert kept.last_window is not None
        self._tell(alarms, kept.last_window)
        return kept.last_window

    def _rows(self, watched: Watched) -> WindowRows:
        window, record = self.monitor.window, watched.record
        last = self.store.end_of_last(self.monitor.name)
        earlier = self.monitor.baseline.window
        # Pictures of the baseline itself are no window.
        after = earlier.bounds[1] if last is None and earlier is not None else last
        if window.lookback is not None:
            after = datetime.datetime.now(datetime.UTC) - datetime.timedelta(
                seconds=window.lookback
            )
        rows = read_window(record.endpoint, record.name, after, None, window.most_pictures)
        if last is not None and rows.end is not None and rows.end <= last:
            # All of it has been looked at.
            return WindowRows([], 0, None, None)
        return rows

    def _looked_at(self, rows: WindowRows, baseline: Sample) -> tuple[Sample, list[str]]:
        monitor, notices = self.monitor, []
        classes = baseline.answers.classes
        others = {row.label for row in rows.rows if row.label is not None} - set(classes)
        if others and monitor.baseline.window is not None:
            # An earlier time has the labels that were given then, and may lack some.
            classes, others = (*classes, *sorted(others)), set()
        if others:
            count = sum(row.label in others for row in rows.rows)
            notices.append(
                f"{count} answers are labels that the baseline's model does not know "
                f"({', '.join(sorted(others)[:5])}), and are left out: the deployment had another model "
                "then"
            )
        embeds = "embedding_drift" in monitor.signals
        sample = look_at(
            [row.location for row in rows.rows],
            answers_of(rows.rows, classes, {}),
            monitor.embedding_model if embeds else None,
            cancelled=self.cancelled,
        )
        return sample, notices

    def _labelled(self) -> np.ndarray:
        """Of labels that have come since the last window, whether the answers were right."""
        last = self.store.get(self.monitor.name).last_window
        since = "" if last is None else last["run_at"]
        labels = self.store.labels(self.monitor.name).values()
        return np.array([each.right for each in labels if each.added > since], np.int64)

    def _waiting(self, reason: str) -> dict[str, Any]:
        self.store.change(self.monitor.name, last_run_at=now(), last_error=None)
        return {"outcome": "waiting", "reason": reason, "alarms": []}

    def _write_page(
        self, found: dict[str, Any], baseline: Sample, window: Sample, shown: ShownPictures
    ) -> None:
        page = write_monitor_page(
            self.monitor,
            [*self.store.windows(self.monitor.name), found],
            PageSide(baseline, shown.baseline_witness, shown.typical, shown.missed),
            PageSide(window, shown.window_witness, shown.drifted),
            list(self.store.labels(self.monitor.name).values()),
        )
        write_text(self.store.folder(self.monitor.name) / "report.html", page, mode=0o600)

    def _tell(self, alarms: list[str], window: dict[str, Any]) -> None:
        """Post an alarm; a failure of that is told by the monitor, and ends nothing."""
        monitor = self.monitor
        if not alarms or monitor.alarm.webhook is None:
            return
        brief = (
            "number",
            "start",
            "end",
            "looked_at",
            "different",
            "tests",
            "estimates",
            "accuracy",
        )
        reason = post_alarm(
            monitor.alarm.webhook,
            {
                # What chat servers show of a webhook.
                "text": f"monitor {monitor.name}: {'; '.join(alarms)}",
                "monitor": monitor.name,
                "endpoint": monitor.endpoint,
                "deployment": monitor.deployment,
                "alarms": alarms,
                "window": {key: window[key] for key in brief},
            },
        )
        if reason is not None:
            self.store.change(
                monitor.name, last_error=f"the alarm could not be posted to its webhook: {reason}"
            )


def _shown(comparison: Comparison) -> dict[str, Any]:
    """What a window's record says of it."""
    return {
        "tests": [asdict(test) for test in comparison.tests],
        "psi": comparison.psi,
        "labels": comparison.labels[:_MOST_LABELS],
        "estimates": {name: asdict(each) for name, each in comparison.estimates.items()},
        "accuracy": None if comparison.accuracy is None else asdict(comparison.accuracy),
        "baseline_accuracy": (
            None if comparison.baseline_accuracy is None else asdict(comparison.baseline_accuracy)
        ),
    }


def _drifted(
    rows: WindowRows, window: Sample, different: Sample, shown: ShownPictures
) -> list[dict[str, Any]]:
    """The pictures that drifted most, so that they can be found again."""
    places = {location: row for row, location in enumerate(window.locations)}
    found = []
    for row in shown.drifted.tolist():
        origin = rows.rows[places[different.locations[row]]]
        found.append(
            {
                "picture": origin.location,
                "request_id": origin.key[0],
                "row": origin.key[1],
                "label": origin.label,
                "score": origin.score,
                "witness": round(float(shown.window_witness[row]), 5),
            }
        )
    return found


def _text(moment: datetime.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
