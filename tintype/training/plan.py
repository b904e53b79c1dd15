"""From the parameters a user wrote to a complete plan: every "auto" given a value, and said so."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import torch

from tintype.errors import UsageError
from tintype.models.hardware import has_fast_bf16
from tintype.schemas.finetuning import FinetuningParameters
from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["TrainingPlan", "make_plan", "plan_of_head"]

Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class TrainingPlan:
    """What will be done, with no "auto" left. `parameters` holds what needed no resolving."""

    parameters: FinetuningParameters
    task: ClassificationTask
    epochs: int
    steps_per_epoch: int
    """Optimizer steps in one pass over the training rows."""

    total_steps: int
    """Optimizer steps in all: `max_steps` where positive, else epochs × steps_per_epoch."""

    batch_size: int
    """Rows in one forward and backward pass."""

    gradient_accumulation: int
    """Passes joined into one optimizer step."""

    validation_batch_size: int
    learning_rate: float
    scheduler: str
    warmup_steps: int
    optimizer: str
    weight_decay: float
    label_smoothing: float
    max_grad_norm: float
    precision: Precision
    loss: str
    """cross_entropy, bce or asymmetric."""

    multilabel_threshold: float
    """At which labels count as predicted in the metrics of training."""

    metric: str
    """The metric that chooses the best checkpoint, as `evaluation.metrics` names it, or `loss`."""

    head_first: bool = False
    """Whether the head is fitted alone before all weights learn."""

    def summary(self) -> dict[str, Any]:
        """The resolved values, flat and JSON-able, for logs and the model's card."""
        own = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name != "parameters"
        }
        return {
            **own,
            "method": self.parameters.method,
            "seed": self.parameters.random_seed,
            "apply_augmentations": self.parameters.apply_augmentations,
        }


@dataclass(frozen=True)
class _Defaults:
    epochs: int
    learning_rate: float
    scheduler: str
    weight_decay: float
    warmup_fraction: float


# Full fine-tuning: the values Azure's samples carry (docs/contracts.md §4.1), but for a tenth of
# the steps as warmup, without which Adam's first steps damage a pretrained ViT. LoRA's rate is ten
# times higher, as its paper's (Hu 2021, table D.9) are. A head or a network that starts from random
# weights has nothing to damage.
_DEFAULTS = {
    "full": _Defaults(15, 5e-5, "warmup_linear", 0.0, 0.1),
    "lora": _Defaults(15, 5e-4, "warmup_linear", 0.0, 0.1),
    "head": _Defaults(100, 5e-3, "warmup_cosine", 1e-3, 0.0),
    "scratch": _Defaults(40, 2e-3, "warmup_cosine", 0.05, 0.1),
}


# What the loss, its rows and the choice of the best depend on.
_OF_HEAD_TOO = (
    "class_balance",
    "loss",
    "asymmetric_gamma_neg",
    "asymmetric_gamma_pos",
    "asymmetric_clip",
    "label_smoothing_factor",
    "weighted_loss",
    "metric_for_best_model",
    "multilabel_threshold",
    "precision",
    "random_seed",
    "validation_batch_size",
)

# Epochs, for an evaluation takes longer than one of a head; and evaluations without improvement.
_HEAD_EVALUATED_EVERY, _HEAD_PATIENCE = 5, 4


def make_plan(
    parameters: FinetuningParameters,
    *,
    task: ClassificationTask,
    rows: int,
    from_scratch: bool,
    model_parameters: int,
    device: torch.device,
    fitted_head: bool = False,
) -> TrainingPlan:
    """Resolve every "auto" for `rows` training rows and a model of `model_parameters` weights.

    Args:
        fitted_head: whether the model's head was fitted to these classes already.

    Raises:
        UsageError: fp16 was asked for on a device that cannot train in it, or a head to be fitted
            first to the features of random weights.
    """
    defaults = _DEFAULTS[
        "scratch" if from_scratch and parameters.method == "full" else parameters.method
    ]
    batch_size = parameters.training_batch_size or _auto_batch_size(
        parameters.method, rows, model_parameters, device
    )
    accumulation = parameters.gradient_accumulation_step or 1
    steps_per_epoch = max(1, -(-rows // (batch_size * accumulation)))
    epochs = parameters.number_of_epochs or defaults.epochs
    total_steps = parameters.max_steps if parameters.max_steps > 0 else epochs * steps_per_epoch
    warmup = parameters.warmup_steps
    if warmup is None and parameters.warmup_cosine_lr_warmup_epochs is not None:
        warmup = min(parameters.warmup_cosine_lr_warmup_epochs * steps_per_epoch, total_steps // 2)
    return TrainingPlan(
        parameters=parameters,
        task=task,
        epochs=-(-total_steps // steps_per_epoch),
        steps_per_epoch=steps_per_epoch,
        total_steps=total_steps,
        batch_size=batch_size,
        gradient_accumulation=accumulation,
        validation_batch_size=parameters.validation_batch_size or max(32, batch_size),
        learning_rate=_or(parameters.learning_rate, defaults.learning_rate),
        scheduler=parameters.learning_rate_scheduler or defaults.scheduler,
        warmup_steps=int(_or(warmup, round(defaults.warmup_fraction * total_steps))),
        optimizer=parameters.optimizer or "adamw",
        weight_decay=_or(parameters.weight_decay, defaults.weight_decay),
        label_smoothing=0.0 if task == MULTILABEL else _or(parameters.label_smoothing_factor, 0.0),
        max_grad_norm=_or(parameters.max_grad_norm, 1.0),
        precision=_precision(parameters.precision, device),
        loss=(parameters.loss or "bce") if task == MULTILABEL else "cross_entropy",
        multilabel_threshold=_or(parameters.multilabel_threshold, 0.5),
        metric=parameters.metric_for_best_model or ("iou" if task == MULTILABEL else "accuracy"),
        head_first=_head_first(parameters, from_scratch=from_scratch, fitted_head=fitted_head),
    )


def plan_of_head(plan: TrainingPlan, *, rows: int, device: torch.device) -> TrainingPlan:
    """How the head is fitted before `plan` trains all weights: by the defaults of method: head, for the
    same loss and metric."""
    same = {name: getattr(plan.parameters, name) for name in _OF_HEAD_TOO}
    parameters = FinetuningParameters(
        method="head",
        evaluation_frequency=_HEAD_EVALUATED_EVERY,
        early_stopping=True,
        early_stopping_patience=_HEAD_PATIENCE,
        **same,
    )
    return make_plan(
        parameters, task=plan.task, rows=rows, from_scratch=False, model_parameters=0, device=device
    )


def _head_first(parameters: FinetuningParameters, *, from_scratch: bool, fitted_head: bool) -> bool:
    if parameters.head_first == "auto":
        return parameters.method != "head" and not from_scratch and not fitted_head
    if parameters.head_first and from_scratch:
        raise UsageError(
            "head_first: this network starts from random weights, whose features no head is worth "
            "fitting to; leave it out, or name a pretrained checkpoint"
        )
    return parameters.head_first


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _auto_batch_size(method: str, rows: int, model_parameters: int, device: torch.device) -> int:
    """Large enough to fill the chip, small enough for about twenty steps an epoch."""
    if method == "head":
        most = 256
    elif device.type == "cuda":
        most = 64
    else:
        most = 16 if model_parameters > 20_000_000 else 64
    least = min(8, most)
    return max(least, min(most, 1 << max(0, (rows // 20).bit_length() - 1)))


def _precision(asked: str, device: torch.device) -> Precision:
    if asked == "auto":
        return "bf16" if has_fast_bf16(device) else "fp32"
    if asked == "16":
        # A CPU has no fp16 training; bf16 is its 16-bit type.
        return "fp16" if device.type == "cuda" else "bf16"
    if asked not in ("32", "bf16"):
        raise UsageError(f"precision {asked!r}: expected 'auto', '32', '16' or 'bf16'")
    return "bf16" if asked == "bf16" else "fp32"
