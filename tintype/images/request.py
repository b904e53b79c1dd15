"""The image in one cell of a request: base64 in either dialect, a data: URI, or a public URL."""

from __future__ import annotations

import binascii
import re

import pybase64

from tintype.errors import FetchError, ImageError
from tintype.images.source import is_url
from tintype.public_http import fetch
from tintype.settings import Settings, get_settings

__all__ = ["image_bytes_from_text"]

_DATA_URI = re.compile(r"data:[\w.+-]*/?[\w.+-]*(;[\w=.+-]+)*,", re.ASCII)
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=_\-\s]", re.ASCII)


def image_bytes_from_text(cell: str, *, settings: Settings | None = None) -> bytes:
    """The encoded image that `cell` holds or names. A local path is never read.

    Raises:
        ImageError: not base64 of anything.
        FetchError: a URL, where URLs are off or this one may not be fetched.
    """
    settings = settings or get_settings()
    text = cell.strip()
    if not text:
        raise ImageError("the image is an empty string")
    if is_url(text[:8].lower()):
        if not settings.allow_urls:
            raise FetchError("images by URL are disabled here; send base64")
        return fetch(text, max_bytes=settings.max_image_bytes)
    if text[:5].lower() == "data:":
        match = _DATA_URI.match(text)
        if match is None or ";base64" not in match[0].lower():
            raise ImageError("a data: URI must be of the form data:image/...;base64,...")
        text = text[match.end() :]
    # 4 characters carry 3 bytes, and encodebytes adds a line break to every 76.
    if len(text) > settings.max_image_bytes * 1.4 + 100:
        raise ImageError(f"longer than {settings.max_image_bytes} bytes once decoded")
    try:
        # Discards line breaks; what else it would discard was never base64.
        if _NOT_BASE64.search(text):
            raise binascii.Error
        data = pybase64.b64decode(text.replace("-", "+").replace("_", "/"))
    except (binascii.Error, ValueError):
        shown = cell if len(cell) <= 40 else f"{cell[:40]}..."
        raise ImageError(
            f"{shown!r} is neither base64 nor an http(s) URL; send the image's bytes as base64"
        ) from None
    if not data:
        raise ImageError("the image is empty: 0 bytes")
    return data
