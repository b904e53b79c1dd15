"""Job documents: what a `tintype job create --file` YAML may say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, field_validator, model_validator

from tintype.errors import DocumentError, nearest
from tintype.schemas.document import Document, StrictModel, apply_overrides, read_yaml, validate
from tintype.schemas.finetuning import FinetuningParameters
from tintype.schemas.pipeline import flatten_pipeline, is_pipeline
from tintype.schemas.task import ClassificationTask, parse_training_task

__all__ = ["DataInput", "FinetuningJob", "ModelOutput", "load_job"]

# Azure's keys that have no meaning on one's own machine: accepted, reported once.
_WITHOUT_EFFECT = (
    "compute", "resources", "environment", "environment_id", "environment_variables", "identity",
    "queue_settings", "services", "settings", "log_verbosity", "model_provider",
)  # fmt: skip


class DataInput(StrictModel):
    """A data set: `{path: ..., type: mltable}`, or the path alone."""

    path: str
    """MLTable folder, .jsonl, .csv, folder of class folders, or a mapped azureml:// path."""

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


class ModelOutput(StrictModel):
    """Where a finished model goes, beside the run's own outputs."""

    name: str | None = None
    """Register the model under this name."""

    path: str | None = None
    """Also write the model folder here; relative to the document."""

    type: Literal["mlflow_model", "custom_model", "uri_folder"] | None = None
    """Accepted as Azure's; the output is always an MLflow model."""

    mode: str | None = None
    """No effect here."""

    description: str | None = None
    """For people."""


class EvaluationSection(StrictModel):
    """What the evaluation of the finished model computes."""

    metrics: list[str] | None = None
    """Names of azure-contracts.md §5.2; all when left out."""


class FinetuningJob(StrictModel):
    """Fine-tune a checkpoint on labelled images, evaluate it, keep the best model."""

    type: Literal["finetuning"] = "finetuning"
    """The kind of job."""

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

    task: ClassificationTask
    """image_classification or image_classification_multilabel."""

    model_name: str = Field(validation_alias=AliasChoices("model_name", "model"))
    """Checkpoint: Hub id, folder, registered model, or a scratch name (tintype/resnet-small)."""

    training_data: DataInput
    """Labelled images to learn from."""

    validation_data: DataInput | None = None
    """Chooses the best checkpoint. Left out: split off training_data."""

    test_data: DataInput | None = None
    """Evaluated once, at the end, and reported apart."""

    label_column_name: str = "label"
    """Key of the label in a JSONL row."""

    input_column_names: str = "image_url"
    """Key of the image in a JSONL row."""

    hyperparameters: FinetuningParameters = Field(default_factory=lambda: FinetuningParameters())
    """How to train."""

    evaluation: EvaluationSection = Field(default_factory=EvaluationSection)
    """How to evaluate."""

    outputs: dict[str, ModelOutput] = Field(default_factory=dict)
    """`registered_model: {name: ...}` registers the model, `model: {path: ...}` copies it."""

    without_effect: tuple[str, ...] = Field((), exclude=True)
    """Keys of the document that mean nothing off Azure."""

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
    def _check_together(self) -> FinetuningJob:
        self.hyperparameters.check_task(self.task)
        return self

    def notices(self) -> list[str]:
        """One sentence for every key that was given but has no effect here."""
        found = [f"{key} has no effect here" for key in self.without_effect]
        return [*found, *self.hyperparameters.notices(self.task)]


def load_job(path: str | Path, overrides: Sequence[str] = ()) -> FinetuningJob:
    """Read a job document: Tintype's own, or Azure's pipeline around its fine-tune component.

    Relative paths in it are taken from the document's folder.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
        UsageError: an override that cannot be applied.
    """
    document = apply_overrides(read_yaml(path), overrides)
    if is_pipeline(document):
        document = flatten_pipeline(document)
    kind = document.data.get("type", "finetuning")
    if kind == "finetune":
        kind = "finetuning"
    if kind != "finetuning":
        raise DocumentError(
            f"{kind!r} is not a kind of job that runs here; expected finetuning, or a pipeline "
            f"around transformers_image_classification_pipeline.{nearest(str(kind), ['finetuning'])}",
            file=document.path,
            line=document.line(("type",)),
            field="type",
        )
    data = {**document.data, "type": kind}
    ignored = tuple(key for key in _WITHOUT_EFFECT if data.pop(key, None) is not None)
    if "training_parameters" in data:
        data["hyperparameters"] = {
            **data.pop("training_parameters"),
            **data.get("hyperparameters", {}),
        }
    # Azure's spelling of where a model comes from: {path: ...} or {name: ...}.
    if isinstance(data.get("model"), dict):
        model = data["model"]
        data["model"] = model.get("path") or model.get("name")
    job = validate(FinetuningJob, Document(data, document.path, document.lines))
    extra = document.data.get("without_effect", ())
    return _with_absolute_paths(job, Path(path).absolute().parent).model_copy(
        update={"without_effect": (*ignored, *extra)}
    )


def _with_absolute_paths(job: FinetuningJob, base: Path) -> FinetuningJob:
    update: dict[str, Any] = {}
    for name in ("training_data", "validation_data", "test_data"):
        given = getattr(job, name)
        if given is not None and ":" not in given.path:
            update[name] = given.model_copy(update={"path": _absolute(given.path, base)})
    update["outputs"] = {
        name: output.model_copy(update={"path": _absolute(output.path, base)})
        if output.path
        else output
        for name, output in job.outputs.items()
    }
    local = base / Path(job.model_name).expanduser()
    if local.is_dir():
        update["model_name"] = str(local.resolve())
    return job.model_copy(update=update)


def _absolute(path: str, base: Path) -> str:
    return str((base / Path(path).expanduser()).resolve())
