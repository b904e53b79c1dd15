"""Training losses: cross-entropy, binary and asymmetric, smoothed and weighted by class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tintype.schemas.task import MULTILABEL, ClassificationTask
from tintype.training.plan import TrainingPlan

__all__ = ["AsymmetricFocus", "ClassificationLoss", "class_weights", "log_priors", "make_loss"]

# Powers below 1 have no slope at 0.
_LEAST = 1e-8


@dataclass(frozen=True)
class AsymmetricFocus:
    """The asymmetric loss of Ridnik et al., "Asymmetric Loss For Multi-Label Classification", 2021.

    With p the probability of a label and p' = max(p - clip, 0):
    present -(1 - p)^gamma_pos log(p), absent -p'^gamma_neg log(1 - p').
    """

    gamma_neg: float = 4.0
    gamma_pos: float = 0.0
    clip: float = 0.05


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


def log_priors(targets: np.ndarray, classes: int) -> torch.Tensor:
    """Logarithms of the classes' shares of int64 (n,) codes, float32 (classes,); unseen ones count once."""
    counts = np.maximum(np.bincount(targets, minlength=classes), 1)
    return torch.tensor(np.log(counts / counts.sum()), dtype=torch.float32)


def make_loss(plan: TrainingPlan, targets: np.ndarray, classes: int) -> ClassificationLoss:
    """The loss that `plan` asks for, with what it has to know of the training `targets`."""
    parameters = plan.parameters
    adjusted = parameters.class_balance == "logit_adjustment"
    focus = AsymmetricFocus(
        parameters.asymmetric_gamma_neg, parameters.asymmetric_gamma_pos, parameters.asymmetric_clip
    )
    return ClassificationLoss(
        plan.task,
        weights=class_weights(targets, classes, parameters.weighted_loss),
        smoothing=plan.label_smoothing,
        focus=focus if plan.loss == "asymmetric" else None,
        adjustment=log_priors(targets, classes) if adjusted else None,
    )


class ClassificationLoss(nn.Module):
    """Mean loss over a batch, computed in float32 whatever the precision of the logits.

    Multi-class: softmax cross-entropy with label smoothing; an `adjustment`, the log shares of the
    classes, is added to the logits here and not when the model answers, which then judges as if all
    classes were equally frequent (Menon et al., "Long-tail learning via logit adjustment", ICLR
    2021, equation 10, tau 1). Multi-label: the sum over classes of
    sigmoid cross-entropies (or, with a `focus`, of asymmetric losses) divided by the number of
    classes; `weights` scale each class's term.
    """

    weights: torch.Tensor | None
    adjustment: torch.Tensor | None

    def __init__(
        self,
        task: ClassificationTask,
        *,
        weights: torch.Tensor | None = None,
        smoothing: float = 0.0,
        focus: AsymmetricFocus | None = None,
        adjustment: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self.focus = focus
        self.multilabel = task == MULTILABEL
        self.smoothing = smoothing
        self.register_buffer("weights", weights)
        self.register_buffer("adjustment", adjustment)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes) and targets int64 (n,) or float (n, classes) -> scalar.

        Multi-class, float targets are shares of the classes, which sum to 1.
        """
        logits = logits.float()
        if self.adjustment is not None:
            logits = logits + self.adjustment
        if self.multilabel and self.focus is not None:
            losses = _asymmetric(logits, targets, self.focus)
            return (losses if self.weights is None else losses * self.weights).mean()
        if self.multilabel:
            return functional.binary_cross_entropy_with_logits(logits, targets, weight=self.weights)
        if targets.is_floating_point() and self.weights is not None:
            # torch divides by the rows here, and by their weights where targets are codes.
            total = functional.cross_entropy(
                logits,
                targets,
                weight=self.weights,
                label_smoothing=self.smoothing,
                reduction="sum",
            )
            return total / (targets @ self.weights).sum()
        return functional.cross_entropy(
            logits, targets, weight=self.weights, label_smoothing=self.smoothing
        )


def _asymmetric(
    logits: torch.Tensor, targets: torch.Tensor, focus: AsymmetricFocus
) -> torch.Tensor:
    """Losses (n, classes) of float32 logits against targets from 0 to 1."""
    probabilities = logits.sigmoid()
    shifted = (probabilities - focus.clip).clamp(_LEAST, 1 - 1e-6)
    # Without a shift 1 - p' may round to 0: its logarithm is taken from the logit.
    against = torch.log1p(-shifted) if focus.clip else functional.logsigmoid(-logits)
    absent = against * shifted**focus.gamma_neg
    unsure = (1 - probabilities).clamp(min=_LEAST)
    present = functional.logsigmoid(logits) * unsure**focus.gamma_pos
    return -(targets * present + (1 - targets) * absent)
