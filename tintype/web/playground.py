"""The endpoint playground: three static files, served at `/<endpoint>/`.

The page asks for everything relative to where it lies, so the path must end with a slash: a request
for `/<endpoint>` is to be redirected to `/<endpoint>/`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["PLAYGROUND_HEADERS", "playground_file"]

PLAYGROUND_HEADERS: dict[str, str] = {
    # The page loads, asks and shows only what its own origin serves, and previews of dropped files.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_FOLDER = Path(__file__).with_name("playground")

# What a request may name -> the file and its media type. Nothing else reaches the disk.
_FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "playground.js": ("playground.js", "text/javascript; charset=utf-8"),
    "playground.css": ("playground.css", "text/css; charset=utf-8"),
}


def playground_file(name: str) -> tuple[bytes, str] | None:
    """Content and media type of one file of the page.

    Args:
        name: what follows `/<endpoint>/` in the path: "", "playground.js" or "playground.css".

    Returns:
        None for every other name.
    """
    return _read(name) if name in _FILES else None


@cache
def _read(name: str) -> tuple[bytes, str]:
    file, media_type = _FILES[name]
    return (_FOLDER / file).read_bytes(), media_type
