"""How a batch is worked through: `settings` of batch deployments and of the jobs they start.

Source of Azure's keys, limits and defaults: docs/contracts.md §8.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    model_validator,
)

from tintype.errors import DocumentError
from tintype.schemas.document import Document, StrictModel
from tintype.schemas.endpoint_parts import Seconds, Variables, Whole, keys_that_count
from tintype.schemas.place import place_notices, runs_in_ray
from tintype.schemas.scoring_settings import ScoringSettings

__all__ = [
    "BatchSettings",
    "OutputFormat",
    "RetrySettings",
    "batch_notices",
    "below_settings",
    "placed_overrides",
    "refuse_twice",
]

_MOST = 2**31 - 1
_LONGEST_TIMEOUT = 259_200

# Keys of `settings` that Azure's older documents have at their root.
_ROOT_KEYS = frozenset(
    {
        "mini_batch_size",
        "max_concurrency_per_instance",
        "error_threshold",
        "logging_level",
        "retry_settings",
        "output_action",
        "output_file_name",
        "environment_variables",
    }
)

OutputFormat = Literal["csv", "parquet", "jsonl"]
"""What the rows are written as."""

_ENDINGS: dict[str, OutputFormat] = {".parquet": "parquet", ".jsonl": "jsonl"}


_INSTANCES = re.compile(r"compute\.instance_count=")


def _snake(value: Any) -> Any:
    """`AppendRow` and `INFO` of Azure's SDK as its documents write them."""
    if not isinstance(value, str):
        return value
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", value.strip()).lower()


def _file_name(value: str) -> str:
    if value in ("", ".", "..") or re.search(r"[/\\\0]", value) or len(value.encode()) > 255:
        raise ValueError(f"{value!r} given; expected the name of a file, without a folder")
    return value


class RetrySettings(StrictModel):
    """`retry_settings`: what is done about images that fail or take too long."""

    max_retries: Whole = Field(3, ge=0, le=_MOST)
    """Further tries at images that could not be read, and at the model; 0: none."""

    timeout: Seconds = Field(30, ge=1, le=_LONGEST_TIMEOUT)
    """Seconds that reading and decoding 32 images may take."""


class BatchSettings(StrictModel):
    """`settings`: what may fail, and what is written."""

    mini_batch_size: Whole = Field(10, ge=1, le=_MOST)
    """Accepted as Azure's: images go through the model 32 at a time, whatever files they are from."""

    max_concurrency_per_instance: Whole = Field(1, ge=1, le=_MOST)
    """On Ray: processes of an instance that hold the model each. Locally one process uses all cores."""

    error_threshold: Whole = Field(-1, ge=-1, le=_MOST)
    """Failed files above which the job fails; 0: the first one fails it, -1: none does. A table with a
    failed row is one failed file."""

    logging_level: Annotated[Literal["warning", "info", "debug"], BeforeValidator(_snake)] = "info"
    """warning leaves the progress out of the job's log."""

    retry_settings: RetrySettings = Field(default_factory=RetrySettings)
    """What is done about images that fail or take too long."""

    output_action: Annotated[Literal["append_row", "summary_only"], BeforeValidator(_snake)] = (
        "append_row"
    )
    """append_row: one row for every picture. summary_only: counts alone."""

    output_file_name: Annotated[str, AfterValidator(_file_name)] = "predictions.csv"
    """The file of the rows. Left out, it ends as output_format says."""

    output_format: OutputFormat = "csv"
    """Beyond Azure's: csv, parquet or jsonl. Left out: parquet or jsonl where output_file_name ends
    so, else csv."""

    output_header: bool = False
    """Beyond Azure's: whether the first line of the CSV names its columns."""

    environment_variables: Variables = Field(default_factory=dict)
    """Set in the job's process."""

    @model_validator(mode="wrap")
    @classmethod
    def _name_and_format(
        cls, value: Any, handler: ModelWrapValidatorHandler[BatchSettings]
    ) -> BatchSettings:
        if not isinstance(value, Mapping):
            return handler(value)
        given = keys_that_count(value, ())
        _refuse_scoring(given)
        derived = _derived(given)
        settings = handler({**given, **derived})
        # Neither counts as given, so that whoever overrides one later decides on the other too.
        settings.model_fields_set.difference_update(derived)
        return settings


def batch_notices(compute: str, instances: int, scoring: ScoringSettings) -> list[str]:
    """One sentence for each of these that has no effect on a batch here."""
    notices = place_notices(compute)
    if instances > 1 and not runs_in_ray(compute):
        notices.append(
            f"instance_count {instances} has no effect here: one process uses all cores; see "
            "compute: ray"
        )
    for key in ("response_style", "on_row_error"):
        if key in scoring.model_fields_set:
            notices.append(f"scoring.{key} has no effect here: it is for online deployments")
    return notices


def _derived(given: Mapping[str, Any]) -> dict[str, Any]:
    """`output_format` by the file's name, or the name by the format, where only one is given."""
    name, form = given.get("output_file_name"), given.get("output_format")
    if form is None and isinstance(name, str):
        for ending, meant in _ENDINGS.items():
            if name.lower().endswith(ending):
                return {"output_format": meant}
    if name is None and form in _ENDINGS.values():
        return {"output_file_name": f"predictions.{form}"}
    return {}


def _refuse_scoring(given: Mapping[str, Any]) -> None:
    for key in given:
        if key in ScoringSettings.model_fields:
            raise ValueError(f"{key} given; in a batch document that key stands below scoring")


def below_settings(value: Any) -> Any:
    """A document's data with the keys of `settings` that stand at its root moved there."""
    settings = value.get("settings") if isinstance(value, Mapping) else ()
    if not isinstance(settings, Mapping | None):
        return value
    moved = {key: item for key, item in value.items() if key in _ROOT_KEYS}
    if not moved:
        return value
    kept = {key: item for key, item in value.items() if key not in _ROOT_KEYS}
    return {**kept, "settings": {**(settings or {}), **moved}}


def refuse_twice(document: Document) -> None:
    """Let a key of `settings` stand there or at the document's root, never at both.

    Raises:
        DocumentError: names the key that stands twice.
    """
    settings = document.data.get("settings")
    for key, item in document.data.items():
        below = settings.get(key) if isinstance(settings, Mapping) else None
        if key in _ROOT_KEYS and item is not None and below is not None:
            raise DocumentError(
                f"stands here and as settings.{key}; keep one",
                file=document.path,
                line=document.line((key,)),
                field=key,
            )


def placed_overrides(overrides: Sequence[str]) -> list[str]:
    """`--set` assignments for a document that has all its settings below `settings`.

    >>> placed_overrides(["mini_batch_size=20", "tags.a=b", "compute.instance_count=4"])
    ['settings.mini_batch_size=20', 'tags.a=b', 'instance_count=4']
    """
    placed = []
    for override in overrides:
        # As Azure's SDK samples write it.
        override = override.removeprefix("compute.") if _INSTANCES.match(override) else override
        root = re.split("[.=]", override)[0] in _ROOT_KEYS
        placed.append(f"settings.{override}" if root else override)
    return placed
