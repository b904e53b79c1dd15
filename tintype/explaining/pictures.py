"""Pictures of an attribution: Azure's grid of four, the overlay alone, and both layers of it for pages."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

__all__ = ["grid_png", "heat_layer", "heat_of", "overlay_png", "picture_layer"]

_TOP_SHARE = 0.3  # Azure's
_OPAQUE = 0.6  # how much of an overlay is the heat map where it is hottest
_LEAST_SIDE = 224  # pixels of a picture in the grid; smaller inputs are enlarged in whole steps
_GAP = 8
_CLIPPED = 99.0  # percentile that is drawn as the hottest: single pixels would leave the rest dark
_COLOURS = "inferno"

# Of pages, in pixels: of a photo the picture takes about 7 kB, a map, which is smooth, 6 kB.
_PICTURE_SIDE, _HEAT_SIDE = 224, 112
_PICTURE_QUALITY, _HEAT_QUALITY = 75, 60

# Width of the Gaussian that makes single pixels seen there, as a share of the shorter side.
_BLUR = 1 / 75


def heat_of(attribution: np.ndarray) -> np.ndarray:
    """What speaks for the label, float32 (h, w) from 0 to 1.

    Args:
        attribution: float32 (h, w), `Attribution.map`. What speaks against the label is 0.
    """
    positive = np.maximum(attribution, 0)
    if not positive.any():
        return np.zeros_like(attribution, np.float32)
    # Of maps with few places that count, the percentile may be 0.
    hottest = np.percentile(positive, _CLIPPED) or positive.max()
    return np.clip(positive / hottest, 0, 1).astype(np.float32)


def overlay_png(pixels: np.ndarray, attribution: np.ndarray) -> bytes:
    """The image under its heat map, as PNG of the size of the model's input.

    Args:
        pixels: uint8 (h, w, 3).
        attribution: float32 (h, w).
    """
    return _png(_overlay(pixels, heat_of(attribution)))


def grid_png(pixels: np.ndarray, attribution: np.ndarray) -> bytes:
    """Azure's picture, as PNG: the cropped input, its heat map; both together, and the top 30 % of pixels.

    Args:
        pixels: uint8 (h, w, 3).
        attribution: float32 (h, w).
    """
    heat = heat_of(attribution)
    # By rank, not by a threshold: many pixels of a region have the same value.
    count = round(_TOP_SHARE * attribution.size)
    top = np.zeros(attribution.size, bool)
    top[np.argsort(-attribution.ravel(), kind="stable")[:count]] = True
    top_pixels = np.where(top.reshape(attribution.shape)[..., None], pixels, 0).astype(np.uint8)
    parts = [
        _enlarged(part) for part in (pixels, _coloured(heat), _overlay(pixels, heat), top_pixels)
    ]
    height, width = parts[0].shape[:2]
    grid = np.full((2 * height + 3 * _GAP, 2 * width + 3 * _GAP, 3), 255, np.uint8)
    for number, part in enumerate(parts):
        row, column = divmod(number, 2)
        up, left = _GAP + row * (height + _GAP), _GAP + column * (width + _GAP)
        grid[up : up + height, left : left + width] = part
    return _png(grid)


def picture_layer(pixels: np.ndarray) -> bytes:
    """The image as pages show it below a `heat_layer`: WebP of at most 224 pixels a side.

    Args:
        pixels: uint8 (h, w, 3).
    """
    return _webp(Image.fromarray(pixels), _PICTURE_SIDE, _PICTURE_QUALITY)


def heat_layer(attribution: np.ndarray) -> bytes:
    """The heat map alone, to be laid over its `picture_layer`: WebP of at most 112 pixels a side, the more
    transparent the colder, and blurred a little: of maps that tell pixels apart nothing would be seen else.

    Args:
        attribution: float32 (h, w).
    """
    from scipy.ndimage import gaussian_filter

    positive = np.maximum(attribution, 0)
    heat = heat_of(gaussian_filter(positive, _BLUR * min(attribution.shape)))
    opacity = np.rint(heat * 255).astype(np.uint8)[..., None]
    picture = Image.fromarray(np.concatenate([_coloured(heat), opacity], 2))
    return _webp(picture, _HEAT_SIDE, _HEAT_QUALITY)


def _webp(picture: Image.Image, side: int, quality: int) -> bytes:
    picture.thumbnail((side, side))
    stream = io.BytesIO()
    picture.save(stream, "WEBP", quality=quality)
    return stream.getvalue()


def _coloured(heat: np.ndarray) -> np.ndarray:
    """Matplotlib's colours of `heat`: uint8 (h, w, 3)."""
    from matplotlib import colormaps

    return np.ascontiguousarray(colormaps[_COLOURS](heat, bytes=True)[..., :3])


def _overlay(pixels: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3): the hotter, the less is seen of the image."""
    share = (_OPAQUE * heat)[..., None]
    return np.rint(pixels * (1 - share) + _coloured(heat) * share).astype(np.uint8)


def _enlarged(picture: np.ndarray) -> np.ndarray:
    factor = max(1, -(-_LEAST_SIDE // min(picture.shape[:2])))
    return picture.repeat(factor, 0).repeat(factor, 1)


def _png(picture: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()
