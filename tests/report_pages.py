"""Pages that are one file, for tests: their data, and a browser before them that notices what must not happen."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["HOSTILE", "data_of", "opened_file"]

HOSTILE = (
    '</script><script>document.title="ran"</script><!--<img src=x onerror=\'document.title="ran"\'>'
    "\N{LINE SEPARATOR}${alert(1)}`&lt;"
)
"""A name that does harm wherever text becomes markup, script or style."""


def data_of(page: str) -> dict[str, Any]:
    """The data that a page holds."""
    (content,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    found = json.loads(content)
    assert isinstance(found, dict)
    return found


@contextlib.contextmanager
def opened_file(
    browser: Browser, path: Path, *, width: int = 1280, dark: bool = False, bypass_csp: bool = False
) -> Iterator[Page]:
    """The file in a window; nothing but it may be fetched, no error logged, no foreign script run.

    Args:
        bypass_csp: for `check_accessible`, which makes scripts of texts.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        bypass_csp=bypass_csp,
    )
    try:
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on("console", lambda said: said.type == "error" and wrong.append(said.text))
        page.on(
            "request",
            lambda asked: (
                asked.url.startswith("data:")
                or asked.url == path.as_uri()
                or wrong.append(f"fetched {asked.url}")
            ),
        )
        page.goto(path.as_uri())
        title = page.title()
        yield page
        assert page.title() == title != "ran"
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{wide} pixels wide"
        assert wrong == [], wrong
    finally:
        context.close()
