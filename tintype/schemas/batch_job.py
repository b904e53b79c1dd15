"""`type: batch`: a model applied to files, as `tintype batch-endpoint invoke` asks for it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tintype.errors import DocumentError
from tintype.schemas.batch_settings import (
    BatchSettings,
    batch_notices,
    below_settings,
    refuse_twice,
)
from tintype.schemas.document import Document, StrictModel, read_yaml, validate
from tintype.schemas.endpoint_parts import EndpointName, TextMap, Whole, keys_that_count
from tintype.schemas.explanation_settings import BatchExplain
from tintype.schemas.job_parts import JobHead, take_ignored
from tintype.schemas.model_reference import Reference, located_model
from tintype.schemas.place import Place
from tintype.schemas.scoring_settings import ScoringSettings

__all__ = ["BatchInput", "BatchInputs", "BatchJob", "load_batch_inputs", "read_batch_job"]

_WITHOUT_EFFECT = ("code_configuration", "environment", "identity", "queue_settings", "services")

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_ELSEWHERE = re.compile(r"azureml:|https?://|file:")

_TYPES = ("uri_folder", "uri_file", "mltable")


def _location(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; expected a folder, a file, azureml:name:version or a URL")
    if "\0" in value or (_SCHEME.match(value) and not _ELSEWHERE.match(value)):
        raise ValueError(f"{value!r} cannot be read; use a path, azureml: or http(s): reference")
    return value


def _some(value: dict[str, BatchInput]) -> dict[str, BatchInput]:
    if not value:
        raise ValueError("is empty; expected at least one name with the path of its files")
    return value


def _folder(value: str) -> str:
    if not value.strip() or "\0" in value or re.match(rf"{_SCHEME.pattern}|azureml:", value):
        raise ValueError(f"{value!r} given; expected a folder on this machine")
    return value


def _input_type(value: Any) -> Any:
    """Azure's SDK writes UriFolder, its documents uri_folder."""
    if not isinstance(value, str):
        return value
    plain = value.strip().lower().replace("_", "")
    return next((name for name in _TYPES if name.replace("_", "") == plain), value)


class BatchInput(StrictModel):
    """Files to score: `{path: ..., type: uri_folder}`, or the path alone."""

    path: Annotated[str, AfterValidator(_location)]
    """Folder or file, relative to the document; a data asset (azureml:name:version), a datastore's
    path (azureml://...) or a URL."""

    type: (
        Annotated[Literal["uri_folder", "uri_file", "mltable"], BeforeValidator(_input_type)] | None
    ) = None
    """Accepted as Azure's; what the data is, is told by looking at it."""

    mode: str | None = None
    """No effect here."""

    description: str | None = None
    """For people."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else keys_that_count(value, ())

    def located(self, base: Path) -> BatchInput:
        """The same with an absolute path, where it is a path."""
        if _ELSEWHERE.match(self.path):
            return self
        return self.model_copy(update={"path": _absolute(self.path, base)})


class BatchInputs(StrictModel):
    """The file of `tintype batch-endpoint invoke --file`."""

    schema_: str | None = Field(None, alias="$schema")
    """Ignored."""

    inputs: Annotated[dict[str, BatchInput], AfterValidator(_some)]
    """Name to files; `input: ...` is short for one that is called input."""

    @model_validator(mode="before")
    @classmethod
    def _one_input(cls, value: Any) -> Any:
        return _below_inputs(keys_that_count(value, ()))


class BatchJob(JobHead):
    """Score files with a model, and write one row for every picture."""

    type: Literal["batch"] = "batch"
    """The kind of job."""

    experiment_name: str = "batch"
    """The MLflow experiment."""

    tags: TextMap = Field(default_factory=dict)
    """Written to the MLflow run."""

    properties: TextMap = Field(default_factory=dict)
    """Kept with the job."""

    endpoint_name: EndpointName | None = None
    """The endpoint that was invoked."""

    deployment_name: EndpointName | None = None
    """The deployment of it that the settings are from."""

    model: Reference
    """`azureml:name:1`, `name:1`, `name@latest`, a job's output, a folder (relative to the document)
    or a Hub id."""

    inputs: Annotated[dict[str, BatchInput], AfterValidator(_some)]
    """Name to files; `input: ...` is short for one that is called input."""

    output_path: Annotated[str, AfterValidator(_folder)] | None = None
    """Write the output here instead of into the workspace; relative to the document."""

    compute: Place = "local"
    """Where instances run: local, ray or ray://host:port. Azure's cluster names mean local."""

    instance_count: Whole = Field(1, ge=1)
    """On Ray: instances that share the rows. Locally one process uses all cores."""

    settings: BatchSettings = Field(default_factory=BatchSettings)
    """What may fail, and what is written."""

    scoring: ScoringSettings = Field(default_factory=ScoringSettings)
    """How the model is loaded and how it answers."""

    explain: BatchExplain = None
    """Also explain answers: a method, or a mapping as below. Left out: none."""

    @model_validator(mode="before")
    @classmethod
    def _settled(cls, value: Any) -> Any:
        return below_settings(_below_inputs(keys_that_count(value, ())))

    def notices(self) -> list[str]:
        """One sentence for every key that was given but has no effect here."""
        return super().notices() + batch_notices(self.compute, self.instance_count, self.scoring)

    def output_paths(self) -> list[str]:
        """`output_path`, where it is given."""
        return [] if self.output_path is None else [self.output_path]


def read_batch_job(document: Document, base: Path) -> BatchJob:
    """Check a document of this kind; relative paths in it are taken from `base`.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    _refuse_both(document)
    refuse_twice(document)
    data = {**document.data, "type": "batch"}
    ignored = take_ignored(data, _WITHOUT_EFFECT)
    job = validate(BatchJob, Document(data, document.path, document.lines))
    update: dict[str, Any] = {
        "model": located_model(job.model, document, base),
        "inputs": {name: files.located(base) for name, files in job.inputs.items()},
        "without_effect": tuple(ignored),
        "source": document,
    }
    if job.output_path is not None:
        update["output_path"] = _absolute(job.output_path, base)
    return job.model_copy(update=update)


def load_batch_inputs(path: Path) -> dict[str, BatchInput]:
    """The inputs that the file of `invoke --file` names; relative paths are from its folder.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    document = read_yaml(path)
    _refuse_both(document)
    inputs = validate(BatchInputs, document).inputs
    base = path.absolute().parent
    return {name: files.located(base) for name, files in inputs.items()}


def _below_inputs(value: Any) -> Any:
    """A document's data with `input: ...` as `inputs: {input: ...}`."""
    if not isinstance(value, Mapping) or "input" not in value or "inputs" in value:
        return value
    kept = {key: item for key, item in value.items() if key != "input"}
    return {**kept, "inputs": {"input": value["input"]}}


def _refuse_both(document: Document) -> None:
    if document.data.get("input") is not None and document.data.get("inputs") is not None:
        raise DocumentError(
            "stands beside inputs; name it there and keep one",
            file=document.path,
            line=document.line(("input",)),
            field="input",
        )


def _absolute(path: str, base: Path) -> str:
    # os.path, for pathlib raises on unknown users.
    return os.path.realpath(os.path.join(base, os.path.expanduser(path)))
