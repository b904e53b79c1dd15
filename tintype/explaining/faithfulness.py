"""How faithful a map is: deletion and insertion (Petsiuk, Das & Saenko 2018, §4.1).

Deletion takes pixels away, what the map holds important first, and looks how fast the model's confidence
falls: the smaller the area under that curve the better. Insertion begins with a blurred image and puts
the pixels back in the same order: the larger the area the better. Deleted pixels get the mean colour, the
normalised zero, as in the paper; the blur is its Gaussian of 5 pixels at 224, which grows with the image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

__all__ = ["Faithfulness", "measure_faithfulness", "random_map"]

STEPS = 28
"""Parts in which pixels go; the paper takes 224, one row of pixels each."""

_BLUR = 5 / 224  # of the shorter side


@dataclass(frozen=True)
class Faithfulness:
    """The two curves of a map."""

    shares: np.ndarray
    """float64 (steps + 1,): the share of pixels that are taken away or put back, 0 to 1."""

    deletion: np.ndarray
    insertion: np.ndarray
    """float32 (steps + 1,) each: the confidence at these shares."""

    @property
    def deletion_area(self) -> float:
        """Under the curve, 0 to 1 where confidences are probabilities; smaller is better."""
        return float(np.trapezoid(self.deletion, self.shares))

    @property
    def insertion_area(self) -> float:
        """Under the curve; larger is better."""
        return float(np.trapezoid(self.insertion, self.shares))

    @property
    def score(self) -> float:
        """Insertion less deletion: larger is better, 0 means nothing was found."""
        return self.insertion_area - self.deletion_area


def measure_faithfulness(
    importance: np.ndarray,
    pixels: np.ndarray,
    confidences: Callable[[np.ndarray], np.ndarray],
    mean_colour: np.ndarray,
    *,
    steps: int = STEPS,
    batch_size: int = 32,
) -> Faithfulness:
    """Both curves of a map.

    Args:
        importance: float (h, w), the higher the sooner; equal pixels go row by row.
        pixels: uint8 (h, w, 3).
        confidences: uint8 (n, h, w, 3) -> float32 (n,), of the label that the map explains.
        mean_colour: uint8 (3,).
    """
    height, width = pixels.shape[:2]
    order = np.argsort(-importance.ravel(), kind="stable")
    # Of each pixel.
    places = np.empty(order.size, np.int64)
    places[order] = np.arange(order.size)
    rank = places.reshape(height, width, 1)
    counts = np.rint(np.linspace(0, order.size, steps + 1)).astype(np.int64)
    blurred = _blurred(pixels)

    def curve(first: np.ndarray, then: np.ndarray) -> np.ndarray:
        parts = []
        for start in range(0, len(counts), batch_size):
            some = counts[start : start + batch_size]
            parts.append(confidences(np.stack([np.where(rank < n, then, first) for n in some])))
        return np.concatenate(parts)

    return Faithfulness(
        counts / order.size,
        deletion=curve(pixels, np.broadcast_to(mean_colour, pixels.shape)),
        insertion=curve(blurred, pixels),
    )


def random_map(size: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Float64 (h, w) of noise: what a map has to do better than."""
    return np.random.default_rng(seed).random(size)


def _blurred(pixels: np.ndarray) -> np.ndarray:
    deviation = _BLUR * min(pixels.shape[:2])
    blurred = gaussian_filter(pixels.astype(np.float32), (deviation, deviation, 0))
    return np.rint(blurred).astype(np.uint8)
