"""Monitors among what Prometheus reads."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tintype.endpoints.online.metrics import GatewayMetrics
from tintype.endpoints.online.monitor_metrics import monitors_text
from tintype.schemas.document import Document
from tintype.schemas.monitor import read_monitor
from tintype.workspace.monitors import MonitorStore

WINDOW = {
    "end": "2026-05-01T12:00:00+00:00",
    "alarms": ["label_drift: chi_square p = 0.01"],
    "tests": [{"signal": "label_drift", "name": "chi_square", "adjusted": 0.01}],
    "estimates": {"atc": {"value": 0.8, "low": 0.7, "high": 0.9}},
    "accuracy": {"value": 0.75},
}


def values() -> dict[tuple[str, str, str], float]:
    """By name, monitor, and test or method."""
    families = text_string_to_metric_families(GatewayMetrics().text().decode())
    return {
        (
            sample.name.removeprefix("tintype_monitor_"),
            sample.labels["monitor"],
            sample.labels.get("test") or sample.labels.get("method") or "",
        ): sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith("tintype_monitor")
    }


def test_nothing_without_monitors(workspace_home: Path) -> None:
    assert monitors_text() == b""


def test_what_the_newest_window_showed(workspace_home: Path, tmp_path: Path) -> None:
    store = MonitorStore()
    for name in ("watch", "fresh"):
        content = {"name": name, "endpoint": "pets", "deployment": "blue", "baseline": "x"}
        store.create(read_monitor(Document(content), tmp_path))
    store.add_window("watch", WINDOW)
    found = values()
    assert found["alarm", "watch", ""] == 1.0
    assert found["alarms_total", "watch", ""] == 1.0
    assert found["p_value", "watch", "chi_square"] == 0.01
    assert found["accuracy", "watch", "atc"] == 0.8
    assert found["accuracy", "watch", "labels"] == 0.75
    assert found["failing", "watch", ""] == 0.0
    assert found["last_run_timestamp_seconds", "watch", ""] > 1.7e9
    assert ("alarm", "fresh", "") not in found
    text = GatewayMetrics().text().decode()
    assert 'tintype_monitor_alarm{deployment="blue",endpoint="pets",monitor="watch"} 1.0' in text
    # One that cannot be read keeps no other from being told of.
    (store.folder("fresh") / "monitor.json").write_text("torn")
    assert values() == {key: value for key, value in found.items() if "fresh" not in key}
