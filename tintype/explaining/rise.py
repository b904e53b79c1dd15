"""RISE (Petsiuk, Das & Saenko 2018, "RISE: randomized input sampling for explanation of black-box
models"): the mean of random masks, each by the confidence that is left where it covers the image."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import zoom

from tintype.explaining.question import Question

__all__ = ["rise"]

_KEPT = 0.5  # probability that a cell is kept; the paper's


def rise(question: Question) -> np.ndarray:
    """Float32 (h, w): the mean confidence where a pixel is kept, less that over all masks.

    What a mask takes away fades to the mean colour. The paper leaves the mean over all masks in; it is the
    same for every pixel, and without it what does not matter is 0.
    """
    options = question.options
    random = np.random.default_rng(options.seed)
    height, width = question.pixels.shape[:2]
    nothing = question.mean_colour.astype(np.float32)
    difference = question.pixels.astype(np.float32) - nothing
    weighted = np.zeros((height, width))
    total, kept = 0.0, np.zeros((height, width))
    done = 0
    while done < options.masks:
        count = min(options.batch_size, options.masks - done)
        masks = np.stack([_mask(random, height, width, options.cells) for _ in range(count)])
        pixels = np.rint(nothing + masks[..., None] * difference).astype(np.uint8)
        confidences = question.confidences(pixels).astype(np.float64)
        weighted += np.tensordot(confidences, masks, 1)
        kept += masks.sum(0)
        total += confidences.sum()
        done += count
    return ((weighted - total / options.masks * kept) / (options.masks * _KEPT)).astype(np.float32)


def _mask(random: np.random.Generator, height: int, width: int, cells: int) -> np.ndarray:
    """Float32 (height, width) between 0 and 1: a random grid, enlarged (bilinear) by one cell more than the
    image and cut out at a random place (§3.2)."""
    cell_height, cell_width = -(-height // cells), -(-width // cells)
    grid = (random.random((cells + 1, cells + 1)) < _KEPT).astype(np.float32)
    enlarged = zoom(grid, (cell_height, cell_width), order=1, mode="nearest", grid_mode=True)
    top, left = random.integers(cell_height + 1), random.integers(cell_width + 1)
    return enlarged[top : top + height, left : left + width]
