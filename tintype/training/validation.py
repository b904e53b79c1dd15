"""Metrics of a model on the validation split, as training asks for them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from tintype.evaluation.metrics import METRICS, compute_metrics, metric_direction
from tintype.schemas.task import MULTILABEL
from tintype.training.gathering import Gatherer
from tintype.training.inputs import Inputs
from tintype.training.losses import ClassificationLoss
from tintype.training.plan import TrainingPlan

__all__ = ["Measured", "Split", "Validator", "autocast"]

# Above this many probabilities only quick metrics are computed during training.
_FULL_METRICS_LIMIT = 2_000_000
_QUICK_METRICS = (
    "accuracy",
    "f1_score_macro",
    "precision_score_macro",
    "recall_score_macro",
    "iou",
    "iou_macro",
    "iou_micro",
    "iou_weighted",
)

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Split:
    """Inputs beside their targets: int64 (n,), or float32 (n, classes) of 0 and 1."""

    inputs: Inputs
    targets: np.ndarray


@dataclass(frozen=True)
class Measured:
    """What a model did on a split."""

    metrics: dict[str, float]
    logits: np.ndarray
    """float32 (n, classes), in the split's order."""


def autocast(device: torch.device, plan: TrainingPlan) -> AbstractContextManager[object]:
    """The precision of the plan, on `device`."""
    enabled = plan.precision != "fp32"
    return torch.autocast(device.type, _DTYPES[plan.precision], enabled=enabled)


class Validator:
    """Scores models on one split."""

    def __init__(
        self,
        plan: TrainingPlan,
        split: Split,
        forward: Callable[[nn.Module, torch.Tensor], torch.Tensor],
        device: torch.device,
        gatherer: Gatherer,
    ) -> None:
        """
        Args:
            forward: (model, finished batch) -> logits (n, classes).
            gatherer: gathers a batch while the one before is computed.
        """
        self._plan = plan
        self._split = split
        self._forward = forward
        self._device = device
        self._gatherer = gatherer
        self._maximise = plan.metric != "loss" and metric_direction(plan.metric) == "max"

    def measure(self, model: nn.Module) -> Measured:
        """Every metric that has a value on the split, and `loss`. Leaves `model` in evaluation mode."""
        plan, targets = self._plan, self._split.targets
        logits = self._logits(model)
        probabilities = logits.sigmoid() if plan.task == MULTILABEL else logits.softmax(-1)
        metrics = None
        if logits.numel() > _FULL_METRICS_LIMIT:
            wanted = {*_QUICK_METRICS, plan.metric}
            metrics = [name for name in METRICS[plan.task] if name in wanted]
        scores = compute_metrics(
            plan.task,
            probabilities.numpy(),
            targets,
            metrics=metrics,
            threshold=plan.multilabel_threshold,
        )
        loss = ClassificationLoss(plan.task)(logits, torch.from_numpy(targets))
        return Measured({**scores, "loss": float(loss)}, logits.numpy())

    def improves(self, value: float, on: float | None) -> bool:
        """Whether `value` of the plan's metric is better than `on`; than nothing, always."""
        if on is None:
            return True
        return value > on if self._maximise else value < on

    def better(self, metrics: dict[str, float], than: dict[str, float]) -> bool:
        """Whether `metrics` are better by the plan's metric; where that is equal, by the loss."""
        name = self._plan.metric
        if name not in metrics or name not in than:
            return name in metrics
        if metrics[name] == than[name]:
            return metrics["loss"] < than["loss"]
        return self.improves(metrics[name], than[name])

    def _logits(self, model: nn.Module) -> torch.Tensor:
        model.eval()
        inputs = self._split.inputs
        rows = np.arange(len(self._split.targets))
        parts = np.array_split(rows, max(1, -(-len(rows) // self._plan.validation_batch_size)))
        collected = []
        with torch.no_grad(), autocast(self._device, self._plan):
            following = self._gatherer.ahead(inputs, parts[0])
            for number in range(len(parts)):
                batch = following()
                if number + 1 < len(parts):
                    following = self._gatherer.ahead(inputs, parts[number + 1])
                finished = inputs.finish(batch.to(self._device), step=None)
                collected.append(self._forward(model, finished).float().cpu())
        return torch.cat(collected)
