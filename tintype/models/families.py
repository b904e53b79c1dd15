"""What some rooms have to know of architectures, by their names in transformers."""

from __future__ import annotations

__all__ = ["CONVOLUTIONAL"]

CONVOLUTIONAL = (
    "resnet",
    "convnext",
    "convnextv2",
    "dinov3_convnext",
    "mobilenet_v1",
    "mobilenet_v2",
    "regnet",
)
"""Their weights fit images of any size; batch normalisation is not for LoRA."""
