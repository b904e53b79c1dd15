"""RandAugment on whole batches, in torch: a few changes drawn for each image, all of one strength.

Cubuk et al., "RandAugment", NeurIPS 2020: of 14 operations, `ops` are drawn for each image and applied
one after the other. Ranges are AutoAugment's (Cubuk et al. 2019, table 6), on its scale from 0 to 10,
and operations are Pillow's. Images that drew the same operation go through it together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

__all__ = ["OPERATIONS", "randaugment"]

_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601 luma, as Pillow's convert("L")

# Of the operations that move pixels, at strength 1: radians, shears, shares of the side.
_MOST = {
    "rotate": np.deg2rad(30),
    "shear_x": 0.3,
    "shear_y": 0.3,
    "translate_x": 150 / 331,
    "translate_y": 150 / 331,
}
_MOST_ENHANCED = 0.9


def randaugment(
    images: torch.Tensor, *, ops: int, magnitude: float, random: np.random.Generator
) -> torch.Tensor:
    """Randomly changed copies of `images`, each in its own way.

    Args:
        images: float32 (n, 3, height, width), values 0 to 255.
        ops: operations an image.
        magnitude: 0 to 10.
        random: makes every draw.

    Returns:
        The same shape and range.
    """
    images = images.clone()
    strength = magnitude / 10
    for _ in range(ops):
        drawn = random.integers(len(OPERATIONS), size=len(images))
        signs = torch.from_numpy(random.choice([-1.0, 1.0], len(images)).astype(np.float32))
        for number, operation in enumerate(OPERATIONS.values()):
            rows = np.flatnonzero(drawn == number)
            if len(rows):
                amounts = (signs[rows] * strength).to(images.device)
                images[rows] = operation(images[rows], amounts).clamp(0, 255)
    return images


def _moved(name: str) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """An operation that moves pixels, reflecting at the borders."""

    def apply(images: torch.Tensor, amounts: torch.Tensor) -> torch.Tensor:
        amount = amounts * float(_MOST[name])
        height, width = images.shape[-2:]
        matrix = torch.eye(2, 3, device=images.device).repeat(len(images), 1, 1)
        if name == "rotate":
            # Coordinates are in half-sides, angles in pixels.
            matrix[:, 0, 0] = matrix[:, 1, 1] = amount.cos()
            matrix[:, 0, 1] = -amount.sin() * height / width
            matrix[:, 1, 0] = amount.sin() * width / height
        elif name == "shear_x":
            matrix[:, 0, 1] = amount * height / width
        elif name == "shear_y":
            matrix[:, 1, 0] = amount * width / height
        else:
            matrix[:, 0 if name == "translate_x" else 1, 2] = 2 * amount
        grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
        return functional.grid_sample(
            images, grid, mode="bilinear", padding_mode="reflection", align_corners=False
        )

    return apply


def _blended(
    other: Callable[[torch.Tensor], torch.Tensor],
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Pillow's enhancements: from the image towards `other` (-), or away from it (+)."""

    def apply(images: torch.Tensor, amounts: torch.Tensor) -> torch.Tensor:
        factors = (1 + amounts * _MOST_ENHANCED).view(-1, 1, 1, 1)
        plain = other(images)
        return plain + (images - plain) * factors

    return apply


def _grey(images: torch.Tensor) -> torch.Tensor:
    luma = torch.tensor(_GREY, device=images.device).view(1, 3, 1, 1)
    return (images * luma).sum(1, keepdim=True)


def _smooth(images: torch.Tensor) -> torch.Tensor:
    """Pillow's SMOOTH filter, whose borders stay as they are."""
    kernel = torch.ones(3, 1, 3, 3, device=images.device)
    kernel[..., 1, 1] = 5
    smooth = images.clone()
    smooth[..., 1:-1, 1:-1] = functional.conv2d(images, kernel / 13, groups=3)
    return smooth


def _same(images: torch.Tensor, amounts: torch.Tensor) -> torch.Tensor:
    return images


def _autocontrast(images: torch.Tensor, amounts: torch.Tensor) -> torch.Tensor:
    """Each channel stretched to 0 to 255."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    stretched = (images - low) * (255 / (high - low).clamp(min=1e-6))
    return torch.where(high > low, stretched, images)


def _equalize(images: torch.Tensor, amounts: torch.Tensor) -> torch.Tensor:
    """Each channel's histogram made even, as Pillow does it."""
    levels = images.round().long().flatten(2).flatten(0, 1)
    counts = torch.zeros(len(levels), 256, dtype=torch.long, device=images.device)
    counts.scatter_add_(1, levels, torch.ones_like(levels))
    sums = counts.cumsum(1)
    # The brightest level that occurs is not counted into a step.
    last = counts.gather(1, levels.amax(1, keepdim=True))
    step = (sums[:, -1:] - last) // 255
    table = ((sums - counts + step // 2) // step.clamp(min=1)).clamp(0, 255)
    even = torch.where(step > 0, table.gather(1, levels), levels)
    return even.view(images.shape).float()


def _solarize(images: torch.Tensor, amounts: torch.Tensor) -> torch.Tensor:
    """Levels from a threshold on inverted; the stronger, the lower it is."""
    threshold = (256 * (1 - amounts.abs())).view(-1, 1, 1, 1)
    return torch.where(images >= threshold, 255 - images, images)


def _posterize(images: torch.Tensor, amounts: torch.Tensor) -> torch.Tensor:
    """Fewer levels: 8 bits at strength 0, 4 at strength 1."""
    size = 2 ** (4 * amounts.abs()).round().view(-1, 1, 1, 1)
    return (images.round() / size).floor() * size


OPERATIONS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "identity": _same,
    "autocontrast": _autocontrast,
    "equalize": _equalize,
    "rotate": _moved("rotate"),
    "solarize": _solarize,
    "color": _blended(_grey),
    "posterize": _posterize,
    "contrast": _blended(lambda images: _grey(images).mean((2, 3), keepdim=True)),
    "brightness": _blended(torch.zeros_like),
    "sharpness": _blended(_smooth),
    "shear_x": _moved("shear_x"),
    "shear_y": _moved("shear_y"),
    "translate_x": _moved("translate_x"),
    "translate_y": _moved("translate_y"),
}
"""By name: (images, amounts (n,) from -1 to 1) -> images."""
