"""How close a faster runtime's outputs are to torch's in fp32, and what is close enough."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

__all__ = ["BOUNDS", "Agreement", "compare_outputs", "sample_pixels"]

# Least mean cosine of outputs with torch's in fp32. bf16 keeps 8 bits of mantissa: over a hundred
# layers' roundings 0.999 holds on ViT-B/16 (benchmarks/RESULTS.md); int8 has its own guard.
BOUNDS = {"fp32": 0.99999, "bf16": 0.995, "int8": 0.99}


@dataclass(frozen=True)
class Agreement:
    """Over a few images; `top1` only means something for logits."""

    cosine: float
    """Mean cosine similarity of the output rows."""

    least_cosine: float
    """The worst row's."""

    top1: float
    """Share of rows with the same largest entry."""

    largest_difference: float
    """Of any single number."""

    images: int

    def shown(self) -> dict[str, Any]:
        """The agreement as reports and commands print it."""
        return {name: round(value, 6) for name, value in asdict(self).items()}


def compare_outputs(expected: np.ndarray, found: np.ndarray) -> Agreement:
    """Compare float32 (n, D) outputs; anything not finite counts as no agreement at all."""
    if not np.isfinite(found).all():
        return Agreement(-1.0, -1.0, 0.0, math.inf, len(found))
    lengths = np.linalg.norm(expected, axis=1) * np.linalg.norm(found, axis=1)
    cosines = (expected * found).sum(1) / np.maximum(lengths, 1e-12)
    return Agreement(
        cosine=float(cosines.mean()),
        least_cosine=float(cosines.min()),
        top1=float((expected.argmax(1) == found.argmax(1)).mean()),
        largest_difference=float(np.abs(expected - found).max()),
        images=len(found),
    )


def sample_pixels(size: tuple[int, int], count: int = 3) -> np.ndarray:
    """uint8 (count, height, width, 3): always the same smooth pictures, for want of real ones."""
    from PIL import Image

    random = np.random.default_rng(20261121)
    pictures = []
    for number in range(count):
        side = 3 + 6 * number
        coarse = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
        smooth = Image.fromarray(coarse).resize((size[1], size[0]), Image.Resampling.BICUBIC)
        grain = random.normal(0, 6, (*size, 3))
        pictures.append((np.asarray(smooth) + grain).clip(0, 255).astype(np.uint8))
    return np.stack(pictures)
