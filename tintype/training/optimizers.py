"""Optimizers and learning-rate schedules by the names Azure's fine-tune component gives them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from tintype.errors import UsageError
from tintype.schemas.optimizer_arguments import parse_extra_arguments
from tintype.training.adaptation import layer_scales
from tintype.training.plan import TrainingPlan

__all__ = ["make_optimizer", "make_schedule"]

# Azure's names -> transformers' names of the same schedules.
_SCHEDULES = {
    "warmup_linear": "linear",
    "warmup_cosine_with_restarts": "cosine_with_restarts",
    "warmup_polynomial": "polynomial",
    "constant": "constant",
    "warmup_constant": "constant_with_warmup",
}


def make_optimizer(model: nn.Module, plan: TrainingPlan) -> torch.optim.Optimizer:
    """The optimizer over the weights of `model` that require gradients.

    `adamw_hf` is `adamw` (transformers removed its own, torch's is the same rule). Biases and
    normalisation weights are not decayed, as in transformers' Trainer. With `layer_wise_lr_decay` each
    layer has groups of its own, the head's first.

    Raises:
        UsageError: the optimizer cannot run here.
    """
    extra = parse_extra_arguments(plan.parameters.extra_optim_args)
    parameters = plan.parameters
    if plan.optimizer == "sgd":
        # The component's contract: what extra_optim_args says wins over weight_decay.
        decay = float(extra.pop("weight_decay", plan.weight_decay))
        momentum = {
            "momentum": parameters.momentum or 0.0,
            "nesterov": parameters.nesterov and bool(parameters.momentum),
        }
        return torch.optim.SGD(
            _groups(model, plan, decay), lr=plan.learning_rate, **{**momentum, **extra}
        )
    groups = _groups(model, plan, plan.weight_decay)
    if plan.optimizer in ("adamw", "adamw_hf", "adam"):
        kind = torch.optim.Adam if plan.optimizer == "adam" else torch.optim.AdamW
        return kind(
            groups,
            lr=plan.learning_rate,
            betas=(parameters.beta1, parameters.beta2),
            amsgrad=parameters.ams_gradient,
            fused=True,
        )
    if plan.optimizer == "adagrad":
        return torch.optim.Adagrad(groups, lr=plan.learning_rate)
    if plan.optimizer == "adafactor":
        from transformers.optimization import Adafactor

        return Adafactor(groups, lr=plan.learning_rate, scale_parameter=False, relative_step=False)
    raise UsageError(
        f"optimizer {plan.optimizer!r} needs ONNX Runtime training, which runs only on Azure's "
        "images; use 'adamw', which is the same rule"
    )


def make_schedule(optimizer: torch.optim.Optimizer, plan: TrainingPlan) -> Any:
    """The learning-rate schedule over `plan.total_steps` optimizer steps."""
    from transformers.optimization import get_cosine_schedule_with_warmup, get_scheduler

    parameters = plan.parameters
    if plan.scheduler == "step":
        steps = plan.steps_per_epoch * parameters.step_lr_step_size
        return torch.optim.lr_scheduler.StepLR(optimizer, steps, parameters.step_lr_gamma)
    if plan.scheduler == "warmup_cosine":
        return get_cosine_schedule_with_warmup(
            optimizer, plan.warmup_steps, plan.total_steps, parameters.warmup_cosine_lr_cycles
        )
    return get_scheduler(
        _SCHEDULES[plan.scheduler],
        optimizer,
        num_warmup_steps=plan.warmup_steps,
        num_training_steps=plan.total_steps,
    )


def _groups(model: nn.Module, plan: TrainingPlan, weight_decay: float) -> list[dict[str, Any]]:
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if plan.parameters.layer_wise_lr_decay == 1:
        return _by_decay(trainable, weight_decay)
    scales = layer_scales(model, plan.parameters.layer_wise_lr_decay)
    groups = []
    for scale in sorted(set(scales.values()), reverse=True):
        at_scale = [parameter for parameter in trainable if scales[id(parameter)] == scale]
        for group in _by_decay(at_scale, weight_decay):
            if group["params"]:
                groups.append({**group, "lr": plan.learning_rate * scale})
    return groups


def _by_decay(parameters: list[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    return [
        {"params": _matrices(parameters), "weight_decay": weight_decay},
        {"params": _vectors(parameters), "weight_decay": 0.0},
    ]


def _matrices(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    return [parameter for parameter in parameters if parameter.ndim > 1]


def _vectors(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    return [parameter for parameter in parameters if parameter.ndim <= 1]
