"""Azure's schedule of a monitor, `create_monitor:`, as a monitor document of ours.

Source of Azure's keys: the CLI (v2) monitor schedule YAML schema and "Monitor performance of models deployed to production"
of Azure Machine Learning's documentation. Its data drift is of columns of numbers; of pictures, it is drift of embeddings and
of image statistics.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tintype.errors import DocumentError, nearest
from tintype.schemas.document import Document, KeyPath

__all__ = ["from_azure", "is_azure_monitor"]

_SIGNALS: dict[str, tuple[str, ...]] = {
    "data_drift": ("embedding_drift", "image_statistics"),
    "data_quality": ("image_statistics",),
    "prediction_drift": ("label_drift", "confidence_drift"),
    "model_performance": ("accuracy", "estimated_accuracy"),
}
"""By the type of Azure's."""

_NOT_HERE = ("feature_attribution_drift", "custom", "generation_safety_quality",
             "generation_token_statistics")  # fmt: skip

_MONITOR_KEYS = ("compute", "monitoring_target", "monitoring_signals", "alert_notification")

_SIGNAL_KEYS = ("type", "production_data", "reference_data", "features", "metric_thresholds", "alert_enabled",
                "properties", "feature_type_override", "data_segment")  # fmt: skip

_DATA_KEYS = (
    "input_data",
    "data_context",
    "data_column_names",
    "data_window",
    "pre_processing_component",
)

_KEPT = ("$schema", "name", "display_name", "description", "tags", "properties")


def is_azure_monitor(document: Document) -> bool:
    """Whether it is a schedule whose work is a monitor."""
    return "create_monitor" in document.data


def from_azure(document: Document) -> tuple[Document, list[str]]:
    """The monitor document that it stands for, and what of it has no effect here, a sentence each.

    Raises:
        DocumentError: names file, line and key of what cannot be taken.
    """
    return _Reader(document).read()


class _Reader:
    """One document on its way."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._notices: list[str] = []

    def read(self) -> tuple[Document, list[str]]:
        data = self._document.data
        self._known((), data, (*_KEPT, "trigger", "create_monitor"))
        monitor = self._mapping(("create_monitor",), data["create_monitor"])
        self._known(("create_monitor",), monitor, _MONITOR_KEYS)
        if "compute" in monitor:
            self._notices.append("create_monitor.compute has no effect here")
        if monitor.get("alert_notification") is not None:
            self._notices.append(
                "create_monitor.alert_notification has no effect here: alarm.webhook tells of alarms"
            )
        content = {key: data[key] for key in _KEPT if key in data}
        lines = {key: line for key, line in self._document.lines.items() if key[:1] != ("trigger",)}
        for place, line in self._document.lines.items():
            if place[:1] == ("trigger",):
                lines[("schedule", *place[1:])] = line
        if "trigger" in data:
            content["schedule"] = data["trigger"]
        content |= self._target(monitor)
        content |= self._signals(monitor)
        return Document(content, self._document.path, lines), self._notices

    def _target(self, monitor: Mapping[str, Any]) -> dict[str, Any]:
        place: KeyPath = ("create_monitor", "monitoring_target")
        target = self._mapping(place, monitor.get("monitoring_target"))
        self._known(place, target, ("ml_task", "endpoint_deployment_id", "model_id"))
        task = str(target.get("ml_task", "classification")).lower()
        if task != "classification":
            raise self._wrong((*place, "ml_task"), f"{task!r} given; expected 'classification'")
        given = target.get("endpoint_deployment_id")
        parts = str(given or "").removeprefix("azureml:").split(":")
        if len(parts) != 2 or not all(parts):
            raise self._wrong(
                (*place, "endpoint_deployment_id"),
                f"{given!r} given; expected azureml:ENDPOINT:DEPLOYMENT",
            )
        return {"endpoint": parts[0], "deployment": parts[1]}

    def _signals(self, monitor: Mapping[str, Any]) -> dict[str, Any]:
        place: KeyPath = ("create_monitor", "monitoring_signals")
        signals: list[str] = []
        content: dict[str, Any] = {}
        for name, value in self._mapping(place, monitor.get("monitoring_signals")).items():
            here = (*place, name)
            signal = self._mapping(here, value)
            self._known(here, signal, _SIGNAL_KEYS)
            kind = str(signal.get("type"))
            if kind in _NOT_HERE:
                self._notices.append(f"{'.'.join(map(str, here))}: {kind} is not watched here")
                continue
            if kind not in _SIGNALS:
                raise self._wrong(
                    (*here, "type"),
                    f"{kind!r} given; expected one of {', '.join(_SIGNALS)}."
                    f"{nearest(kind, _SIGNALS)}",
                )
            signals += [each for each in _SIGNALS[kind] if each not in signals]
            self._signal(here, signal, kind, content)
        if not signals:
            raise self._wrong(place, f"none of {', '.join(_SIGNALS)} is among them")
        if "baseline" not in content:
            raise self._wrong(place, "no signal names its reference_data.input_data.path")
        return {**content, "signals": signals}

    def _signal(
        self, place: KeyPath, signal: Mapping[str, Any], kind: str, content: dict[str, Any]
    ) -> None:
        """Take what a signal says of its data and of the least accuracy into the monitor's content."""
        dotted = ".".join(str(part) for part in place)
        for key in ("features", "feature_type_override", "data_segment", "properties"):
            if signal.get(key):
                self._notices.append(f"{dotted}.{key} has no effect here")
        reference = self._data((*place, "reference_data"), signal)
        path = self._mapping((*place, "reference_data", "input_data"), reference.get("input_data"))
        if path.get("path") is not None:
            columns = reference.get("data_column_names") or {}
            baseline = {"path": path["path"]}
            if isinstance(columns, Mapping) and columns.get("target_column"):
                baseline["label_column_name"] = columns["target_column"]
            self._same((*place, "reference_data"), content, "baseline", baseline)
        production = self._data((*place, "production_data"), signal)
        window = production.get("data_window") or {}
        if isinstance(window, Mapping) and window.get("lookback_window_size"):
            lookback = {"lookback": window["lookback_window_size"]}
            self._same((*place, "production_data"), content, "window", lookback)
        if production.get("input_data"):
            self._notices.append(
                f"{dotted}.production_data.input_data has no effect here: what the deployment's "
                "data_collector kept is looked at"
            )
        thresholds = signal.get("metric_thresholds")
        if kind == "model_performance" and isinstance(thresholds, Mapping):
            accuracy = (thresholds.get("classification") or thresholds).get("accuracy")
            if accuracy is not None:
                content["alarm"] = {"accuracy_below": accuracy}
                return
        if thresholds:
            self._notices.append(
                f"{dotted}.metric_thresholds has no effect here: alarm.significance is the chance of "
                "a false alarm"
            )

    def _data(self, place: KeyPath, signal: Mapping[str, Any]) -> Mapping[str, Any]:
        data = signal.get(str(place[-1]))
        if data is None:
            return {}
        if isinstance(data, list) and len(data) == 1:
            # Of model_performance, production data are listed.
            data = data[0]
        data = self._mapping(place, data)
        self._known(place, data, _DATA_KEYS)
        return data

    def _same(self, place: KeyPath, content: dict[str, Any], key: str, value: Any) -> None:
        if content.setdefault(key, value) != value:
            raise self._wrong(
                place,
                f"{value} given, and {content[key]} by another signal; a monitor has one {key}: make "
                "a second monitor",
            )

    def _mapping(self, place: KeyPath, value: Any) -> Mapping[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self._wrong(place, f"{value!r} given; expected a mapping")
        return value

    def _known(self, place: KeyPath, value: Mapping[str, Any], names: tuple[str, ...]) -> None:
        for key in value:
            if key not in names:
                raise self._wrong((*place, key), f"unknown key.{nearest(str(key), names)}")

    def _wrong(self, place: KeyPath, message: str) -> DocumentError:
        return DocumentError(
            message,
            file=self._document.path,
            line=self._document.line(place),
            field=".".join(str(part) for part in place),
        )
