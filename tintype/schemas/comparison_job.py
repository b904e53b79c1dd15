"""`type: comparison`: a challenger held against the champion on the same labelled images."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator, model_validator

from tintype.schemas.document import Document, validate
from tintype.schemas.evaluation_job import EXACT
from tintype.schemas.job_parts import (
    WITHOUT_EFFECT,
    DataInput,
    GroupPattern,
    JobHead,
    check_groups,
    take_ignored,
)
from tintype.schemas.model_reference import Reference, located_model
from tintype.schemas.scorer_options import ScorerOptions

__all__ = ["ComparisonJob", "read_comparison_job"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")


class ComparisonJob(JobHead):
    """Which of two models is better, by paired tests; the better one may be registered and promoted."""

    type: Literal["comparison"] = "comparison"
    """The kind of job."""

    experiment_name: str = "comparison"
    """The MLflow experiment."""

    champion: Reference
    """The model that is in use, written as `model` of an evaluation: `name@champion`. Where there is none of that name
    or alias yet, and `register` or `promote` is given, the challenger takes its place."""

    challenger: Reference
    """The model that may take its place, written likewise."""

    test_data: DataInput
    """Labelled images that neither has seen."""

    metric: str = "accuracy"
    """By which it is decided: a name of docs/contracts.md §5.2 that is one number."""

    label_column_name: str = "label"
    """Key of the label in a JSONL row."""

    input_column_names: str = "image_url"
    """Key of the image in a JSONL row."""

    group_column_name: str | None = None
    """Key of a row's group; see an evaluation's. Images of one group tell less than as many others."""

    group_pattern: GroupPattern = None
    """In place of that: a regular expression; see an evaluation's."""

    register_as: str | None = None
    """A challenger that is better, and no registered model yet, becomes the next version of the model of this name."""

    promote: str | None = None
    """An alias, such as `champion`, that a challenger that is better takes over."""

    gate: bool = False
    """Whether the job fails where the challenger is not better, so that what needs it does not run."""

    scoring: ScorerOptions = EXACT
    """How both models score. Left out: fp32 and exact images, which give the reference's numbers."""

    @field_validator("register_as")
    @classmethod
    def _registrable(cls, name: str | None) -> str | None:
        if name is not None and not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} given; use letters, digits, '-', '_' and '.'")
        return name

    @model_validator(mode="after")
    def _check_groups(self) -> ComparisonJob:
        check_groups(self.group_column_name, self.group_pattern)
        return self


def read_comparison_job(document: Document, base: Path) -> ComparisonJob:
    """Check a document of this kind; relative paths in it are taken from `base`.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    data = {**document.data, "type": "comparison"}
    ignored = [*take_ignored(data, WITHOUT_EFFECT), *data.pop("without_effect", ())]
    job = validate(ComparisonJob, Document(data, document.path, document.lines))
    update: dict[str, Any] = {
        "champion": located_model(job.champion, document, base),
        "challenger": located_model(job.challenger, document, base),
        "test_data": job.test_data.located(base),
        "without_effect": tuple(ignored),
    }
    return job.model_copy(update=update)
