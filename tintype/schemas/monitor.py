"""Monitor documents: what a `tintype monitor create --file` YAML may say.

Azure's own schedule of a monitor (`create_monitor:`) is taken, too: see `schemas/azure_monitor.py`.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tintype.schemas.asset_parts import AssetName, TextMap
from tintype.schemas.azure_monitor import from_azure, is_azure_monitor
from tintype.schemas.document import Document, StrictModel, validate
from tintype.schemas.duration import Duration
from tintype.schemas.endpoint_parts import EndpointName, Whole, keys_that_count, merged_document
from tintype.schemas.job_parts import DataInput
from tintype.schemas.labelling_project import DEFAULT_MODEL
from tintype.schemas.model_reference import Reference
from tintype.schemas.schedule import CronTrigger, Moment, RecurrenceTrigger

__all__ = [
    "SIGNALS",
    "Alarm",
    "Baseline",
    "MonitorDocument",
    "MonitorWindow",
    "Signal",
    "load_monitor",
    "read_monitor",
]

Signal = Literal[
    "embedding_drift",
    "image_statistics",
    "label_drift",
    "confidence_drift",
    "estimated_accuracy",
    "accuracy",
]

SIGNALS: tuple[Signal, ...] = get_args(Signal)

# What `show` adds; dropped, so that what it prints can be edited and given back.
_READ_ONLY = frozenset(
    {"created_at", "last_run_at", "last_error", "windows_with_alarm", "last_window"}
)

# Fewer tell nothing; more are more than a window's kernels can hold.
_FEWEST, _MOST = 20, 10_000


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _different(value: list[Signal]) -> list[Signal]:
    if len(set(value)) < len(value) or not value:
        raise ValueError(f"expected one or more of {', '.join(SIGNALS)}, each once")
    return value


def _http(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError(
            "expected an address that begins with https:// or http://, without a user name in it"
        )
    return value


class EarlierWindow(StrictModel):
    """Pictures that were collected in a time when all was well."""

    start: Moment
    """From this moment on, ISO 8601; without an offset, UTC."""

    end: Moment
    """Up to this moment."""

    @model_validator(mode="after")
    def _check_order(self) -> EarlierWindow:
        if self.bounds[0] >= self.bounds[1]:
            raise ValueError(f"end is {self.end}, which is not after start, {self.start}")
        return self

    @property
    def bounds(self) -> tuple[datetime.datetime, datetime.datetime]:
        """Both moments, UTC."""
        moments = [datetime.datetime.fromisoformat(text) for text in (self.start, self.end)]
        start, end = (
            moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC) for moment in moments
        )
        return start, end


class Baseline(StrictModel):
    """What a window is held against: `path`, `job` or `window`, one of them."""

    path: str | None = None
    """Labelled pictures that the model has not learnt from: any layout of docs/data.md, a data asset, or a mapped
    azureml:// path."""

    job: str | None = None
    """A job; its validation_data, else its test_data, are the baseline."""

    window: EarlierWindow | None = None
    """An earlier time of the same deployment."""

    label_column_name: str = "label"
    """Key of the label in a JSONL row of `path`."""

    input_column_names: str = "image_url"
    """Key of the image in a JSONL row of `path`."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_one(self) -> Baseline:
        if sum(each is not None for each in (self.path, self.job, self.window)) != 1:
            raise ValueError(
                "expected one of path (labelled pictures), job (its validation data) or window "
                "(an earlier time)"
            )
        return self


class MonitorWindow(StrictModel):
    """Which collected pictures are looked at."""

    lookback: Annotated[Duration, Field(ge=60)] | None = None
    """The last 24h, 90m or P1D. Left out: everything since the last window."""

    least_pictures: Whole = Field(100, ge=_FEWEST, le=_MOST)
    """With fewer different ones nothing is tested yet."""

    most_pictures: Whole = Field(1_000, ge=_FEWEST, le=_MOST)
    """Of more, as many are drawn evenly; also of the baseline, of which four times as many may be used."""

    @model_validator(mode="after")
    def _check_order(self) -> MonitorWindow:
        if self.least_pictures > self.most_pictures:
            raise ValueError(
                f"least_pictures is {self.least_pictures}, more than most_pictures, "
                f"{self.most_pictures}"
            )
        return self


class Alarm(StrictModel):
    """When there is an alarm, and who is told."""

    significance: float = Field(0.05, gt=0, lt=0.5)
    """Chance of any false alarm on a window without drift, over all signals together."""

    accuracy_below: float | None = Field(None, gt=0, lt=1)
    """Also an alarm: the accuracy, by labels or estimated (atc), lies below this, with its whole interval."""

    webhook: Annotated[str, AfterValidator(_http)] | None = None
    """An address that every alarm is posted to as JSON; public ones alone, unless TINTYPE_PRIVATE_WEBHOOKS is set."""


class MonitorDocument(StrictModel):
    """A deployment that is looked after: drift, and accuracy without labels and with them."""

    schema_: str | None = Field(None, alias="$schema")
    """Ignored."""

    name: AssetName
    """Unique; creating one of the same name replaces it and keeps its windows."""

    display_name: str | None = None
    """For people."""

    description: str | None = None
    """For people."""

    tags: TextMap = Field(default_factory=dict)
    """Kept with the monitor."""

    properties: TextMap = Field(default_factory=dict)
    """Kept with the monitor."""

    endpoint: EndpointName
    """The online endpoint."""

    deployment: EndpointName | None = None
    """Its deployment. Left out: the only one there is."""

    baseline: Baseline
    """What a window is held against."""

    window: MonitorWindow = Field(default_factory=MonitorWindow)
    """Which collected pictures are looked at."""

    signals: Annotated[list[Signal], BeforeValidator(_listed), AfterValidator(_different)] = Field(
        default_factory=lambda: list(SIGNALS)
    )
    """embedding_drift, image_statistics, label_drift, confidence_drift, estimated_accuracy and accuracy; all when
    left out."""

    embedding_model: Reference = DEFAULT_MODEL
    """Whose embeddings are compared. Left out: a general one that needs no Hub."""

    alarm: Alarm = Field(default_factory=Alarm)
    """When there is an alarm, and who is told."""

    schedule: Annotated[CronTrigger | RecurrenceTrigger, Field(discriminator="type")] | None = None
    """When it runs by itself, as the trigger of a schedule; see docs/jobs.md. Left out: only when it is told to."""

    without_effect: tuple[str, ...] = Field((), exclude=True)
    """What of the document means nothing here, a sentence each."""

    @model_validator(mode="before")
    @classmethod
    def _without_read_only(cls, value: Any) -> Any:
        return keys_that_count(value, _READ_ONLY)


def load_monitor(
    path: Path | None, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> MonitorDocument:
    """Read `path`, if any; `overrides` (`--set`) win over it and command-line `options` over both.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
        UsageError: an override that cannot be applied.
    """
    document = merged_document(path, overrides, options or {})
    base = Path.cwd() if document.path is None else document.path.absolute().parent
    return read_monitor(document, base)


def read_monitor(document: Document, base: Path) -> MonitorDocument:
    """Check a document of this kind, ours or Azure's; relative paths in it are taken from `base`.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    notices: list[str] = []
    if is_azure_monitor(document):
        document, notices = from_azure(document)
    monitor = validate(MonitorDocument, document)
    baseline = monitor.baseline
    if baseline.path is not None:
        path = DataInput(path=baseline.path).located(base).path
        baseline = baseline.model_copy(update={"path": path})
    return monitor.model_copy(update={"baseline": baseline, "without_effect": tuple(notices)})
