"""Reading the bytes of an image by its location: a local file, or a URL through the guard."""

from __future__ import annotations

import stat
from pathlib import Path

from tintype.errors import FetchError, ImageError, ImageReadError, ImageTooLarge
from tintype.public_http import fetch
from tintype.settings import get_settings

__all__ = ["is_url", "read_image"]


def is_url(location: str) -> bool:
    """Whether `location` is an http(s) URL rather than a path."""
    return location.startswith(("http://", "https://"))


def read_image(location: str | Path) -> bytes:
    """The encoded bytes at `location`.

    Raises:
        ImageTooLarge: the file is larger than the setting `max_image_bytes`; it is not read.
        ImageReadError: the file is there, and the system failed to read it.
        ImageError: there is no such file, or it is none that can be read.
        FetchError: the URL may not be fetched, or could not be.
    """
    settings = get_settings()
    if isinstance(location, str) and is_url(location):
        if not settings.allow_urls:
            raise FetchError("images by URL are turned off (setting TINTYPE_ALLOW_URLS)")
        return fetch(location, max_bytes=settings.max_image_bytes)
    try:
        # Looked at before it is opened: opening a named pipe would wait for ever.
        status = Path(location).stat()
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"{location} is not a regular file")
        if status.st_size > settings.max_image_bytes:
            raise ImageTooLarge(
                f"{location} has {status.st_size} bytes; the limit is {settings.max_image_bytes}"
            )
        return Path(location).read_bytes()
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        raise ImageError(f"cannot read {location}: {error.strerror}") from None
    except OSError as error:
        raise ImageReadError(f"cannot read {location}: {error.strerror}") from None
    except ValueError:
        raise ImageError("the path holds a character that no file name can") from None
