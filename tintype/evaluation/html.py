"""Pages that people read: self-contained HTML with pictures inside, no scripts, nothing fetched."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

__all__ = ["cell", "page", "paragraph", "picture", "section", "table"]

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse }} th, td {{ padding: .2rem .8rem; text-align: right }}
th:first-child, td:first-child {{ text-align: left }} tr:nth-child(even) {{ background: #f3f5f7 }}
td {{ vertical-align: top }} .wide {{ overflow-x: auto }}
img {{ max-width: 100%; height: auto }} .plots {{ display: grid; gap: 1rem;
grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)) }}
.pictures {{ display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)) }}
figure {{ margin: 0 }} figcaption {{ font-size: 80%; overflow-wrap: anywhere }}
</style></head><body>
<h1>{title}</h1>
{body}
</body></html>
"""


def page(title: str, *parts: str) -> str:
    """A whole page of parts that are HTML already."""
    return _PAGE.format(title=html.escape(title), body="\n".join(parts))


def section(title: str, *parts: str) -> str:
    """A heading and what stands under it; nothing where there is nothing."""
    body = "\n".join(part for part in parts if part)
    return f"<h2>{html.escape(title)}</h2>\n{body}" if body else ""


def paragraph(text: str) -> str:
    """A paragraph of plain text; nothing for an empty one."""
    return f"<p>{html.escape(text)}</p>" if text else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; numbers to four places, None as a dash."""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell(v)}</td>" for v in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def picture(content: bytes, text: str, *, kind: str = "png", caption: str = "") -> str:
    """An image inside the page, described by `text`; with a caption, as a figure."""
    source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    image = f'<img alt="{html.escape(text)}" src="{source}">'
    if not caption:
        return image
    return f"<figure>{image}<figcaption>{html.escape(caption)}</figcaption></figure>"


def cell(value: object) -> str:
    """A value as a table shows it."""
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else html.escape(str(value))
