"""A page as one HTML file: script, styles, data and pictures inside, nothing fetched when it is read.

It can be mailed, and opens without a network or a server. The data are JSON in an element that is never run; the page's
module draws them as text nodes. The policy in the page's head lets nothing else run: the script and the styles by their
hashes, pictures from inside the file alone.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tintype.pages.linking import link

__all__ = ["data_url", "document"]

_COMPONENTS = Path(__file__).with_name("components")
_STYLES = (
    "colours.css",
    "document.css",
    "components.css",
    "parallel_coordinates.css",
    "step_graph.css",
)

_DOCUMENT = """<!doctype html>
<!--
Made with Tintype. The script below holds htm (https://github.com/developit/htm, Apache License 2.0,
https://www.apache.org/licenses/LICENSE-2.0) and preact (https://preactjs.com), whose licence is:

{licence}-->
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="content-security-policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{styles}</style>
</head>
<body>
<main id="page">
<h1>{title}</h1>
{lead}
<p>The charts, tables and pictures of this page need JavaScript: open the file in a browser.</p>
</main>
<script type="application/json" id="data">{data}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def document(title: str, *, page: Path, data: dict[str, Any], lead: Sequence[str] = ()) -> str:
    """A whole page.

    Args:
        page: the ES module that draws it: it calls `showPage` of components/show_page.js.
        data: what it draws, as JSON has it; `title` and `lead` are added. Pictures are `data_url`s.
        lead: sentences below the title; with it, all that is seen where scripts do not run.

    Raises:
        ValueError: a number that is not finite, which JSON does not have.
    """
    script, styles = link(page), _styles()
    content = json.dumps(
        {**data, "title": title, "lead": list(lead)},
        allow_nan=False,
        separators=(",", ":"),
        # ASCII alone: names of files may hold what UTF-8 cannot.
        ensure_ascii=True,
    )
    return _DOCUMENT.format(
        licence=_licence(),
        policy=(
            f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(styles)}'; "
            "img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
        ),
        title=_text(title),
        styles=styles,
        lead="\n".join(f"<p>{_text(sentence)}</p>" for sentence in lead),
        # No text can end the element or begin a comment in it.
        data=content.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
        script=script,
    )


def data_url(content: bytes, media_type: str) -> str:
    """A picture as an address that holds it."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _text(text: str) -> str:
    return html.escape(text.encode("utf-8", "replace").decode())


def _digest(content: str) -> str:
    """A source of a content security policy: this very script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


@cache
def _licence() -> str:
    return Path(__file__).with_name("vendor").joinpath("preact.LICENSE.txt").read_text("utf-8")


@cache
def _styles() -> str:
    return "\n".join((_COMPONENTS / name).read_text("utf-8") for name in _STYLES)
