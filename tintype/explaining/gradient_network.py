"""GradientNetwork: a Scorer's network in torch, which goes back from outputs to its input."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from tintype.errors import UsageError
from tintype.explaining.methods import architecture_of
from tintype.explaining.step_by_step import attend_step_by_step
from tintype.models.networks import ImageNetwork, Output, load_image_network
from tintype.scoring.scorer import Scorer

__all__ = ["GradientNetwork", "patch_size_of"]

_MOST_PATCHES_STEP_BY_STEP = 1024


class GradientNetwork:
    """A Scorer's network in torch, a copy of its own: scoring goes on beside it.

    Vision transformers compute in bf16 where the Scorer does. Everything else computes in fp32: int8 has no
    gradients, and through the many layers of a convolutional network those of bf16 are off by a quarter.
    """

    def __init__(self, scorer: Scorer) -> None:
        """
        Raises:
            UsageError: the model's weights are not on disk.
            CheckpointError: they cannot be loaded.
        """
        if scorer.checkpoint is None:
            raise UsageError(
                "gradients need the model's weights on disk: save it as a model folder"
            )
        attends = architecture_of(scorer.checkpoint) == "attention"
        self.device = torch.device(scorer.choice.device)
        self.precision = "bf16" if attends and scorer.choice.precision == "bf16" else "fp32"
        self._dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
        output: Output = scorer.output  # type: ignore[assignment]
        network = load_image_network(
            scorer.checkpoint, scorer.preprocessor, output, dtype=self._dtype
        )
        self.network: ImageNetwork = network.requires_grad_(False).to(self.device)
        height, width = scorer.preprocessor.input_size
        patch = patch_size_of(network) if attends and self.device.type == "cpu" else None
        # torch's fused attention takes longer on its way back on CPUs, but never holds a number for each pair
        # of patches, which many patches could not pay for.
        if patch and (height // patch) * (width // patch) <= _MOST_PATCHES_STEP_BY_STEP:
            attend_step_by_step(network)

    def values_of(self, pixels: np.ndarray) -> torch.Tensor:
        """uint8 (h, w, 3) -> the network's input, float32 (1, 3, h, w)."""
        # A copy: decoded pixels may be read-only.
        batch = torch.from_numpy(pixels[None].copy()).to(self.device)
        return self.network.normalized(batch)

    def outputs_of(self, values: torch.Tensor) -> torch.Tensor:
        """Float32 (n, 3, h, w) -> float32 (n, D)."""
        return self.network.outputs_of(values.to(self._dtype))


def patch_size_of(network: nn.Module) -> int | None:
    """Pixels a side of a patch, as the network's config has it; None where it has none."""
    for module in network.modules():
        size = getattr(getattr(module, "config", None), "patch_size", None)
        if size is not None:
            return int(size if isinstance(size, int) else size[0])
    return None
