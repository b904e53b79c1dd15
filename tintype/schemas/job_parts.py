"""What job documents have in common: their data, their outputs, and the keys around them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SkipValidation, field_validator, model_validator

from tintype.errors import DocumentError
from tintype.schemas.document import Document, KeyPath, StrictModel
from tintype.schemas.group_pattern import check_group_pattern
from tintype.schemas.ports import fixed_paths
from tintype.schemas.task import ClassificationTask, parse_training_task

__all__ = [
    "WITHOUT_EFFECT",
    "DataInput",
    "GroupPattern",
    "JobData",
    "JobDocument",
    "JobHead",
    "ModelOutput",
    "check_groups",
    "take_ignored",
]

# Azure's keys that have no meaning on one's own machine: accepted, reported once.
WITHOUT_EFFECT = (
    "compute",
    "resources",
    "environment",
    "environment_id",
    "environment_variables",
    "identity",
    "queue_settings",
    "services",
    "settings",
    "log_verbosity",
    "model_provider",
)


def _pattern(value: str | None) -> str | None:
    if value is not None:
        check_group_pattern(value)
    return value


GroupPattern = Annotated[str | None, AfterValidator(_pattern)]
"""A regular expression that names an image's group."""


def check_groups(column: str | None, pattern: str | None) -> None:
    """
    Raises:
        ValueError: both are given.
    """
    if column is not None and pattern is not None:
        raise ValueError("give either group_pattern or group_column_name, not both")


class DataInput(StrictModel):
    """A data set: `{path: ..., type: mltable}`, or the path alone."""

    path: str
    """Any layout of docs/data.md: class folders, MLTable, .jsonl, .csv, .json, .parquet, an archive, ...; a data
    asset (azureml:name:1, azureml:name@latest), or a mapped azureml:// path."""

    type: Literal["mltable", "uri_file", "uri_folder"] | None = None
    """Accepted as Azure's; what the data is, is told by looking at it."""

    mode: str | None = None
    """No effect here."""

    description: str | None = None
    """For people."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    def located(self, base: Path) -> DataInput:
        """The same with an absolute path, where it is a path."""
        if ":" in self.path:
            return self
        return self.model_copy(update={"path": _absolute(self.path, base)})


class ModelOutput(StrictModel):
    """Where a finished model goes, beside the run's own outputs."""

    name: str | None = None
    """Register the model under this name."""

    path: str | None = None
    """Also write the model folder here; relative to the document. See `OutputPort`."""

    type: Literal["mlflow_model", "custom_model", "uri_folder"] | None = None
    """Accepted as Azure's; the output is always an MLflow model."""

    mode: str | None = None
    """No effect here."""

    storage_uri: str | None = None
    """No effect here."""

    description: str | None = None
    """For people."""


class JobData(StrictModel):
    """The labelled images of a job, whatever the keys are called in its document."""

    task: ClassificationTask
    training: DataInput
    validation: DataInput | None
    test: DataInput | None
    label_column: str
    image_column: str
    ignore_data_errors: bool
    """Images that cannot be read are left out; else they end the job."""
    validation_share: float | None = None
    """Split off the training images where there is no `validation`. None: nothing is."""
    group_column: str | None = None
    """Key of a row's group; see `data.groups.GroupBy`."""
    group_pattern: str | None = None
    """Of the names of images, in its place."""
    test_share: float | None = None
    """Split off the training images, for a test at the end."""
    near_duplicates_together: bool = True
    """Whether every split keeps training images that are nearly the same on one side."""


class JobHead(StrictModel):
    """Keys that every job has."""

    schema_: str | None = Field(None, alias="$schema")
    """Ignored."""

    name: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$")
    """Unique; made up when left out."""

    display_name: str | None = None
    """For people."""

    experiment_name: str = "tintype"
    """The MLflow experiment."""

    description: str | None = None
    """For people."""

    tags: dict[str, str] = Field(default_factory=dict)
    """Written to the MLflow run."""

    properties: dict[str, str] = Field(default_factory=dict)
    """Kept with the job."""

    without_effect: tuple[str, ...] = Field((), exclude=True)
    """Keys of the document that mean nothing off Azure."""

    source: SkipValidation[Document | None] = Field(None, exclude=True, repr=False)
    """Where it was read from, so that what is found later can still name file and line."""

    def notices(self) -> list[str]:
        """One sentence for every key that was given but has no effect here."""
        return [f"{key} has no effect here" for key in self.without_effect]

    def output_paths(self) -> list[str]:
        """Folders beyond the run's own that the job writes."""
        return []

    def error_at(self, key: KeyPath, message: str) -> DocumentError:
        """An error that names the place of `key` in the document that the job was read from."""
        document = self.source or Document({})
        return DocumentError(
            message,
            file=document.path,
            line=document.line(key),
            field=".".join(str(part) for part in key),
        )


class JobDocument(JobHead):
    """Keys that every job has which learns from labelled images."""

    task: ClassificationTask
    """image_classification or image_classification_multilabel."""

    training_data: DataInput
    """Labelled images to learn from."""

    validation_data: DataInput | None = None
    """Chooses the best checkpoint. Left out: split off training_data."""

    test_data: DataInput | None = None
    """Evaluated once, at the end, and reported apart."""

    group_column_name: str | None = None
    """Key of a row's group: a person, a camera, a product. Images of one group stay on one side of
    every split. Left out: `group`, where rows have it."""

    group_pattern: GroupPattern = None
    """In place of that: a regular expression whose first group, searched for in the file's name (in
    the whole path, where the expression has a /), names the image's group."""

    outputs: dict[str, ModelOutput] = Field(default_factory=dict)
    """`registered_model: {name: ...}` registers the model, `model: {path: ...}` copies it."""

    @field_validator("task", mode="before")
    @classmethod
    def _task(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return parse_training_task(value)
        except Exception as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _check_groups(self) -> JobDocument:
        check_groups(self.group_column_name, self.group_pattern)
        return self

    def output_paths(self) -> list[str]:
        """Where `outputs` also wants the model."""
        return fixed_paths(self.outputs)

    def absolute_paths(self, base: Path) -> dict[str, Any]:
        """Fields whose relative paths are taken from `base`, changed so."""
        update: dict[str, Any] = {}
        for name in ("training_data", "validation_data", "test_data"):
            given = getattr(self, name)
            if given is not None:
                update[name] = given.located(base)
        update["outputs"] = {
            name: output.model_copy(update={"path": _absolute(output.path, base)})
            if output.path and ":" not in output.path
            else output
            for name, output in self.outputs.items()
        }
        return update


def take_ignored(data: dict[str, Any], names: Mapping[str, Any] | tuple[str, ...]) -> list[str]:
    """Remove the keys `names` from `data` and return those that had a value."""
    return [key for key in names if data.pop(key, None) is not None]


def _absolute(path: str, base: Path) -> str:
    return str((base / Path(path).expanduser()).resolve())
