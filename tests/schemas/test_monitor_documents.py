"""Documents of monitors: ours, and Azure's schedule of a monitor."""

from __future__ import annotations

from pathlib import Path

import pytest

from tintype.errors import DocumentError
from tintype.schemas.document import parse_yaml
from tintype.schemas.monitor import SIGNALS, MonitorDocument, read_monitor

OURS = """\
name: watch
endpoint: pets
deployment: blue
baseline: ./validation
"""

AZURE = """\
$schema: http://azureml/sdk-2-0/Schedule.json
name: pets_model_monitoring
display_name: Pets
trigger:
  type: recurrence
  frequency: day
  interval: 1
  schedule: {hours: 3, minutes: 15}
create_monitor:
  compute: {instance_type: standard_e4s_v3, runtime_version: "3.4"}
  monitoring_target:
    ml_task: classification
    endpoint_deployment_id: azureml:pets:blue
  monitoring_signals:
    drift:
      type: data_drift
      production_data:
        data_window: {lookback_window_size: P1D, lookback_window_offset: P0D}
      reference_data:
        input_data: {path: ./validation, type: mltable}
        data_context: validation
        data_column_names: {target_column: kind}
      features: {top_n_feature_importance: 10}
      metric_thresholds: {numerical: {jensen_shannon_distance: 0.01}}
    answers:
      type: prediction_drift
    performance:
      type: model_performance
      metric_thresholds: {classification: {accuracy: 0.8}}
    attribution:
      type: feature_attribution_drift
  alert_notification: {emails: [abc@example.com]}
"""


def read(text: str, base: Path = Path("/data")) -> MonitorDocument:
    return read_monitor(parse_yaml(text, Path("monitor.yml")), base)


def refused(text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        read(text)
    return str(caught.value)


def test_a_short_one() -> None:
    monitor = read(OURS)
    assert monitor.baseline.path == "/data/validation"
    assert tuple(monitor.signals) == SIGNALS
    assert (monitor.window.least_pictures, monitor.alarm.significance) == (100, 0.05)
    assert monitor.schedule is None


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("baselin: x", "monitor.yml:5: baselin: unknown key. Did you mean 'baseline'?"),
        ("signals: [data_drift]", "monitor.yml:5: signals.0: 'data_drift' given; expected"),
        ("signals: [accuracy, accuracy]", "each once"),
        ("window: {lookback: 5}", "monitor.yml:5: window.lookback: 5 given"),
        ("window: {least_pictures: 500, most_pictures: 100}", "more than most_pictures, 100"),
        ("window: {least_pictures: 3}", "monitor.yml:5: window.least_pictures: 3 given"),
        ("alarm: {webhook: ftp://x}", "begins with https:// or http://"),
        ("alarm: {webhook: 'https://me:secret@x'}", "without a user name"),
        ("alarm: {significance: 0}", "alarm.significance: 0 given"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(more: str, expected: str) -> None:
    assert expected in refused(OURS + more)


@pytest.mark.parametrize(
    ("baseline", "expected"),
    [
        ("{path: a, job: b}", "expected one of path"),
        ("{}", "expected one of path"),
        ("{window: {start: 2026-05-02, end: 2026-05-01}}", "not after start"),
        ("{window: {start: May, end: June}}", "expected ISO 8601"),
    ],
)
def test_one_baseline(baseline: str, expected: str) -> None:
    assert expected in refused(OURS.replace("./validation", baseline))


def test_azures() -> None:
    monitor = read(AZURE)
    assert (monitor.name, monitor.endpoint, monitor.deployment) == (
        "pets_model_monitoring",
        "pets",
        "blue",
    )
    assert monitor.baseline.path == "/data/validation"
    assert monitor.baseline.label_column_name == "kind"
    assert monitor.window.lookback == 86_400
    assert tuple(monitor.signals) == (
        "embedding_drift",
        "image_statistics",
        "label_drift",
        "confidence_drift",
        "accuracy",
        "estimated_accuracy",
    )
    assert monitor.alarm.accuracy_below == 0.8
    assert monitor.schedule is not None
    said = " ".join(monitor.without_effect)
    for word in ("compute", "alert_notification", "drift.features", "drift.metric_thresholds",
                 "feature_attribution_drift is not watched"):  # fmt: skip
        assert word in said
    assert len(monitor.without_effect) == 5


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("classification\n", "regression\n", "monitor.yml:12: create_monitor.monitoring_target"),
        ("azureml:pets:blue", "pets", "expected azureml:ENDPOINT:DEPLOYMENT"),
        ("type: data_drift", "type: data_drif", "Did you mean 'data_drift'?"),
        ("data_context:", "data_contex:", "Did you mean 'data_context'?"),
        ("frequency: day", "frequency: dya", "monitor.yml:6: schedule.frequency"),
        ("path: ./validation, ", "", "no signal names its reference_data.input_data.path"),
    ],
)
def test_what_is_wrong_with_azures(old: str, new: str, expected: str) -> None:
    assert expected in refused(AZURE.replace(old, new, 1))


def test_signals_of_azures_share_one_baseline() -> None:
    other = "type: prediction_drift\n      reference_data: {input_data: {path: ./other}}"
    assert "a monitor has one baseline" in refused(AZURE.replace("type: prediction_drift", other))
