"""The labelling page: static files, served by the labelling server at `/`.

`labelling/` holds the page, one ES module a subject, and `vendor/` the libraries that it is made with. Their
addresses are as they lie here: `/labelling/main.js`, `/vendor/preact.js`; index.html alone is `/`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["LABELLING_PAGE_HEADERS", "PageFile", "labelling_page_file"]

LABELLING_PAGE_HEADERS: dict[str, str] = {
    # All of the page is its own server's; no script but its files, and none that text could become.
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    # Asked for each time, and sent again only where it is another one.
    "cache-control": "no-cache",
}

_HERE = Path(__file__).parent
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}


@dataclass(frozen=True)
class PageFile:
    """One file of the page."""

    content: bytes
    media_type: str
    tag: str
    """Its ETag: another one where the content is another."""


def labelling_page_file(name: str) -> PageFile | None:
    """One file of the page, by what follows the server's `/`: "", "labelling/main.js", ...

    Returns:
        None for every name that is not one of these.
    """
    path = _paths().get(name)
    return None if path is None else _read(path)


@cache
def _paths() -> dict[str, Path]:
    """What a request may name; nothing else reaches the disk."""
    found = {
        f"{folder}/{path.name}": path
        for folder in ("labelling", "vendor")
        for path in (_HERE / folder).iterdir()
        if path.suffix in (".js", ".css")
    }
    return {"": _HERE / "labelling" / "index.html", **found}


@cache
def _read(path: Path) -> PageFile:
    content = path.read_bytes()
    digest = hashlib.blake2b(content, digest_size=12).hexdigest()
    return PageFile(content, _MEDIA_TYPES[path.suffix], f'"{digest}"')
