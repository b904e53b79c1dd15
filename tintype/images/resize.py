"""Resizing 8-bit pixels with antialiasing: Pillow's own, or a faster kernel that follows it.

Resizing without antialias is the classic difference between training and serving (docs/design.md),
so there is no such way here.
"""

from __future__ import annotations

import warnings

import numpy as np
from PIL import Image

__all__ = ["resize_pixels"]

# torch's filters that have an 8-bit antialiasing kernel, by Pillow's number.
_FAST = {int(Image.Resampling.BILINEAR): "bilinear", int(Image.Resampling.BICUBIC): "bicubic"}

# Pillow bounds a bicubic filter's overshoot once for each direction, torch once; only on a side of
# a few pixels does that show.
_LEAST_SIDE = 8

# Pillow's arrays are read-only, and nothing here writes to them.
warnings.filterwarnings("ignore", message="The given NumPy array is not writable")


def resize_pixels(
    image: np.ndarray, size: tuple[int, int], resample: int, *, exact: bool
) -> np.ndarray:
    """`image` uint8 (h, w, 3) resized to `size` (height, width).

    Args:
        resample: the filter, by Pillow's number.
        exact: True gives Pillow's bits. False takes torch's kernel for bilinear and bicubic: about
            seven times faster, within 2 levels of 255 of Pillow's (tests/images/test_resize.py).
    """
    if image.shape[:2] == size:
        return image
    mode = _FAST.get(int(resample))
    if exact or mode is None or min(image.shape[:2]) < _LEAST_SIDE:
        return np.asarray(Image.fromarray(image).resize((size[1], size[0]), resample))
    return _resize_by_torch(image, size, mode)


def _resize_by_torch(image: np.ndarray, size: tuple[int, int], mode: str) -> np.ndarray:
    import torch

    pixels = torch.from_numpy(np.ascontiguousarray(image))
    # Channels last in memory: the layout of the 8-bit kernel, which runs in the calling thread.
    resized = torch.nn.functional.interpolate(
        pixels.permute(2, 0, 1)[None], size, mode=mode, antialias=True
    )
    return resized[0].permute(1, 2, 0).numpy()
