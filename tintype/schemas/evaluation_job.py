"""`type: evaluation`: a model held against labelled images that it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from tintype.schemas.document import Document, validate
from tintype.schemas.explanation_settings import EvaluationExplain
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

__all__ = ["EXACT", "EvaluationJob", "read_evaluation_job"]


EXACT = ScorerOptions(precision="fp32", exact=True)
"""fp32, images bit for bit as transformers reads them."""


class EvaluationJob(JobHead):
    """Metrics, plots, predictions and a report of a model on labelled images."""

    type: Literal["evaluation"] = "evaluation"
    """The kind of job."""

    experiment_name: str = "evaluation"
    """The MLflow experiment."""

    model: Reference
    """`azureml:name:1`, `name:1`, `name@latest`, a job's output, a folder (relative to the document)
    or a Hub id."""

    test_data: DataInput
    """Labelled images."""

    label_column_name: str = "label"
    """Key of the label in a JSONL row."""

    input_column_names: str = "image_url"
    """Key of the image in a JSONL row."""

    group_column_name: str | None = None
    """Key of a row's group: a person, a camera, a product. Images of one group tell less than as
    many others, so that intervals are wider. Left out: `group`, where rows have it."""

    group_pattern: GroupPattern = None
    """In place of that: a regular expression whose first group, searched for in the file's name (in
    the whole path, where the expression has a /), names the image's group."""

    metrics: list[str] | None = None
    """Names of docs/contracts.md §5.2; all when left out."""

    threshold: float | None = Field(None, gt=0, lt=1)
    """Multi-label: a label is predicted at or above this probability. Left out: from the thresholds on
    that were tuned in training, where the model has some, else from 0.5 on."""

    scoring: ScorerOptions = EXACT
    """How the model scores. Left out: fp32 and exact images, which give the reference's numbers."""

    explain: EvaluationExplain = None
    """Also explain the surest mistakes on the page: a method, or a mapping as below. Left out: none."""

    @model_validator(mode="after")
    def _check_groups(self) -> EvaluationJob:
        check_groups(self.group_column_name, self.group_pattern)
        return self


def read_evaluation_job(document: Document, base: Path) -> EvaluationJob:
    """Check a document of this kind; relative paths in it are taken from `base`.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    data = {**document.data, "type": "evaluation"}
    ignored = [*take_ignored(data, WITHOUT_EFFECT), *data.pop("without_effect", ())]
    job = validate(EvaluationJob, Document(data, document.path, document.lines))
    update: dict[str, Any] = {
        "model": located_model(job.model, document, base),
        "test_data": job.test_data.located(base),
        "without_effect": tuple(ignored),
        "source": document,
    }
    return job.model_copy(update=update)
