"""Heads trained on features alone (linear probes), in a space where every feature counts alike."""

from __future__ import annotations

import copy

import torch
from torch import nn

__all__ = ["StandardisedHead"]


class StandardisedHead(nn.Module):
    """A head that learns on features scaled to mean 0 and deviation 1.

    Gradient descent on raw features crawls when some vary a hundred times more than others. The
    scaling is linear, so `folded` puts it back into the head's own weights and nothing of it
    remains in the finished model. A head that is more than one linear layer is trained as it is.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, head: nn.Module, features: torch.Tensor) -> None:
        """
        Args:
            head: takes features as the backbone gives them; copied, not changed.
            features: float32 (n, D, …), the training rows.
        """
        super().__init__()
        self.head = copy.deepcopy(head)
        linears = [module for module in self.head.modules() if isinstance(module, nn.Linear)]
        others = [module for module in self.head.modules() if not list(module.children())]
        passive = (nn.Linear, nn.Flatten, nn.Dropout, nn.Identity)
        self._linear: list[nn.Linear] = (
            linears if len(linears) == 1 and all(isinstance(m, passive) for m in others) else []
        )
        flat = features.flatten(1)
        width = flat.shape[1]
        self.register_buffer("mean", flat.mean(0) if self._linear else torch.zeros(width))
        deviation = flat.std(0, correction=0)
        # A constant feature stays constant rather than divide by nothing.
        deviation = torch.where(deviation < 1e-6, 1.0, deviation)
        self.register_buffer("scale", deviation if self._linear else torch.ones(width))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features (n, D, …) -> logits (n, classes)."""
        scaled = (features.flatten(1) - self.mean) / self.scale
        return self.head(scaled.view_as(features))

    @torch.no_grad()
    def folded(self) -> nn.Module:
        """The head for raw features, on the CPU."""
        head = copy.deepcopy(self.head).cpu()
        if self._linear:
            linear = next(module for module in head.modules() if isinstance(module, nn.Linear))
            linear.weight.div_(self.scale.cpu())
            linear.bias.sub_(linear.weight @ self.mean.cpu())
        return head
