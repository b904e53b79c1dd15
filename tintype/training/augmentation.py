"""Augmentation of whole batches on the device that trains: one affine resampling, then colour.

Every random number comes from a generator seeded with (seed, step), so a resumed run draws what
an uninterrupted run would have drawn. No torchvision is needed.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional

from tintype.schemas.finetuning import Augmentations

__all__ = ["augment"]

_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601 luma, as Pillow's convert("L")


def augment(pixels: torch.Tensor, settings: Augmentations, *, seed: int, step: int) -> torch.Tensor:
    """Randomly changed copies of `pixels`, each image in its own way.

    Args:
        pixels: uint8 (n, height, width, 3) on any device.
        settings: strengths; see `Augmentations`.
        seed, step: determine every draw.

    Returns:
        uint8 (n, height, width, 3) on the same device.
    """
    count, height, width, _ = pixels.shape
    random = np.random.default_rng([seed, step])
    images = pixels.permute(0, 3, 1, 2).float()
    matrix = _affine_matrices(settings, count, height / width, random)
    if matrix is not None:
        grid = functional.affine_grid(
            torch.from_numpy(matrix).to(images.device),
            [count, 3, height, width],
            align_corners=False,
        )
        # Reflection keeps borders natural; zoom-in only, so bilinear needs no antialiasing.
        images = functional.grid_sample(
            images, grid, mode="bilinear", padding_mode="reflection", align_corners=False
        )
    if settings.color_jitter > 0:
        images = _jitter_colors(images, settings.color_jitter, random)
    return images.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def _affine_matrices(
    settings: Augmentations, count: int, aspect: float, random: np.random.Generator
) -> np.ndarray | None:
    """float32 (count, 2, 3): output coordinates in [-1, 1] -> where to read the input."""
    area = random.uniform(settings.crop_scale_min, 1.0, count)
    ratio = np.exp(random.uniform(-1, 1, count) * math.log(4 / 3) * (settings.crop_scale_min < 1))
    scale_x = np.minimum(np.sqrt(area * ratio), 1.0)
    scale_y = np.minimum(np.sqrt(area / ratio), 1.0)
    # The crop's centre: anywhere that keeps it inside, plus the translation asked for.
    shift_x = random.uniform(-1, 1, count) * (1 - scale_x + 2 * settings.translate)
    shift_y = random.uniform(-1, 1, count) * (1 - scale_y + 2 * settings.translate)
    flip_x = np.where(settings.horizontal_flip & (random.random(count) < 0.5), -1.0, 1.0)
    flip_y = np.where(settings.vertical_flip & (random.random(count) < 0.5), -1.0, 1.0)
    angle = np.deg2rad(random.uniform(-1, 1, count) * settings.rotation_degrees)
    if (
        settings.crop_scale_min == 1
        and not (settings.translate or settings.rotation_degrees)
        and (flip_x == 1).all()
        and (flip_y == 1).all()
    ):
        return None
    cosine, sine = np.cos(angle), np.sin(angle)
    scale_x, scale_y = scale_x * flip_x, scale_y * flip_y
    # Rotation acts on pixels, coordinates are in half-sides: correct by the aspect ratio.
    matrix = np.stack(
        [
            np.stack([cosine * scale_x, -sine * scale_y * aspect, shift_x], axis=-1),
            np.stack([sine * scale_x / aspect, cosine * scale_y, shift_y], axis=-1),
        ],
        axis=1,
    )
    return matrix.astype(np.float32)


def _jitter_colors(
    images: torch.Tensor, strength: float, random: np.random.Generator
) -> torch.Tensor:
    """Brightness, contrast and saturation each scaled by a factor in 1 ± strength."""

    def factors() -> torch.Tensor:
        drawn = random.uniform(1 - strength, 1 + strength, (len(images), 1, 1, 1))
        return torch.from_numpy(drawn.astype(np.float32)).to(images.device)

    luma = torch.tensor(_GREY, device=images.device).view(1, 3, 1, 1)
    brightness, contrast, saturation = factors(), factors(), factors()
    images = images * brightness
    mean = (images * luma).sum(1, keepdim=True).mean((2, 3), keepdim=True)
    images = mean + (images - mean) * contrast
    grey = (images * luma).sum(1, keepdim=True)
    return grey + (images - grey) * saturation
