"""How fast all weights of a network learn on this machine, by a few steps on made-up pixels."""

from __future__ import annotations

import time
from typing import Any

import torch

from tintype.images.preprocess import Preprocessor
from tintype.models.checkpoint import Checkpoint
from tintype.models.classifier import load_classifier
from tintype.models.families import CONVOLUTIONAL
from tintype.models.hardware import has_fast_bf16, pick_device
from tintype.schemas.task import MULTICLASS
from tintype.training.depthwise import fast_depthwise

__all__ = ["training_images_per_second"]


def training_images_per_second(source: Checkpoint, *, batch: int) -> float:
    """Images a second of a forward and a backward pass, in the precision and layout of training.

    Args:
        batch: images of a pass, 2 or more. There are two: the first chooses its kernels.

    Raises:
        CheckpointError: damaged weights, or a family that cannot be trained.
    """
    device = pick_device("auto")
    model: Any = load_classifier(source, task=MULTICLASS, classes=("a", "b"), learns=True)
    model.to(device).train()
    if source.family in CONVOLUTIONAL:
        model.to(memory_format=torch.channels_last)
    height, width = Preprocessor.from_folder(source.folder).input_size
    pixel_values = torch.rand(batch, 3, height, width, device=device)
    low = torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bf16(device))
    with fast_depthwise(model):
        for _ in range(2):
            begun = time.perf_counter()
            with low:
                logits = model(pixel_values=pixel_values).logits
            logits.float().square().mean().backward()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds = time.perf_counter() - begun
    return batch / seconds
