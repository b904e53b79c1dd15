"""A shift of an online endpoint's traffic: from the deployment that has it to a challenger, in steps."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from tintype.errors import UsageError
from tintype.schemas.document import Document, StrictModel, validate
from tintype.schemas.duration import Duration
from tintype.schemas.endpoint_parts import EndpointName, Whole, merged_document

__all__ = [
    "ShiftBounds",
    "TrafficShiftDocument",
    "load_traffic_shift",
    "parse_bounds",
    "parse_steps",
    "read_traffic_shift",
]

_STEPS = (5, 25, 50, 100)


def _share(value: Any) -> Any:
    """`1%` or `0.01` as a share."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value)
        if match is None:
            raise ValueError(
                f"{value!r} given; expected a percentage such as 1%, or a share such as 0.01"
            )
        return float(match[1]) / 100
    return value


def _factor(value: Any) -> Any:
    """`1.5x` or `1.5` as a factor."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*x\s*", value)
        if match is None:
            raise ValueError(f"{value!r} given; expected a factor such as 1.5x")
        return float(match[1])
    return value


_Share = Annotated[float, BeforeValidator(_share), Field(ge=0, le=1)]
_Factor = Annotated[float, BeforeValidator(_factor), Field(ge=1, le=1000)]


class ShiftBounds(StrictModel):
    """What the challenger may not pass; one that is left out is not watched."""

    errors: _Share | None = None
    """Share of its requests that fail (408, 424, 429 and from 500 on) beyond that of the champion in the same time: 1%."""

    latency_p95: _Factor | None = None
    """95th percentile of its times, as a multiple of the champion's in the same time: 1.5x."""

    disagreement: _Share | None = None
    """Share of mirrored pictures whose likeliest label is another than the champion's: 10%. With this, the challenger
    is mirrored for a step before it takes traffic."""


class TrafficShiftDocument(StrictModel):
    """Traffic goes over in steps, and back by itself when a bound is passed."""

    schema_: str | None = Field(None, alias="$schema")
    """Ignored."""

    endpoint: EndpointName
    """The online endpoint. One deployment, the champion, has all of its traffic."""

    to: EndpointName
    """The challenger: a deployment of it without traffic."""

    steps: list[Annotated[Whole, Field(ge=1, le=100)]] = Field(default=list(_STEPS), min_length=1)
    """Percent of the traffic that it has in each step, rising to 100."""

    every: Annotated[Duration, Field(ge=1)] = 600
    """How long a step takes at least: 10m."""

    mirror: Annotated[Whole, Field(ge=1, le=50)] = 50
    """Percent of requests that are mirrored to the challenger before the first step, where `bounds.disagreement` is given."""

    min_requests: Annotated[Whole, Field(ge=1)] = 100
    """Requests of each side, or mirrored pictures, before a step is judged; it waits for as many."""

    bounds: ShiftBounds = Field(default_factory=lambda: ShiftBounds(errors=0.01, latency_p95=1.5))
    """What sends the traffic back. Left out: errors 1%, latency_p95 1.5x."""

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: list[int]) -> list[int]:
        if any(later <= earlier for earlier, later in itertools.pairwise(steps)):
            raise ValueError(f"{steps} given; expected rising percentages such as 5, 25, 50, 100")
        if steps[-1] != 100:
            raise ValueError(f"{steps} given; the last step is 100")
        return steps

    @model_validator(mode="after")
    def _watched(self) -> TrafficShiftDocument:
        if not any(value is not None for value in self.bounds.model_dump().values()):
            raise ValueError("bounds: name at least one of errors, latency_p95 and disagreement")
        return self


def load_traffic_shift(
    path: Path | None, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> TrafficShiftDocument:
    """Read `path`, if any; `overrides` (`--set`) win over it and command-line `options` over both.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
        UsageError: an override that cannot be applied.
    """
    return read_traffic_shift(merged_document(path, overrides, options or {}))


def read_traffic_shift(document: Document) -> TrafficShiftDocument:
    """Check a document of this kind.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    return validate(TrafficShiftDocument, document)


def parse_bounds(text: str) -> dict[str, str]:
    """Bounds as `--bounds` writes them; their values are not checked.

    >>> parse_bounds("errors=1%,latency_p95=1.5x")
    {'errors': '1%', 'latency_p95': '1.5x'}

    Raises:
        UsageError: not of that form, or a name twice.
    """
    bounds: dict[str, str] = {}
    for item in re.split(r"[\s,]+", text.strip(" \t\r\n,")):
        name, equals, value = item.partition("=")
        if not equals or not value or name in bounds:
            raise UsageError(
                f"bounds {text!r}: expected each once, as in 'errors=1%,latency_p95=1.5x,disagreement=10%'"
            )
        bounds[name] = value
    return bounds


def parse_steps(text: str) -> list[int]:
    """Steps as `--steps` writes them.

    >>> parse_steps("5,25, 100")
    [5, 25, 100]

    Raises:
        UsageError: something is no whole number.
    """
    try:
        return [int(item.strip().removesuffix("%")) for item in text.split(",")]
    except ValueError:
        raise UsageError(f"steps {text!r}: expected percentages such as 5,25,50,100") from None
