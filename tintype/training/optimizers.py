"""Optimizers and learning-rate schedules by the names Azure's fine-tune component gives them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from tintype.errors import UsageError, nearest
from tintype.training.plan import TrainingPlan

__all__ = ["make_optimizer", "make_schedule", "parse_extra_arguments"]

# Azure's names -> transformers' names of the same schedules.
_SCHEDULES = {
    "warmup_linear": "linear",
    "warmup_cosine": "cosine",
    "warmup_cosine_with_restarts": "cosine_with_restarts",
    "warmup_polynomial": "polynomial",
    "constant": "constant",
    "warmup_constant": "constant_with_warmup",
}


def make_optimizer(model: nn.Module, plan: TrainingPlan) -> torch.optim.Optimizer:
    """The optimizer over the weights of `model` that require gradients.

    `adamw_hf` is `adamw` (transformers removed its own, torch's is the same rule). Biases and
    normalisation weights are not decayed, as in transformers' Trainer.

    Raises:
        UsageError: the optimizer cannot run here, or `extra_optim_args` does not parse.
    """
    extra = parse_extra_arguments(plan.parameters.extra_optim_args)
    if plan.optimizer == "sgd":
        # The component's contract: what extra_optim_args says wins over weight_decay.
        decay = float(extra.pop("weight_decay", plan.weight_decay))
        return torch.optim.SGD(_groups(model, decay), lr=plan.learning_rate, **extra)
    if extra:
        raise UsageError(
            f"extra_optim_args {plan.parameters.extra_optim_args!r} applies to optimizer 'sgd' "
            f"only, not to {plan.optimizer!r}"
        )
    groups = _groups(model, plan.weight_decay)
    if plan.optimizer in ("adamw", "adamw_hf"):
        return torch.optim.AdamW(groups, lr=plan.learning_rate, fused=True)
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
    from transformers.optimization import get_scheduler

    return get_scheduler(
        _SCHEDULES[plan.scheduler],
        optimizer,
        num_warmup_steps=plan.warmup_steps,
        num_training_steps=plan.total_steps,
    )


def parse_extra_arguments(text: str) -> dict[str, Any]:
    """Read `"momentum=0.5; nesterov=True"` into keyword arguments of `torch.optim.SGD`.

    Raises:
        UsageError: not of that form, or not an argument of SGD.
    """
    valid = {"momentum", "nesterov", "dampening", "weight_decay"}
    arguments: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name not in valid:
            hint = (
                nearest(name, valid)
                or f" Expected 'name=value; …' with {', '.join(sorted(valid))}."
            )
            raise UsageError(f"extra_optim_args: cannot use {part!r}.{hint}")
        try:
            arguments[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            raise UsageError(
                f"extra_optim_args: {name}={value!r} is not a number or boolean"
            ) from None
        expected = bool if name == "nesterov" else (int, float)
        if not isinstance(arguments[name], expected):
            raise UsageError(f"extra_optim_args: {name}={value!r} is of the wrong type")
    if arguments.get("nesterov") and not arguments.get("momentum"):
        raise UsageError("extra_optim_args: nesterov=True needs a momentum above 0")
    return arguments


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": _matrices(trainable), "weight_decay": weight_decay},
        {"params": _vectors(trainable), "weight_decay": 0.0},
    ]


def _matrices(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    return [parameter for parameter in parameters if parameter.ndim > 1]


def _vectors(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    return [parameter for parameter in parameters if parameter.ndim <= 1]
