"""Parts of an online deployment's document: requests, probes, scaling, and how the model answers.

Source of Azure's keys, limits and defaults: azure-contracts.md §6.2 and §6.3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from tintype.errors import UsageError, nearest
from tintype.schemas.document import StrictModel
from tintype.schemas.online_endpoint import Whole
from tintype.schemas.task import ZERO_SHOT, Task, parse_task
from tintype.schemas.wire import Style, parse_style

__all__ = [
    "MOST_INSTANCES",
    "DefaultScaleSettings",
    "ProbeSettings",
    "RequestSettings",
    "ScaleSettings",
    "ScoringSettings",
    "Seconds",
    "TargetUtilizationScaleSettings",
]

MOST_INSTANCES = 50
"""Of one deployment, as Azure's."""

_LONGEST_TIMEOUT_MS = 180_000
_ONE_DAY = 86_400

_DURATION = TypeAdapter(timedelta)


def _seconds(value: Any) -> Any:
    """Whole seconds of an ISO 8601 duration; anything else as it is."""
    if not isinstance(value, str) or not value.strip().upper().startswith("P"):
        return value
    try:
        seconds = _DURATION.validate_python(value.strip().upper()).total_seconds()
    except ValidationError:
        seconds = None
    if seconds is None or seconds % 1:
        raise ValueError(f"{value!r} given; expected whole seconds, such as 10 or PT10S")
    return int(seconds)


Seconds = Annotated[Whole, BeforeValidator(_seconds)]
"""Whole seconds; an ISO 8601 duration (PT10S) is read too."""


class RequestSettings(StrictModel):
    """`request_settings`: how long a request may take, and how many at the same time."""

    request_timeout_ms: Whole = Field(5000, ge=1, le=_LONGEST_TIMEOUT_MS)
    """Milliseconds until a request is answered with 408."""

    max_concurrent_requests_per_instance: Annotated[Whole, Field(ge=1)] | None = None
    """Requests an instance works on at once; as many again wait, and more are answered with 429.
    None: sized to the micro-batches."""

    max_queue_wait_ms: Annotated[Whole, Field(ge=0)] | None = None
    """Deprecated by Azure; no effect here."""


class ProbeSettings(StrictModel):
    """`liveness_probe` and `readiness_probe`: how an instance is asked whether it is well."""

    initial_delay: Seconds = Field(10, ge=0, le=_ONE_DAY)
    """Seconds from the start of an instance to the first probe."""

    period: Seconds = Field(10, ge=1, le=_ONE_DAY)
    """Seconds between probes."""

    timeout: Seconds = Field(2, ge=1, le=_ONE_DAY)
    """Seconds after which a probe has failed."""

    success_threshold: Whole = Field(1, ge=1)
    """Successes in a row after which the instance counts as well."""

    failure_threshold: Whole = Field(30, ge=1)
    """Failures in a row after which it does not."""


class DefaultScaleSettings(StrictModel):
    """As many instances as `instance_count` says."""

    type: Literal["default"] = "default"
    """default."""


class TargetUtilizationScaleSettings(StrictModel):
    """More instances while they are busy, fewer while they are not."""

    type: Literal["target_utilization"] = "target_utilization"
    """target_utilization."""

    polling_interval: Seconds = Field(1, ge=1, le=_ONE_DAY)
    """Seconds between looks at how busy the instances are."""

    target_utilization_percentage: Whole = Field(70, ge=1, le=100)
    """How busy they should be, in percent of the requests they can work on at once."""

    min_instances: Whole = Field(1, ge=1, le=MOST_INSTANCES)
    """Never fewer."""

    max_instances: Whole = Field(1, ge=1, le=MOST_INSTANCES)
    """Never more."""

    @model_validator(mode="after")
    def _in_order(self) -> TargetUtilizationScaleSettings:
        if self.min_instances > self.max_instances:
            raise ValueError(
                f"min_instances {self.min_instances} is above max_instances {self.max_instances}; "
                "raise max_instances"
            )
        return self


_SCALE_TYPES = ("default", "target_utilization")
_TARGET_KEYS = frozenset(TargetUtilizationScaleSettings.model_fields) - {"type"}


def _scale_settings(value: Any) -> Any:
    """`type` in snake case (Azure also writes TargetUtilization), checked before the other keys."""
    if isinstance(value, StrictModel):
        return value
    kind = value.get("type") if isinstance(value, Mapping) else None
    if not isinstance(kind, str):
        raise ValueError("expected a mapping with type: default or type: target_utilization")
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.strip()).lower()
    if kind not in _SCALE_TYPES:
        raise ValueError(
            f"type {value['type']!r} given; expected {' or '.join(_SCALE_TYPES)}."
            f"{nearest(kind, _SCALE_TYPES)}"
        )
    misplaced = [key for key in value if key in _TARGET_KEYS]
    if kind == "default" and misplaced:
        raise ValueError(f"{', '.join(misplaced)} given; only type: target_utilization has that")
    return {**value, "type": kind}


ScaleSettings = Annotated[
    Annotated[DefaultScaleSettings | TargetUtilizationScaleSettings, Field(discriminator="type")],
    BeforeValidator(_scale_settings),
]
"""`scale_settings`."""


def _device(value: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", value):
        raise ValueError(f"{value!r} given; expected auto, cpu, cuda or cuda:<number>")
    return value


class ScoringSettings(StrictModel):
    """`settings`: how the model is loaded and how it answers, as the options of `tintype serve`."""

    runtime: Literal["auto", "torch", "torch-compile", "openvino", "onnxruntime"] | None = None
    """auto, torch, torch-compile, openvino or onnxruntime. None: the setting of the machine."""

    precision: Literal["auto", "fp32", "bf16", "int8"] | None = None
    """auto, fp32, bf16 or int8 (after `tintype model quantize`). None: the setting of the
    machine."""

    device: Annotated[str, AfterValidator(_device)] = "auto"
    """auto, cpu or cuda; cuda:1 is the second one."""

    task: Task | None = None
    """image_classification, image_classification_multilabel, zero_shot_image_classification or
    embeddings. None: the model's own."""

    labels: list[str] | None = None
    """Zero-shot: labels for requests without their own; a list, or 'a cat, a dog'."""

    prompt: str | None = None
    """Zero-shot: a template, 'a photo of a {}'."""

    pooling: Literal["auto", "cls", "mean", "projection"] = "auto"
    """Embeddings: auto (the family's own), cls, mean or projection."""

    normalize: bool = False
    """Embeddings: scaled to length 1."""

    exact: bool | None = None
    """true: images bit for bit as transformers reads them; false: up to 4x faster. None: exact in
    fp32."""

    response_style: Style = "probs"
    """For requests that name none: probs (A, all classes), list (B) or ranked (C)."""

    on_row_error: Literal["fail", "skip"] = "fail"
    """fail: one bad row fails its request, with the row's index. skip: the other rows are
    answered."""

    @field_validator("task", mode="before")
    @classmethod
    def _task(cls, value: Any) -> Any:
        return _parsed(parse_task, value)

    @field_validator("response_style", mode="before")
    @classmethod
    def _style(cls, value: Any) -> Any:
        return _parsed(parse_style, value)

    @field_validator("labels", mode="before")
    @classmethod
    def _labels(cls, value: Any) -> Any:
        # How many there may be, and how long, is checked where they are embedded.
        if isinstance(value, str) and value.strip().startswith("["):
            try:
                value = json.loads(value)
            except ValueError:
                raise ValueError("begins like a JSON list but is none") from None
        elif isinstance(value, str):
            value = value.split(",")
        if not isinstance(value, list | tuple):
            return value
        trimmed = [item.strip() if isinstance(item, str) else item for item in value]
        found = [item for item in trimmed if item != ""]
        if not found:
            raise ValueError("holds no label")
        return found

    @field_validator("prompt")
    @classmethod
    def _prompt(cls, value: str | None) -> str | None:
        if value is not None and "{}" not in value:
            raise ValueError(f"{value!r} given; it must hold '{{}}' where the label goes")
        return value

    @field_validator("labels", "prompt")
    @classmethod
    def _for_zero_shot(cls, value: Any, info: ValidationInfo) -> Any:
        task = info.data.get("task")
        if value is not None and task not in (None, ZERO_SHOT):
            raise ValueError(f"is for {ZERO_SHOT}, not for {task}")
        return value

    def loading(self) -> dict[str, Any]:
        """The options of `Scorer.load`."""
        return self.model_dump(exclude={"response_style", "on_row_error"})


def _parsed(parse: Any, value: Any) -> Any:
    """What `parse` makes of a text, its UsageError as one of pydantic's."""
    if not isinstance(value, str):
        return value
    try:
        return parse(value)
    except UsageError as error:
        raise ValueError(str(error)) from None
