"""Augmentation of whole batches on the device that trains: one affine resampling, then colour, then
RandAugment and erased boxes where they are asked for.

Every random number comes from a generator seeded with (seed, step), so a resumed run draws what
an uninterrupted run would have drawn. No torchvision is needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from tintype.schemas.finetuning import Augmentations, FinetuningParameters
from tintype.training.randaugment import randaugment

__all__ = ["Augmenter", "Step", "augment", "erase", "make_augmenter"]

Step = int | np.ndarray
"""What decides the draws for a batch: one number, or int64 (n,), for each image as if it came alone."""

# Zhong et al. 2020: shares of the area, and sides' ratio, of an erased box.
_ERASED_AREA, _ERASED_RATIO = (0.02, 0.4), (0.3, 1 / 0.3)

_UNMOVED = np.eye(2, 3, dtype=np.float32)

_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601 luma, as Pillow's convert("L")


@dataclass(frozen=True)
class Augmenter:
    """Everything that is done to training images, decided by (seed, step)."""

    settings: Augmentations
    seed: int
    randaugment_ops: int = 0
    """Operations of RandAugment for each image; 0: none."""

    randaugment_magnitude: float = 9.0
    random_erasing: float = 0.0
    """Share of the images that lose a box."""

    def __call__(self, pixels: torch.Tensor, *, step: Step) -> torch.Tensor:
        """Changed copies of `pixels`, uint8 (n, height, width, 3)."""
        pixels = augment(pixels, self.settings, seed=self.seed, step=step)
        if not self.randaugment_ops and not self.random_erasing:
            return pixels
        parts = [
            self._varied(part, np.random.default_rng([self.seed, part_step, 2]))
            for part, part_step in _by_step(pixels, step)
        ]
        return torch.cat(parts)

    def _varied(self, pixels: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
        """RandAugment and erased boxes, where they are asked for."""
        if self.randaugment_ops:
            changed = randaugment(
                pixels.permute(0, 3, 1, 2).float(),
                ops=self.randaugment_ops,
                magnitude=self.randaugment_magnitude,
                random=random,
            )
            pixels = changed.round_().to(torch.uint8).permute(0, 2, 3, 1)
        if self.random_erasing:
            pixels = erase(pixels, self.random_erasing, random)
        return pixels


def make_augmenter(parameters: FinetuningParameters) -> Augmenter | None:
    """What `parameters` ask for; None where images stay as they are."""
    if not parameters.apply_augmentations:
        return None
    return Augmenter(
        parameters.augmentations,
        parameters.random_seed,
        parameters.randaugment_ops if parameters.randaugment else 0,
        parameters.randaugment_magnitude,
        parameters.random_erasing,
    )


def augment(
    pixels: torch.Tensor, settings: Augmentations, *, seed: int, step: Step
) -> torch.Tensor:
    """Randomly changed copies of `pixels`, each image in its own way.

    Args:
        pixels: uint8 (n, height, width, 3) on any device.
        settings: strengths; see `Augmentations`.
        seed, step: determine every draw.

    Returns:
        uint8 (n, height, width, 3) on the same device.
    """
    _, height, width, _ = pixels.shape
    drawn = [
        _drawn(settings, len(part), height / width, np.random.default_rng([seed, part_step]))
        for part, part_step in _by_step(pixels, step)
    ]
    matrices, factors = (np.concatenate(part) for part in zip(*drawn, strict=True))
    images = pixels.permute(0, 3, 1, 2).float()
    if (matrices != _UNMOVED).any():
        grid = functional.affine_grid(
            torch.from_numpy(matrices).to(images.device),
            list(images.shape),
            align_corners=False,
        )
        # Reflection keeps borders natural; zoom-in only, so bilinear needs no antialiasing.
        images = functional.grid_sample(
            images, grid, mode="bilinear", padding_mode="reflection", align_corners=False
        )
    if settings.color_jitter > 0:
        images = _jitter_colors(images, torch.from_numpy(factors).to(images.device))
    return images.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def _by_step(pixels: torch.Tensor, step: Step) -> list[tuple[torch.Tensor, int]]:
    """Images that are drawn for together, and the step that decides it."""
    if isinstance(step, np.ndarray):
        return list(zip(pixels.split(1), step.tolist(), strict=True))
    return [(pixels, step)]


def _drawn(
    settings: Augmentations, count: int, aspect: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """See `_affine_matrices`; and factors of brightness, contrast and saturation, float32 (count, 3)."""
    matrices = _affine_matrices(settings, count, aspect, random)
    strength = settings.color_jitter
    factors = random.uniform(1 - strength, 1 + strength, (3, count)).T
    return matrices, factors.astype(np.float32)


def erase(pixels: torch.Tensor, probability: float, random: np.random.Generator) -> torch.Tensor:
    """Random boxes of noise in some of the images (Zhong et al., "Random Erasing", AAAI 2020).

    Args:
        pixels: uint8 (n, height, width, 3).
        probability: of an image to get a box, of 2 to 40 % of its area, with noise of 0 to 255.
        random: makes every draw.
    """
    count, height, width, _ = pixels.shape
    rows = np.flatnonzero(random.random(count) < probability)
    pixels = pixels.clone()
    for row in rows:
        area = random.uniform(*_ERASED_AREA) * height * width
        # Upright boxes are as likely as lying ones.
        ratio = math.exp(random.uniform(math.log(_ERASED_RATIO[0]), math.log(_ERASED_RATIO[1])))
        tall = min(height, max(1, round(math.sqrt(area * ratio))))
        wide = min(width, max(1, round(math.sqrt(area / ratio))))
        top, left = random.integers(height - tall + 1), random.integers(width - wide + 1)
        noise = torch.from_numpy(random.integers(256, size=(tall, wide, 3), dtype=np.uint8))
        pixels[row, top : top + tall, left : left + wide] = noise.to(pixels.device)
    return pixels


def _affine_matrices(
    settings: Augmentations, count: int, aspect: float, random: np.random.Generator
) -> np.ndarray:
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


def _jitter_colors(images: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Brightness, then contrast around the mean grey, then saturation scaled by `factors` (n, 3).

    Taken together, for all three are linear: images are read twice and written once.
    """
    brightness, contrast, saturation = factors.view(-1, 3, 1, 1, 1).unbind(1)
    red, green, blue = images.unbind(1)
    grey = (red * _GREY[0]).add_(green, alpha=_GREY[1]).add_(blue, alpha=_GREY[2]).unsqueeze(1)
    mean = grey.mean((2, 3), keepdim=True)
    changed = images * (brightness * contrast * saturation)
    grey = grey * (brightness * contrast * (1 - saturation))
    return changed.add_(grey.add_(mean * brightness * (1 - contrast)))
