"""Components of Azure's registry that pipelines here may name, as `component show` tells of them.

Source of names, versions and inputs: docs/contracts.md §4.1 and §5.2. Those with a `command` are steps of
`jobs/registry_steps.py`; the others stand for jobs.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from tintype.schemas.automl_parameters import AutomlParameters
from tintype.schemas.component import ComponentDocument
from tintype.schemas.finetuning import FinetuningParameters

__all__ = ["COMPONENT_NAMES", "azure_component"]

_VERSIONS = {
    "transformers_image_classification_pipeline": "0.0.25",
    "image_classification_pipeline": "0.0.25",
    "model_evaluation_pipeline": "0.0.36",
    "transformers_image_classification_model_import": "0.0.22",
    "transformers_image_classification_finetune": "0.0.23",
    "model_prediction": "0.0.37",
    "compute_metrics": "0.0.36",
    "image_framework_selector": "0.0.23",
    "image_model_output_selector": "0.0.21",
}

COMPONENT_NAMES = tuple(_VERSIONS)
"""All of them."""

_TITLES = {
    "transformers_image_classification_pipeline": "Fine-tune a checkpoint on labelled images",
    "image_classification_pipeline": "Train an image classifier by the names of AutoML",
    "model_evaluation_pipeline": "Evaluate a model on labelled images",
    "transformers_image_classification_model_import": "Import a checkpoint to be fine-tuned",
    "transformers_image_classification_finetune": "Fine-tune an imported checkpoint",
    "model_prediction": "Score labelled images",
    "compute_metrics": "Hold predictions against ground truth",
    "image_framework_selector": "Tell which trainer takes a model",
    "image_model_output_selector": "Take the model of the branch that ran",
}

_TRAINING_INPUTS: dict[str, dict[str, Any]] = {
    "compute_model_import": {"type": "string", "optional": True},
    "compute_finetune": {"type": "string", "optional": True},
    "compute_model_evaluation": {"type": "string", "optional": True},
    "instance_count": {"type": "integer", "default": 1, "optional": True},
    "process_count_per_instance": {"type": "integer", "default": 1, "optional": True},
    "model_family": {"type": "string", "default": "HuggingFaceImage", "optional": True},
    "model_name": {"type": "string", "optional": True},
    "pytorch_model": {"type": "custom_model", "optional": True},
    "mlflow_model": {"type": "mlflow_model", "optional": True},
    "download_from_source": {"type": "boolean", "default": False, "optional": True},
    "training_data": {"type": "mltable"},
    "validation_data": {"type": "mltable", "optional": True},
    "test_data": {"type": "mltable", "optional": True},
    "test_batch_size": {"type": "integer", "default": 4, "optional": True},
    "label_column_name": {"type": "string", "default": "label", "optional": True},
    "input_column_names": {"type": "string", "default": "image_url", "optional": True},
    "evaluation_config": {"type": "uri_file", "optional": True},
    "evaluation_config_params": {"type": "string", "optional": True},
}

_TRAINING_OUTPUTS: dict[str, dict[str, Any]] = {
    "mlflow_model_folder": {"type": "mlflow_model"},
    "pytorch_model_folder": {"type": "custom_model"},
}

_EVALUATION_INPUTS: dict[str, dict[str, Any]] = {
    "compute_name": {"type": "string", "default": "serverless", "optional": True},
    "instance_type": {"type": "string", "optional": True},
    "task": {"type": "string"},
    "test_data": {"type": "mltable"},
    "mlflow_model": {"type": "mlflow_model"},
    "label_column_name": {"type": "string", "default": "label", "optional": True},
    "input_column_names": {"type": "string", "default": "image_url", "optional": True},
    "device": {"type": "string", "default": "auto", "optional": True},
    "batch_size": {"type": "integer", "optional": True},
    "evaluation_config": {"type": "uri_file", "optional": True},
    "evaluation_config_params": {"type": "string", "optional": True},
    "openai_config_params": {"type": "string", "optional": True},
}

_IMAGE_TASKS = ["image-classification", "image-classification-multilabel"]

_EVALUATION_CONFIG: dict[str, dict[str, Any]] = {
    "evaluation_config": {"type": "uri_file", "optional": True},
    "evaluation_config_params": {"type": "string", "optional": True},
}

# Those that are commands: their step, inputs and outputs.
_STEPS: dict[str, tuple[str, dict[str, dict[str, Any]], dict[str, dict[str, Any]]]] = {
    "transformers_image_classification_model_import": (
        "model_import",
        {
            "model_family": {"type": "string", "default": "HuggingFaceImage", "optional": True},
            "model_name": {"type": "string", "optional": True},
            "pytorch_model": {"type": "custom_model", "optional": True},
            "mlflow_model": {"type": "mlflow_model", "optional": True},
            "validation_output": {"type": "uri_file", "optional": True},
            "download_from_source": {"type": "boolean", "default": False, "optional": True},
        },
        {"output_dir": {"type": "uri_folder"}},
    ),
    "model_prediction": (
        "model_prediction",
        {
            "task": {"type": "string", "enum": _IMAGE_TASKS},
            "test_data": {"type": "uri_folder"},
            "mlflow_model": {"type": "mlflow_model"},
            "label_column_name": {"type": "string", "optional": True},
            "input_column_names": {"type": "string", "optional": True},
            **_EVALUATION_CONFIG,
            "device": {"type": "string", "default": "auto", "enum": ["auto", "cpu", "gpu"]},
            "batch_size": {"type": "integer", "optional": True},
        },
        {
            "predictions": {"type": "uri_file"},
            "prediction_probabilities": {"type": "uri_file"},
            "ground_truth": {"type": "uri_file"},
            "performance_metadata": {"type": "uri_file"},
        },
    ),
    "compute_metrics": (
        "compute_metrics",
        {
            "task": {"type": "string", "enum": _IMAGE_TASKS},
            # A file: Azure calls them folders, and feeds them from files.
            "ground_truth": {"type": "uri_file"},
            "ground_truth_column_name": {"type": "string", "optional": True},
            "prediction": {"type": "uri_file"},
            "prediction_column_name": {"type": "string", "optional": True},
            "prediction_probabilities": {"type": "uri_file", "optional": True},
            **_EVALUATION_CONFIG,
        },
        {"evaluation_result": {"type": "uri_folder"}},
    ),
    "image_framework_selector": (
        "framework_selector",
        {
            "task_type": {"type": "string", "enum": _IMAGE_TASKS},
            "model_name": {"type": "string", "optional": True},
            "validation_output": {"type": "uri_file", "optional": True},
        },
        {"output": {"type": "uri_file", "is_control": True}},
    ),
    "image_model_output_selector": (
        "model_output_selector",
        {
            "mlflow_model_t": {"type": "mlflow_model", "optional": True},
            "mlflow_model_f": {"type": "mlflow_model", "optional": True},
            "pytorch_model_t": {"type": "custom_model", "optional": True},
            "pytorch_model_f": {"type": "custom_model", "optional": True},
            "condition": {"type": "uri_file"},
        },
        {
            "mlflow_model_folder": {"type": "mlflow_model"},
            "pytorch_model_folder": {"type": "custom_model"},
        },
    ),
}

_TYPES = {bool: "boolean", int: "integer", float: "number"}


def azure_component(name: str) -> ComponentDocument | None:
    """The component that Azure's registry has under `name`, if pipelines here may name it."""
    if name not in _VERSIONS:
        return None
    if name in _STEPS:
        return _step_component(name)
    inputs, outputs = _EVALUATION_INPUTS, {"evaluation_result": {"type": "uri_folder"}}
    of_transformers = (
        "transformers_image_classification_pipeline",
        "transformers_image_classification_finetune",
    )
    if name in of_transformers:
        inputs = {
            **_TRAINING_INPUTS,
            **({"model_path": {"type": "uri_folder"}} if name == of_transformers[1] else {}),
            "task_name": {"type": "string"},
            **_parameters(FinetuningParameters.model_fields),
            # In Azure's component a file of their own; nothing here reads one.
            "deepspeed_config": {"type": "uri_file", "optional": True},
        }
        outputs = _TRAINING_OUTPUTS
    elif name == "image_classification_pipeline":
        inputs = {
            **_TRAINING_INPUTS,
            "task_type": {"type": "string"},
            "primary_metric": {"type": "string", "optional": True},
            **_parameters(AutomlParameters.model_fields),
        }
        outputs = _TRAINING_OUTPUTS
    return ComponentDocument(
        name=name,
        version=_VERSIONS[name],
        type="pipeline",
        display_name=_TITLES[name],
        inputs=inputs,
        outputs=outputs,
    )


def _step_component(name: str) -> ComponentDocument:
    """A component that is a command of ours."""
    step, inputs, outputs = _STEPS[name]
    parts = [f"python -m tintype.jobs.registry_steps {step}"]
    for each, port in inputs.items():
        part = f"--{each} ${{{{inputs.{each}}}}}"
        parts.append(f"$[[{part}]]" if port.get("optional") else part)
    parts += [f"--{each} ${{{{outputs.{each}}}}}" for each in outputs]
    return ComponentDocument.model_validate(
        {
            "name": name,
            "version": _VERSIONS[name],
            "type": "command",
            "display_name": _TITLES[name],
            "inputs": inputs,
            "outputs": outputs,
            "command": " ".join(parts),
        }
    )


def _parameters(fields: Mapping[str, FieldInfo]) -> dict[str, dict[str, Any]]:
    """Inputs for parameters that are one value each."""
    inputs: dict[str, dict[str, Any]] = {}
    for name, field in fields.items():
        kind = _type(field.annotation)
        if kind is None or field.exclude:
            continue
        inputs[name] = {"type": kind, "optional": True}
        if isinstance(field.default, bool | int | float | str):
            inputs[name]["default"] = field.default
    return inputs


def _type(annotation: Any) -> str | None:
    """Azure's name of a parameter's type; None for those that are no single value."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _type(get_args(annotation)[0])
    if origin in (Union, UnionType):
        kinds = {_type(part) for part in get_args(annotation) if part is not NoneType}
        return kinds.pop() if len(kinds) == 1 else None
    if origin is Literal or annotation is str:
        return "string"
    return _TYPES.get(annotation)
