"""Training losses: cross-entropy and binary cross-entropy, smoothed and weighted by class."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["ClassificationLoss", "class_weights"]


def class_weights(targets: np.ndarray, classes: int, weighted_loss: int) -> torch.Tensor | None:
    """Weights by class, float32 (classes,), or None for `weighted_loss` 0.

    2 gives the balanced weights n / (classes × count); 1 their square roots, as Azure's
    hyperparameter reference says. A class without an example weighs 1.

    Args:
        targets: int64 (n,) class codes, or float32 (n, classes) of 0 and 1.
    """
    if weighted_loss == 0:
        return None
    counts = targets.sum(0) if targets.ndim == 2 else np.bincount(targets, minlength=classes)
    weights = np.where(counts > 0, len(targets) / (classes * np.maximum(counts, 1)), 1.0)
    if weighted_loss == 1:
        weights = np.sqrt(weights)
    return torch.tensor(weights, dtype=torch.float32)


class ClassificationLoss(nn.Module):
    """Mean loss over a batch, computed in float32 whatever the precision of the logits.

    Multi-class: softmax cross-entropy with label smoothing. Multi-label: the sum over classes of
    sigmoid cross-entropies divided by the number of classes; `weights` scale each class's term.
    """

    weights: torch.Tensor | None

    def __init__(
        self,
        task: ClassificationTask,
        *,
        weights: torch.Tensor | None = None,
        smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.multilabel = task == MULTILABEL
        self.smoothing = smoothing
        self.register_buffer("weights", weights)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes) and targets int64 (n,) or float (n, classes) -> scalar."""
        logits = logits.float()
        if self.multilabel:
            return functional.binary_cross_entropy_with_logits(logits, targets, weight=self.weights)
        return functional.cross_entropy(
            logits, targets, weight=self.weights, label_smoothing=self.smoothing
        )
