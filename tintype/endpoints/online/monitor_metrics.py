"""What Prometheus reads of monitors: their newest windows, as the workspace keeps them."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from tintype.errors import TintypeError
from tintype.workspace.monitors import Monitor, MonitorStore

__all__ = ["monitors_text"]

_log = logging.getLogger("tintype")

_LABELS = ("monitor", "endpoint", "deployment")


def monitors_text() -> bytes:
    """The exposition; empty without monitors."""
    registry = CollectorRegistry()
    registry.register(_Monitors())
    return generate_latest(registry)


class _Monitors(Collector):
    """Reads them anew each time: other processes write them."""

    def describe(self) -> list[Metric]:
        """Nothing is known before it is read."""
        return []

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        monitors = _readable()
        if not monitors:
            return
        alarm = GaugeMetricFamily(
            "tintype_monitor_alarm", "1 where the newest window has an alarm.", labels=_LABELS
        )
        alarms = CounterMetricFamily(
            "tintype_monitor_alarms", "Windows with an alarm.", labels=_LABELS
        )
        ran = GaugeMetricFamily(
            "tintype_monitor_last_run_timestamp_seconds", "When it ran last.", labels=_LABELS
        )
        failing = GaugeMetricFamily(
            "tintype_monitor_failing", "1 where its last run failed.", labels=_LABELS
        )
        p_value = GaugeMetricFamily(
            "tintype_monitor_p_value",
            "Of each test of the newest window, adjusted for all of them.",
            labels=(*_LABELS, "signal", "test"),
        )
        accuracy = GaugeMetricFamily(
            "tintype_monitor_accuracy",
            "Of the newest window: by labels, or estimated (atc, doc).",
            labels=(*_LABELS, "method"),
        )
        for monitor in monitors:
            document = monitor.document
            of = [monitor.name, document["endpoint"], document.get("deployment") or ""]
            alarms.add_metric(of, monitor.alarms)
            failing.add_metric(of, float(monitor.last_error is not None))
            if monitor.last_run_at is not None:
                moment = datetime.datetime.fromisoformat(monitor.last_run_at)
                ran.add_metric(of, moment.timestamp())
            window = monitor.last_window
            if window is None:
                continue
            alarm.add_metric(of, float(bool(window["alarms"])))
            for test in window["tests"]:
                p_value.add_metric([*of, test["signal"], test["name"]], test["adjusted"])
            for method, each in window["estimates"].items():
                accuracy.add_metric([*of, method], each["value"])
            if window["accuracy"] is not None:
                accuracy.add_metric([*of, "labels"], window["accuracy"]["value"])
        yield from (alarm, alarms, ran, failing, p_value, accuracy)


def _readable() -> list[Monitor]:
    store = MonitorStore()
    found = []
    for name in store.names():
        # One that cannot be read keeps no other from being told of.
        try:
            found.append(store.get(name))
        except TintypeError as error:
            _log.error("monitor %s: %s", name, error)
    return found
