"""What can be told of a picture by its pixels alone: light, contrast, sharpness, colour, size and shape.

A dirty lens, a lamp that went out, another camera or a phone held upright show in these before a model errs.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tintype.errors import FetchError, ImageError
from tintype.images.decode import decode_image
from tintype.images.fingerprints import grey_of
from tintype.images.source import read_image
from tintype.settings import get_settings

__all__ = ["STATISTICS", "PictureStatistics", "measure", "statistics_of", "statistics_of_many"]

STATISTICS = ("brightness", "contrast", "sharpness", "saturation", "pixels", "aspect_ratio")
"""brightness: mean grey level, 0 to 255. contrast: its standard deviation. sharpness: the variance of the Laplacian of
the grey picture (Pech-Pacheco et al. 2000). saturation: mean of the largest less the smallest of red, green and blue, 0 to
255. pixels: width times height as sent. aspect_ratio: width over height, upright."""

# Sharpness depends on the scale: pictures are measured at this many pixels for the longer side, or smaller.
_SIDE = 256

# Luma of red, green and blue: ITU-R BT.601.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class PictureStatistics:
    """Of one picture."""

    values: np.ndarray
    """float64 (6,), as `STATISTICS`."""
    grey: bytes
    """What a fingerprint is made of; see `images.fingerprints`."""


def statistics_of(location: str) -> PictureStatistics:
    """
    Raises:
        ImageError, FetchError: the picture cannot be read.
    """
    content = read_image(location)
    pixels = decode_image(content, min_size=(_SIDE, _SIDE))
    with Image.open(io.BytesIO(content)) as header:
        size = header.width * header.height
    height, width = pixels.shape[:2]
    return PictureStatistics(np.array([*measure(pixels), size, width / height]), grey_of(pixels))


def measure(pixels: np.ndarray) -> tuple[float, float, float, float]:
    """Brightness, contrast, sharpness and saturation of RGB `pixels`, uint8 (height, width, 3)."""
    image = Image.fromarray(pixels)
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    small = np.asarray(image, np.float32)
    grey = small @ _LUMA
    spread = small.max(2) - small.min(2)
    sharpness = float(_laplacian(grey).var()) if min(grey.shape) > 2 else 0.0
    return float(grey.mean()), float(grey.std()), sharpness, float(spread.mean())


def statistics_of_many(locations: Sequence[str]) -> list[PictureStatistics | None]:
    """Of each picture; None where it cannot be read."""

    def measured(location: str) -> PictureStatistics | None:
        try:
            return statistics_of(location)
        except (ImageError, FetchError):
            return None

    # Decoding releases the GIL.
    with ThreadPoolExecutor(get_settings().cpu_threads) as pool:
        return list(pool.map(measured, locations))


def _laplacian(grey: np.ndarray) -> np.ndarray:
    """float32 (height - 2, width - 2)."""
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return np.asarray(around - 4 * grey[1:-1, 1:-1], np.float32)
