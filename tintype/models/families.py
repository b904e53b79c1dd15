"""What some rooms have to know of architectures, by their names in transformers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CONVOLUTIONAL", "TEXT_AND_IMAGE", "TextTower"]

CONVOLUTIONAL = (
    "resnet",
    "convnext",
    "convnextv2",
    "dinov3_convnext",
    "efficientnet_lite",
    "mobilenet_v1",
    "mobilenet_v2",
    "regnet",
)
"""Their weights fit images of any size; batch normalisation is not for LoRA."""


@dataclass(frozen=True)
class TextTower:
    """What a family's text tower was trained on."""

    length: int
    """Tokens of a text, where the checkpoint's config does not say."""

    prompt: str
    """The template that its documents put zero-shot labels into."""


TEXT_AND_IMAGE: Mapping[str, TextTower] = {
    "clip": TextTower(length=77, prompt="{}"),
    "siglip": TextTower(length=64, prompt="This is a photo of {}."),
}
"""With a text tower beside the image tower: they classify zero-shot and embed texts. Azure's contract
takes CLIP's labels as they are; SigLIP's template is its model card's."""
