"""`training_parameters` of an AutoML job: Azure's hyperparameters, and what they mean in training.

Source of names, ranges and defaults: docs/contracts.md §2.5. AutoML's own model names train by
the defaults written there (SGD with momentum); any other checkpoint by ours (`training/plan.py`).
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from tintype.schemas.augmentations import AUGMENTATION_PRESETS, Augmentations
from tintype.schemas.finetuning import FinetuningParameters, Number
from tintype.schemas.task import MULTILABEL, ClassificationTask
from tintype.schemas.training_recipes import TrainingRecipes

__all__ = ["ALIASES", "DEFAULT_MODEL", "NATIVE_MODELS", "NOT_SEARCHABLE", "AutomlParameters"]

NATIVE_MODELS = (
    "mobilenetv2",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnest50",
    "resnest101",
    "seresnext",
    "vits16r224",
    "vitb16r224",
    "vitl16r224",
)

# Azure's two documents name two defaults (§2.4); this is the one its catalog serves.
DEFAULT_MODEL = "vitb16r224"

NOT_SEARCHABLE = ("advanced_settings", "checkpoint_frequency", "checkpoint_run_id")

# Names that Azure's runtime and older documents use for the same thing.
ALIASES = {
    "valid_resize_size": "validation_resize_size",
    "valid_crop_size": "validation_crop_size",
    "train_crop_size": "training_crop_size",
    "lr_scheduler": "learning_rate_scheduler",
    "grad_accumulation_step": "gradient_accumulation_step",
    "amsgrad": "ams_gradient",
}

# training_batch_size, learning_rate multi-class, learning_rate multi-label (§2.5).
_NATIVE_DEFAULTS = {
    "vits16r224": (128, 0.0125, 0.025),
    "vitb16r224": (48, 0.0125, 0.025),
    "vitl16r224": (10, 0.001, 0.002),
}
_OTHER_NATIVE = (78, 0.01, 0.035)

# As Azure's defaults in §2.5, for AutoML's own model names.
_NATIVE_TRAINING = {
    "number_of_epochs": 15,
    "optimizer": "sgd",
    "momentum": 0.9,
    "nesterov": True,
    "weight_decay": 1e-4,
    "learning_rate_scheduler": "warmup_cosine",
    "warmup_cosine_lr_cycles": 0.45,
    "warmup_cosine_lr_warmup_epochs": 2,
    "step_lr_gamma": 0.5,
    "step_lr_step_size": 5,
    "gradient_accumulation_step": 1,
}

# What goes to FinetuningParameters under the same name.
_SAME = (
    "method",
    "pooling",
    "lora_rank",
    "label_smoothing_factor",
    "number_of_epochs",
    "learning_rate",
    "training_batch_size",
    "validation_batch_size",
    "gradient_accumulation_step",
    "early_stopping",
    "early_stopping_patience",
    "early_stopping_delay",
    "learning_rate_scheduler",
    "step_lr_gamma",
    "step_lr_step_size",
    "warmup_cosine_lr_cycles",
    "warmup_cosine_lr_warmup_epochs",
    "optimizer",
    "momentum",
    "weight_decay",
    "nesterov",
    "beta1",
    "beta2",
    "ams_gradient",
    "evaluation_frequency",
    "checkpoint_frequency",
    "layers_to_freeze",
    "random_seed",
    "weighted_loss",
    "validation_resize_size",
    "validation_crop_size",
    "training_crop_size",
)


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


class AutomlParameters(TrainingRecipes):
    """Fixed hyperparameters of every trial; what is left out takes its default."""

    model_name: str | None = None
    """mobilenetv2, resnet18, resnet34, resnet50, resnet101, resnet152, vits16r224, vitb16r224,
    vitl16r224, any Hub id, a local folder, or a registered model. resnest50, resnest101 and
    seresnext run as the nearest of these, with a notice."""

    number_of_epochs: int | None = Field(None, ge=1)
    """Passes over the training images. Default 15."""

    training_batch_size: int | None = Field(None, ge=1)
    """Images in one pass; halved when memory runs out. Default 78 (vits16r224 128, vitb16r224 48,
    vitl16r224 10); for other checkpoints by device and model."""

    validation_batch_size: int | None = Field(None, ge=1)
    """Images in one pass of validation. Default as training_batch_size."""

    gradient_accumulation_step: int | None = Field(None, ge=1)
    """Passes joined into one optimizer step. Default 1."""

    early_stopping: bool = True
    """Stop a trial when the primary metric has stopped improving."""

    early_stopping_patience: int = Field(5, ge=1)
    """Evaluations without improvement before that."""

    early_stopping_delay: int = Field(5, ge=0)
    """Evaluations before improvement is watched."""

    learning_rate: Number | None = Field(None, ge=0, le=1)
    """Default 0.01 multi-class, 0.035 multi-label (vits, vitb 0.0125 and 0.025, vitl 0.001 and
    0.002); for other checkpoints 5e-5."""

    learning_rate_scheduler: Annotated[
        Literal["warmup_cosine", "step", "none"] | None, BeforeValidator(_lower)
    ] = None
    """warmup_cosine (default), step, or none for a constant rate."""

    step_lr_gamma: Number | None = Field(None, ge=0, le=1)
    """step: the rate is multiplied by this. Default 0.5."""

    step_lr_step_size: int | None = Field(None, ge=1)
    """step: every so many epochs. Default 5."""

    warmup_cosine_lr_cycles: Number | None = Field(None, ge=0, le=1)
    """warmup_cosine: turns of the cosine; 0.5 ends at zero. Default 0.45."""

    warmup_cosine_lr_warmup_epochs: int | None = Field(None, ge=0)
    """warmup_cosine: epochs over which the rate rises from 0. Default 2."""

    optimizer: Annotated[
        Literal["sgd", "adam", "adamw", "none"] | None, BeforeValidator(_lower)
    ] = None
    """sgd (default for AutoML's own model names), adam or adamw (default for others)."""

    momentum: Number | None = Field(None, ge=0, le=1)
    """sgd only. Default 0.9."""

    weight_decay: Number | None = Field(None, ge=0, le=1)
    """Default 1e-4."""

    nesterov: bool | None = None
    """sgd only. Default true."""

    beta1: Number | None = Field(None, ge=0, le=1)
    """adam and adamw only. Default 0.9."""

    beta2: Number | None = Field(None, ge=0, le=1)
    """adam and adamw only. Default 0.999."""

    ams_gradient: bool | None = None
    """adam and adamw only: the AMSGrad variant. Default false."""

    evaluation_frequency: int = Field(1, ge=1)
    """Epochs between evaluations; each is one interval of early_termination."""

    checkpoint_frequency: int | None = Field(None, ge=0)
    """Epochs between training checkpoints that are kept. Default: only the best and the last."""

    checkpoint_run_id: str | None = None
    """Start from the model of an earlier trial or job (its name, or its MLflow run id)."""

    layers_to_freeze: int | None = Field(None, ge=0)
    """Keep the first layers as they are: 1 the stem or patch embedding, 2 the first block too, ..."""

    weighted_loss: Literal[0, 1, 2] = 0
    """Weigh the loss by class: 0 no, 1 by the square roots of balanced weights, 2 by the weights."""

    training_crop_size: int | None = Field(None, ge=1)
    """Side of training images in pixels. Default: the checkpoint's own. Vision transformers need
    the same as validation_crop_size."""

    validation_resize_size: int | None = Field(None, ge=1)
    """Shorter side to which images are resized before the crop. Default: the checkpoint's own."""

    validation_crop_size: int | None = Field(None, ge=1)
    """Side of the centre crop in validation and in the finished model. Default: the checkpoint's."""

    random_seed: int | None = Field(None, ge=0, lt=2**31)
    """Decides order, augmentation and new weights. Default 42."""

    augmentations: str | None = None
    """none, light, standard (default), strong, or a JSON object with keys of `augmentations` of a
    fine-tuning job."""

    advanced_settings: str | None = None
    """JSON text, as Azure's. Read and kept; nothing in it concerns classification here."""

    enable_onnx_normalization: bool | None = None
    """No effect: exported ONNX graphs always normalise by themselves."""

    distributed: bool | None = None
    """No effect here."""

    number_of_workers: int | None = Field(None, ge=0)
    """No effect: threads are budgeted by the setting TINTYPE_THREADS."""

    method: Literal["full", "lora", "head"] = "full"
    """Beyond Azure's: what learns; see fine-tuning jobs."""

    lora_rank: int | None = Field(None, ge=1, le=1024)
    """Beyond Azure's: rank of LoRA's adapters. Default 8."""

    pooling: Literal["auto", "cls", "mean", "projection"] = "auto"
    """Beyond Azure's: features for method: head."""

    label_smoothing_factor: Number | None = Field(None, ge=0, lt=1)
    """Beyond Azure's: multi-class only. Default 0."""

    @model_validator(mode="before")
    @classmethod
    def _aliases(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {ALIASES.get(key, key): item for key, item in value.items()}

    @model_validator(mode="after")
    def _check_together(self) -> AutomlParameters:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov: true needs a momentum above 0")
        resize, crop = self.validation_resize_size, self.validation_crop_size
        if resize is not None and crop is not None and crop > resize:
            raise ValueError(
                f"validation_crop_size {crop} must not be above validation_resize_size {resize}"
            )
        if self.advanced_settings is not None:
            try:
                json.loads(self.advanced_settings or "{}")
            except ValueError:
                raise ValueError(
                    f"advanced_settings {self.advanced_settings!r} is not JSON; write it like "
                    """'{"stream_image_files": true}'"""
                ) from None
        read_augmentations(self.augmentations)
        return self

    @property
    def is_native(self) -> bool:
        """Whether the model is one of AutoML's own names, with Azure's defaults for it."""
        return (self.model_name or DEFAULT_MODEL).lower() in NATIVE_MODELS

    def to_finetuning(
        self, task: ClassificationTask, *, metric: str, validation_data_size: float
    ) -> FinetuningParameters:
        """The same as parameters of a fine-tuning job that chooses its best epoch by `metric`.

        Raises:
            ValueError: values that cannot go together.
        """
        self.check_recipes(task)
        given = {name: getattr(self, name) for name in (*_SAME, *TrainingRecipes.model_fields)}
        values = {name: value for name, value in given.items() if value is not None}
        if self.is_native and self.method == "full":
            values = {**self._native_defaults(task), **values}
        if values.get("learning_rate_scheduler") == "none":
            values["learning_rate_scheduler"] = "constant"
        if values.get("optimizer") == "none":
            del values["optimizer"]
        # Zero means "do not learn" to Azure, which no trainer can be asked for.
        if values.get("learning_rate") == 0:
            raise ValueError("learning_rate 0 trains nothing")
        augmentations = read_augmentations(self.augmentations)
        return FinetuningParameters.model_validate(
            {
                **values,
                "apply_augmentations": augmentations is not None,
                "augmentations": augmentations or Augmentations(),
                "metric_for_best_model": metric,
                "validation_data_size": validation_data_size,
                "auto_find_batch_size": True,
                "save_total_limit": 1,
            }
        )

    def notices(self) -> list[str]:
        """One sentence for each parameter that was given but has no effect here."""
        reasons = {
            "enable_onnx_normalization": "exported ONNX graphs always normalise by themselves",
            "distributed": "a trial runs on one device",
            "number_of_workers": "set TINTYPE_THREADS for this machine",
            "advanced_settings": "nothing in it concerns classification here",
        }
        return [
            f"training_parameters.{name} has no effect: {reason}"
            for name, reason in reasons.items()
            if name in self.model_fields_set and getattr(self, name) is not None
        ]

    def _native_defaults(self, task: ClassificationTask) -> dict[str, Any]:
        name = (self.model_name or DEFAULT_MODEL).lower()
        batch, multiclass, multilabel = _NATIVE_DEFAULTS.get(name, _OTHER_NATIVE)
        values: dict[str, Any] = {
            **_NATIVE_TRAINING,
            "training_batch_size": batch,
            "learning_rate": multilabel if task == MULTILABEL else multiclass,
        }
        if self.optimizer not in (None, "sgd"):
            del values["momentum"], values["nesterov"]
        return values


def read_augmentations(value: str | None) -> Augmentations | None:
    """What `augmentations` asks for: a preset's name or a JSON object; None for "none".

    Raises:
        ValueError: neither.
    """
    if value is None or value.strip() == "":
        return Augmentations()
    name = value.strip().lower()
    if name in AUGMENTATION_PRESETS:
        return AUGMENTATION_PRESETS[name]
    try:
        return Augmentations.model_validate(json.loads(value))
    except ValueError:
        raise ValueError(
            f"augmentations {value!r}: expected {', '.join(AUGMENTATION_PRESETS)}, or a JSON object "
            f"with {', '.join(Augmentations.model_fields)}"
        ) from None
