"""Encoded bytes to RGB pixels: one path for every format, with limits checked before decoding.

The rules, whatever the format:

- The format is told by content, and must be one of `FORMATS`, or HEIF where pillow-heif is installed.
- Bytes and pixels (from the header) are held against `ImageLimits` before anything is decoded.
- Large images take turns: all that are being decoded at once have a number of pixels together.
- EXIF orientation is applied, once: libheif turns HEIF images upright itself.
- Alpha, in any mode, is composed on white. Palettes and CMYK become RGB by Pillow's conversion;
  embedded colour profiles are ignored, as in transformers' processors.
- 16-bit grey is scaled by the bit depth that is used (see `images/grey16.py`, and the setting
  `grey16`); floating-point grey is clipped to 0..255.
- Of an animation, the first frame counts.
- An image that ends early or is damaged is an error, never half a picture.
"""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import simplejpeg
from PIL import Image, ImageFile, ImageOps

from tintype.errors import ImageError, ImageTooLarge
from tintype.images import heif
from tintype.images.grey16 import eight_bits
from tintype.settings import get_settings

__all__ = ["FORMATS", "ImageLimits", "decode_image", "formats_of", "rgb_pixels"]

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")

# `ImageLimits` decides, and refuses with an error; Pillow's own warning would only reach a terminal.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# Not worth counting: a dozen megabytes for each thread.
_SMALL_PIXELS = 4_000_000

_ORIENTATION = 0x0112  # EXIF tag 274
_SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height


@dataclass(frozen=True)
class ImageLimits:
    """The most that is decoded."""

    max_bytes: int
    """Encoded size."""

    max_pixels: int
    """Width × height by the header."""

    @classmethod
    def from_settings(cls) -> ImageLimits:
        """The limits of this machine's settings."""
        settings = get_settings()
        return cls(settings.max_image_bytes, settings.max_image_pixels)


class _Room:
    """Pixels that are being decoded by all threads; who would be too many waits."""

    def __init__(self) -> None:
        self._taken = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def of(self, pixels: int) -> Iterator[None]:
        if pixels < _SMALL_PIXELS:
            yield
            return
        most = get_settings().max_decoding_pixels
        with self._changed:
            # One alone may always: by itself it is within `max_pixels`.
            self._changed.wait_for(lambda: not self._taken or self._taken + pixels <= most)
            self._taken += pixels
        try:
            yield
        finally:
            with self._changed:
                self._taken -= pixels
                self._changed.notify_all()


_room = _Room()


def formats_of(head: bytes) -> tuple[str, ...]:
    """The formats that an image which begins with `head` (64 bytes or more) may have.

    Raises:
        ImageError: it is HEIF, and pillow-heif is not installed.
    """
    if not heif.is_heif(head):
        return FORMATS
    heif.make_readable()
    return (heif.HEIF,)


def decode_image(
    data: bytes,
    *,
    min_size: tuple[int, int] | None = None,
    limits: ImageLimits | None = None,
) -> np.ndarray:
    """Decode `data` by the rules above.

    Args:
        min_size: (height, width): a JPEG may come out scaled down by 2, 4 or 8, but no smaller
            than this in either side. None: full size, bit-exact with Pillow.
        limits: None takes this machine's settings.

    Returns:
        uint8 (height, width, 3), RGB.

    Raises:
        ImageTooLarge: over a limit; nothing was decoded.
        ImageError: not an image of a known format, or damaged.
    """
    limits = limits or ImageLimits.from_settings()
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(f"{len(data)} bytes; the limit is {limits.max_bytes}")
    if not data:
        raise ImageError("the image is empty: 0 bytes")
    try:
        with Image.open(io.BytesIO(data), formats=formats_of(data[:64])) as image:
            width, height = image.size
            if width * height > limits.max_pixels:
                raise ImageTooLarge(
                    f"{width} x {height} pixels; the limit is {limits.max_pixels} in all"
                )
            with _room.of(width * height):
                if image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L"):
                    pixels = _decode_jpeg(data, image, min_size)
                    if pixels is not None:
                        return pixels
                return rgb_pixels(image)
    except ImageError:
        raise
    except Image.DecompressionBombError:
        raise ImageTooLarge("more pixels than can be decoded safely") from None
    except Image.UnidentifiedImageError:
        raise ImageError(
            f"not an image of a known format ({', '.join((*FORMATS, heif.HEIF))}), or cut off in "
            "its header"
        ) from None
    except Exception as error:
        raise _damaged(error) from None


def rgb_pixels(image: Image.Image) -> np.ndarray:
    """An opened Pillow image as uint8 (height, width, 3), by the rules above except the limits.

    Raises:
        ImageError: it is damaged.
    """
    try:
        return np.asarray(_to_rgb(ImageOps.exif_transpose(image)))
    except Exception as error:
        raise _damaged(error) from None


def _damaged(error: Exception) -> ImageError:
    # Decoders meet hostile bytes with every kind of exception; all mean the same here.
    return ImageError(f"the image is damaged: {str(error).strip() or type(error).__name__}")


def _decode_jpeg(
    data: bytes, image: ImageFile.ImageFile, min_size: tuple[int, int] | None
) -> np.ndarray | None:
    """libjpeg-turbo's decoding, or None where it is stricter than Pillow."""
    orientation = image.getexif().get(_ORIENTATION, 1)
    height, width = min_size or (0, 0)
    if orientation in _SIDEWAYS:
        height, width = width, height
    try:
        if min_size is None or image.size[0] < 2 * width or image.size[1] < 2 * height:
            pixels = simplejpeg.decode_jpeg(data, "RGB")
        else:
            pixels = simplejpeg.decode_jpeg(data, "RGB", min_height=height, min_width=width)
    except ValueError:
        return None
    return np.ascontiguousarray(_oriented(pixels, orientation))


def _oriented(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """`pixels` upright, as `ImageOps.exif_transpose` turns them."""
    if orientation in _SIDEWAYS:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        return Image.fromarray(eight_bits(np.asarray(image))).convert("RGB")
    if image.mode == "F":
        grey = np.nan_to_num(np.asarray(image)).clip(0, 255)
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")
