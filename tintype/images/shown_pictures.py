"""The bytes of pictures as browsers can show them, and small copies, kept on disk."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

from PIL import Image

from tintype.errors import FetchError, ImageError, RequestError
from tintype.files import write_bytes
from tintype.images.decode import decode_image
from tintype.images.source import read_image
from tintype.settings import get_settings

__all__ = ["COLLECTED_SIDE", "SIDES", "picture_bytes", "small_jpeg", "thumbnail_bytes"]

SIDES = (128, 256, 512, 1024)
"""Sides that small copies have, in pixels."""

COLLECTED_SIDE = 512
"""Pixels a side, at most, of pictures that an endpoint records as thumbnails."""

# What all browsers show, by its first bytes. SVG is none of them: it can hold scripts.
_SHOWN = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def picture_bytes(location: str) -> tuple[bytes, str]:
    """A picture in full and its media type; what no browser shows becomes a JPEG.

    Raises:
        RequestError: 404, the file is not there, or is no picture.
    """
    try:
        content = read_image(location)
        for head, media_type in _SHOWN:
            if content.startswith(head):
                return content, media_type
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return content, "image/webp"
        return _jpeg(Image.fromarray(decode_image(content)), 92), "image/jpeg"
    except (ImageError, FetchError):
        # The reason may name places that are none of the client's business.
        raise RequestError("the picture cannot be read", status=404) from None


def thumbnail_bytes(location: str, side: int, *, stamp: str | None = None) -> bytes:
    """A JPEG of at most `side` pixels a side.

    Args:
        side: one of `SIDES`.
        stamp: what changes when the picture does, as far as that is known; None: what its file says.

    Raises:
        RequestError: 404, the file is not there, or is no picture.
    """
    stamp = _stamp_of(location) if stamp is None else stamp
    name = hashlib.blake2b(
        f"{location}\0{stamp}".encode("utf-8", "surrogateescape"), digest_size=16
    )
    digest = name.hexdigest()
    path = _folder() / digest[:2] / f"{digest}-{side}.jpg"
    try:
        return path.read_bytes()
    except OSError:
        pass
    try:
        content = small_jpeg(read_image(location), side)
    except (ImageError, FetchError):
        raise RequestError("the picture cannot be read", status=404) from None
    write_bytes(path, content)
    return content


def small_jpeg(content: bytes, side: int) -> bytes:
    """An encoded picture as a JPEG of at most `side` pixels a side.

    Raises:
        ImageError: it is no picture, or a damaged one.
    """
    image = Image.fromarray(decode_image(content, min_size=(side, side)))
    image.thumbnail((side, side))
    return _jpeg(image, 82)


def _stamp_of(location: str) -> str:
    try:
        status = os.stat(location)
    except (OSError, ValueError):
        return ""
    return f"{status.st_size}-{status.st_mtime_ns}"


def _folder() -> Path:
    return get_settings().home / "cache" / "thumbnails"


def _jpeg(image: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
