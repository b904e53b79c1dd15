"""Small pictures inside pages."""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from tintype.errors import FetchError, ImageError
from tintype.images.decode import decode_image
from tintype.images.source import read_image
from tintype.settings import get_settings

__all__ = ["thumbnail", "thumbnails"]


def thumbnail(location: str, side: int) -> bytes | None:
    """JPEG of at most `side` pixels a side; None where the image cannot be read."""
    try:
        image = Image.fromarray(decode_image(read_image(location), min_size=(side, side)))
    except (ImageError, FetchError):
        return None
    image.thumbnail((side, side))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=82)
    return stream.getvalue()


def thumbnails(locations: Iterable[str], side: int) -> dict[str, bytes]:
    """Of each different one of `locations` that can be read: see `thumbnail`."""
    different = list(dict.fromkeys(locations))
    with ThreadPoolExecutor(get_settings().cpu_threads) as pool:
        found = pool.map(lambda location: thumbnail(location, side), different)
        return {
            name: content
            for name, content in zip(different, found, strict=True)
            if content is not None
        }
