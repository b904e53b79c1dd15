"""Azure's components for fine-tuning, as the jobs that their inputs ask for.

Source of their inputs: docs/contracts.md §4.1 and §4.2.
"""

from __future__ import annotations

from typing import Any

from tintype.errors import DocumentError
from tintype.schemas.document import Document, KeyPath

__all__ = ["JOB_KEYS", "WITHOUT_EFFECT", "finetuning_document", "image_pipeline_document"]

# Component inputs that are keys of the job itself here.
JOB_KEYS = (
    "training_data",
    "validation_data",
    "test_data",
    "label_column_name",
    "input_column_names",
)
"""Inputs that are keys of a fine-tuning job by the same name."""

WITHOUT_EFFECT = (
    "compute_model_import",
    "compute_finetune",
    "compute_model_evaluation",
    "instance_count",
    "process_count_per_instance",
    "model_family",
    "download_from_source",
    "validation_output",
    "test_batch_size",
    "evaluation_config",
    "evaluation_config_params",
)
"""Inputs that say where and how Azure runs things."""


def finetuning_document(document: Document, key: KeyPath, inputs: dict[str, Any]) -> Document:
    """The fine-tuning job that a node with `transformers_image_classification_pipeline`, or with
    `transformers_image_classification_finetune`, asks for.

    Args:
        document: where the node stands.
        key: the node's place in it.
        inputs: the node's inputs, references resolved.

    Raises:
        DocumentError: no model is named.
    """
    inputs = dict(inputs)
    job: dict[str, Any] = {"type": "finetuning", "without_effect": _taken(inputs)}
    for name in JOB_KEYS:
        value = inputs.pop(name, None)
        if value is not None:
            job[name] = value
    job["task"] = inputs.pop("task_name", None)
    # The component's precedence: a PyTorch model wins over an MLflow model over a name.
    names = ("model_path", "pytorch_model", "mlflow_model", "model_name")
    chosen = next((each for each in [inputs.pop(name, None) for name in names] if each), None)
    if chosen is None:
        place = (*key, "inputs")
        raise DocumentError(
            "one of model_name, pytorch_model, mlflow_model is required",
            file=document.path,
            line=document.line(place),
            field=".".join(map(str, place)),
        )
    job["model_name"] = _path(chosen)
    # Should one of the rest be unknown, validation will name it, with its line.
    job["hyperparameters"] = inputs
    return Document(job, document.path, _lines(document, (*key, "inputs"), "hyperparameters"))


def image_pipeline_document(document: Document, key: KeyPath, inputs: dict[str, Any]) -> Document:
    """The job that a node with `image_classification_pipeline` asks for: AutoML's trial of one model.

    Azure's own sample gives this component the inputs of the transformers component; so given, it is that.

    Raises:
        DocumentError: as `finetuning_document`.
    """
    if "task_name" in inputs:
        return finetuning_document(document, key, inputs)
    inputs = dict(inputs)
    job: dict[str, Any] = {"type": "automl", "without_effect": _taken(inputs)}
    renamed = {"task_type": "task", "label_column_name": "target_column_name"}
    for name in ("training_data", "validation_data", "test_data", "primary_metric", *renamed):
        value = inputs.pop(name, None)
        if value is not None:
            job[renamed.get(name, name)] = value
    column = inputs.pop("input_column_names", None)
    if column is not None:
        job["image_column_name"] = column
    for name in ("pytorch_model", "mlflow_model"):
        model = inputs.pop(name, None)
        if model is not None:
            inputs["model_name"] = _path(model)
    job["training_parameters"] = inputs
    return Document(job, document.path, _lines(document, (*key, "inputs"), "training_parameters"))


def _taken(inputs: dict[str, Any]) -> list[str]:
    return [name for name in WITHOUT_EFFECT if inputs.pop(name, None) is not None]


def _path(model: Any) -> Any:
    return model.get("path") if isinstance(model, dict) else model


def _lines(document: Document, key: KeyPath, rest: str) -> dict[KeyPath, int]:
    """Lines of the node's inputs, as keys of the job."""
    lines: dict[KeyPath, int] = {}
    for place, line in document.lines.items():
        if place[: len(key)] == key and len(place) > len(key):
            below = place[len(key) :]
            lines[below if below[0] in JOB_KEYS else (rest, *below)] = line
    return lines
