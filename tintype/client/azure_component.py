"""Azure's pipeline components that a job of ours stands for, to be called in `@pipeline` functions.

The decorator of azure-ai-ml takes note of its own component objects only. Where that package is
installed, one is made of it; what the pipeline then says is read by `schemas/pipeline.py`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from tintype.client.azure_errors import not_found_as_azure
from tintype.client.records import Record
from tintype.errors import UsageError, nearest

__all__ = ["RegistryComponents", "callable_component"]

_SCHEMA = "https://azuremlschemas.azureedge.net/latest/pipelineComponent.schema.json"

# Inputs of each component by type (docs/contracts.md §4.1 and §5.2). All are optional to the SDK: what is
# missing is told when the job is read, by name and with the fix.
_FINETUNING = {
    "string": (
        "compute_model_import compute_finetune compute_model_evaluation model_family model_name "
        "task_name metric_for_best_model learning_rate_scheduler optimizer extra_optim_args precision "
        "evaluation_strategy save_strategy logging_strategy label_column_name input_column_names "
        "evaluation_config_params"
    ),
    "integer": (
        "instance_count process_count_per_instance image_width image_height number_of_workers "
        "number_of_epochs max_steps training_batch_size validation_batch_size test_batch_size "
        "warmup_steps gradient_accumulation_step random_seed evaluation_steps save_steps "
        "logging_steps save_total_limit early_stopping_patience"
    ),
    "number": "learning_rate weight_decay label_smoothing_factor max_grad_norm",
    "boolean": (
        "download_from_source apply_augmentations apply_deepspeed apply_ort auto_find_batch_size "
        "early_stopping resume_from_checkpoint save_as_mlflow_model"
    ),
    "mltable": "training_data validation_data test_data",
    "mlflow_model": "mlflow_model",
    "custom_model": "pytorch_model",
    "uri_file": "deepspeed_config evaluation_config",
}
_EVALUATION = {
    "string": (
        "compute_name instance_type task label_column_name input_column_names device "
        "evaluation_config_params openai_config_params"
    ),
    "integer": "batch_size",
    "mltable": "test_data",
    "mlflow_model": "mlflow_model",
    "uri_file": "evaluation_config",
}
_MODELS = {"mlflow_model_folder": "mlflow_model", "pytorch_model_folder": "custom_model"}

# Name: the version that Azure's registry had, inputs, outputs.
_COMPONENTS: dict[str, tuple[str, Mapping[str, str], Mapping[str, str]]] = {
    "transformers_image_classification_pipeline": ("0.0.25", _FINETUNING, _MODELS),
    "model_evaluation_pipeline": ("0.0.36", _EVALUATION, {"evaluation_result": "uri_folder"}),
}


def callable_component(name: str, version: str | None = None) -> Any:
    """A component of Azure's registry that `@pipeline` functions can call.

    Args:
        version: any; None is the one that Azure's registry had as its newest.

    Returns:
        A component of azure-ai-ml where that is installed, else a `Record` of its name, version,
        inputs and outputs.

    Raises:
        UsageError: no job of ours stands for it; names the nearest.
    """
    if name not in _COMPONENTS:
        raise UsageError(
            f"there is no component {name!r} here.{nearest(name, _COMPONENTS)} Expected "
            f"{' or '.join(_COMPONENTS)}"
        )
    newest, inputs, outputs = _COMPONENTS[name]
    document = {
        "$schema": _SCHEMA,
        "type": "pipeline",
        "name": name,
        "version": version or newest,
        "display_name": name.replace("_", " ").capitalize(),
        "inputs": {
            each: {"type": kind, "optional": True}
            for kind, names in inputs.items()
            for each in names.split()
        },
        "outputs": {each: {"type": kind} for each, kind in outputs.items()},
        "jobs": {},
    }
    try:
        from azure.ai.ml import load_component
    except ImportError:
        shown = {key: value for key, value in document.items() if key not in ("$schema", "jobs")}
        return Record.of("components", shown)
    return load_component(io.StringIO(yaml.safe_dump(document, sort_keys=False)))


class RegistryComponents:
    """`ml_client.components`: Azure's pipeline components that a job here stands for."""

    @not_found_as_azure
    def get(self, name: str, version: str | None = None, label: str | None = None) -> Any:
        """See `callable_component`.

        Raises:
            UsageError: no such component, or a label other than latest.
        """
        if label not in (None, "latest"):
            raise UsageError(f"label {label!r}: expected latest")
        return callable_component(name, version)

    def list(self, name: str | None = None) -> Sequence[Any]:
        """All of them, or the one called `name`."""
        return [callable_component(each) for each in ([name] if name else _COMPONENTS)]
