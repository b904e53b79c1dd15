"""Files of a page, read once and served by name; nothing but what lies in its folders reaches a request."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import Request, Response

__all__ = ["PAGE_HEADERS", "PageFile", "PageFiles"]

PAGE_HEADERS: dict[str, str] = {
    # All of a page is its own server's; no script but its files, and none that text could become.
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
    """One file of a page."""

    content: bytes
    compressed: bytes
    """The same, by gzip."""
    media_type: str
    tag: str
    """Its ETag: another one where the content is another."""


class PageFiles:
    """The modules and styles in some folders of `web/`, by their paths below it, and the page itself."""

    def __init__(self, page: str, *folders: str) -> None:
        """
        Args:
            page: the path of the HTML file, which is called "".
            folders: whose .js and .css are served, with all that lies below.
        """
        self._paths: Mapping[str, Path] = {
            "": _HERE / page,
            **{
                path.relative_to(_HERE).as_posix(): path
                for folder in folders
                for path in (_HERE / folder).rglob("*")
                if path.suffix in (".js", ".css")
            },
        }

    def file(self, name: str) -> PageFile | None:
        """One file by its path below `web/`, such as "shared/html.js"; None for every other name."""
        path = self._paths.get(name)
        return None if path is None else _read(path)

    def names(self) -> list[str]:
        """Every name that `file` knows."""
        return sorted(self._paths)

    def answer(self, request: Request, name: str) -> Response | None:
        """What a server says to a request for `name`; 304 where the browser has it already, None where
        there is no such file."""
        found = self.file(name)
        if found is None:
            return None
        headers = {**PAGE_HEADERS, "etag": found.tag, "vary": "accept-encoding"}
        if request.headers.get("if-none-match") == found.tag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            return Response(found.compressed, media_type=found.media_type, headers=headers)
        return Response(found.content, media_type=found.media_type, headers=headers)


@cache
def _read(path: Path) -> PageFile:
    content = path.read_bytes()
    digest = hashlib.blake2b(content, digest_size=12).hexdigest()
    return PageFile(content, gzip.compress(content, 6), _MEDIA_TYPES[path.suffix], f'"{digest}"')
