"""Parts of an online deployment's document: requests, probes and scaling.

Source of Azure's keys, limits and defaults: docs/contracts.md §6.2 and §6.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from tintype.errors import nearest
from tintype.schemas.document import StrictModel
from tintype.schemas.endpoint_parts import Seconds, Whole

__all__ = [
    "MOST_INSTANCES",
    "DefaultScaleSettings",
    "ProbeSettings",
    "RequestSettings",
    "ScaleSettings",
    "TargetUtilizationScaleSettings",
]

MOST_INSTANCES = 50
"""Of one deployment, as Azure's."""

_LONGEST_TIMEOUT_MS = 180_000
_ONE_DAY = 86_400


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
