"""The endpoint playground: static files, served at `/<endpoint>/`.

`playground/` holds the page, one ES module a subject: the studio's tab uses the same. Their addresses are as they
lie here: `/<endpoint>/playground/main.js`, `/<endpoint>/shared/html.js`. The page asks for everything relative to
where it lies, so the path must end with a slash: a request for `/<endpoint>` is to be redirected to `/<endpoint>/`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tintype import pages

__all__ = ["PLAYGROUND_HEADERS", "PLAYGROUND_NAMES", "playground_file"]

PLAYGROUND_HEADERS: dict[str, str] = {
    # The page loads, asks and shows only what its own origin serves, and previews of dropped files.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_HERE = Path(__file__).parent
_PAGES = Path(pages.__file__).parent

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}

# What a request may name -> the file. Nothing else reaches the disk.
_FILES = {
    "": _HERE / "playground" / "index.html",
    **{
        path.relative_to(_HERE).as_posix(): path
        for path in (
            *(_HERE / "playground").glob("*.js"),
            *(_HERE / "playground").glob("*.css"),
            _HERE / "shared" / "html.js",
            _HERE / "shared" / "controls.css",
        )
    },
    **{
        path.relative_to(_PAGES).as_posix(): path
        for path in (
            _PAGES / "components" / "html.js",
            _PAGES / "components" / "colours.css",
            _PAGES / "vendor" / "htm.js",
            _PAGES / "vendor" / "preact.js",
            _PAGES / "vendor" / "preact-hooks.js",
        )
    },
}

PLAYGROUND_NAMES: tuple[str, ...] = tuple(sorted(_FILES))
"""Every name that `playground_file` knows."""


def playground_file(name: str) -> tuple[bytes, str] | None:
    """Content and media type of one file of the page.

    Args:
        name: what follows `/<endpoint>/` in the path: "", "playground/main.js", ...

    Returns:
        None for every other name.
    """
    return _read(name) if name in _FILES else None


@cache
def _read(name: str) -> tuple[bytes, str]:
    path = _FILES[name]
    return path.read_bytes(), _MEDIA_TYPES[path.suffix]
