"""The networks that runtimes execute: everything between uint8 pixels and a row of numbers."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from tintype.images.preprocess import Preprocessor
from tintype.models.checkpoint import Checkpoint
from tintype.models.classifier import load_classifier
from tintype.models.features import (
    Pooling,
    features_of,
    load_backbone,
    load_text_backbone,
    text_features_of,
)

__all__ = ["ImageNetwork", "Output", "TextNetwork", "load_image_network", "load_text_network"]

Output = Literal["logits"] | Pooling
"""What a network gives: a classifier's logits, or features of one pooling."""


class ImageNetwork(nn.Module):
    """uint8 pixels (n, height, width, 3) -> float32 (n, D): logits or features."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, model: nn.Module, preprocessor: Preprocessor, output: Output) -> None:
        super().__init__()
        self.model = model
        self.output = output
        scale, shift = preprocessor.scale_and_shift()
        self.register_buffer("scale", torch.from_numpy(scale).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("shift", torch.from_numpy(shift).view(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.outputs_of(self.values_of(pixels))

    def values_of(self, pixels: torch.Tensor) -> torch.Tensor:
        """uint8 pixels (n, height, width, 3) -> normalised (n, 3, height, width), as the model reads them."""
        return self.normalized(pixels).to(next(self.model.parameters()).dtype)

    def normalized(self, pixels: torch.Tensor) -> torch.Tensor:
        """uint8 pixels (n, height, width, 3) -> normalised float32 (n, 3, height, width)."""
        return pixels.permute(0, 3, 1, 2).float() * self.scale + self.shift

    def outputs_of(self, values: torch.Tensor) -> torch.Tensor:
        """Normalised pixels (n, 3, height, width) -> float32 (n, D)."""
        if self.output == "logits":
            return self.model(pixel_values=values).logits.float()
        return features_of(self.model, self.output, values).float()


class TextNetwork(nn.Module):
    """Token ids int64 (n, length), padded as in training, -> float32 (n, D) text embeddings."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        # No mask: CLIP's attention is causal, so padding changes nothing before it, and SigLIP was
        # trained to read it.
        return text_features_of(self.model, token_ids)


def load_image_network(
    checkpoint: Checkpoint,
    preprocessor: Preprocessor,
    output: Output,
    *,
    dtype: torch.dtype = torch.float32,
) -> ImageNetwork:
    """The network for `output`, on the CPU, in evaluation mode.

    Raises:
        CheckpointError: damaged, incomplete or NaN weights, or no head where logits are asked for.
    """
    model: nn.Module
    if output == "logits":
        classifier: nn.Module = load_classifier(checkpoint)
        model = classifier.to(dtype)
    else:
        model = load_backbone(checkpoint, output, dtype=dtype)
    return ImageNetwork(model, preprocessor, output).eval()


def load_text_network(checkpoint: Checkpoint) -> TextNetwork:
    """The text tower in float32, on the CPU, in evaluation mode.

    Raises:
        CheckpointError: the checkpoint has none.
    """
    return TextNetwork(load_text_backbone(checkpoint)).eval()
