"""Small pictures of images, for pages."""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from tintype.errors import FetchError, ImageError
from tintype.images.decode import decode_image
from tintype.images.source import read_image
from tintype.settings import get_settings

__all__ = ["THUMBNAIL_TYPE", "thumbnail", "thumbnails"]

THUMBNAIL_TYPE = "image/webp"
"""The media type of all thumbnails."""

# At 144 pixels a third smaller than JPEG that looks as good.
_QUALITY = 70


def thumbnail(location: str, side: int) -> bytes:
    """WebP of at most `side` pixels a side.

    Raises:
        ImageError, FetchError: it cannot be read.
    """
    image = Image.fromarray(decode_image(read_image(location), min_size=(side, side)))
    image.thumbnail((side, side))
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=_QUALITY)
    return stream.getvalue()


def thumbnails(locations: Iterable[str], side: int) -> dict[str, bytes]:
    """Of each different one of `locations` that can be read: see `thumbnail`."""
    different = list(dict.fromkeys(locations))

    def made(location: str) -> bytes | None:
        try:
            return thumbnail(location, side)
        except (ImageError, FetchError):
            return None

    with ThreadPoolExecutor(get_settings().cpu_threads) as pool:
        found = pool.map(made, different)
        return {
            name: content
            for name, content in zip(different, found, strict=True)
            if content is not None
        }
