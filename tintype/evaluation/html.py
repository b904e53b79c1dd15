"""Pages that people read: self-contained HTML with pictures inside, nothing fetched."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from typing import Literal

__all__ = [
    "cell",
    "interval",
    "page",
    "paragraph",
    "picture",
    "section",
    "strip",
    "strips",
    "table",
]

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse }} th, td {{ padding: .2rem .8rem; text-align: right }}
th:first-child, td:first-child {{ text-align: left }} tr:nth-child(even) {{ background: #f3f5f7 }}
td {{ vertical-align: top }} @media (max-width: 40rem) {{ table {{ font-size: 85% }}
th, td {{ padding: .2rem .35rem }} td:first-child {{ overflow-wrap: anywhere; min-width: 6rem }} }}
 .wide {{ overflow-x: auto }}
img {{ max-width: 100%; height: auto }} .plots {{ display: grid; gap: 1rem;
grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)) }}
.pictures {{ display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)) }}
.strips {{ display: flex; flex-wrap: wrap; column-gap: 2.5rem }} .strips > div {{ max-width: 100% }}
.strip {{ display: flex; gap: .8rem; overflow-x: auto; padding-bottom: .3rem }}
.strip figure {{ flex: 0 0 7rem }} h3 {{ margin: 1.2rem 0 .4rem; font-size: 1rem }}
h3 small {{ color: #6a737d; font-weight: normal; margin-left: .5rem }}
figure {{ margin: 0 }} figcaption {{ font-size: 80%; overflow-wrap: anywhere }}
figure img {{ display: block; border-radius: 3px }} .pictures img {{ width: 100%;
aspect-ratio: 1; object-fit: contain; background: #f3f5f7 }}
.strip img {{ height: 7rem; width: 7rem; object-fit: cover }}
.right img {{ border-bottom: 4px solid #3a923a }} .wrong img {{ border-bottom: 4px solid #c44133 }}
.slider {{ display: flex; gap: .8rem; align-items: center; margin: 1rem 0 }} .slider input {{ flex: 1 }}
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


def strip(title: str, note: str, figures: Iterable[str]) -> str:
    """A smaller heading with a note beside it, and figures in one row under it; see `strips`."""
    head = f"<h3>{html.escape(title)} <small>{html.escape(note)}</small></h3>" if title else ""
    return f'<div>{head}<div class="strip">{"".join(figures)}</div></div>'


def strips(parts: Iterable[str]) -> str:
    """Strips below each other, short ones also side by side; nothing where there is none."""
    body = "".join(parts)
    return f'<div class="strips">{body}</div>' if body else ""


def picture(
    content: bytes,
    text: str,
    *,
    kind: str = "png",
    caption: str = "",
    title: str = "",
    mark: Literal["", "right", "wrong"] = "",
) -> str:
    """An image inside the page, described by `text`; with a caption, as a figure.

    Args:
        title: of a figure, told by the pointer.
        mark: of a figure, whether what it shows is right.
    """
    source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    image = f'<img alt="{html.escape(text)}" src="{source}">'
    if not caption:
        return image
    attributes = f' class="{mark}"' if mark else ""
    attributes += f' title="{html.escape(title)}"' if title else ""
    return f"<figure{attributes}>{image}<figcaption>{html.escape(caption)}</figcaption></figure>"


def interval(bounds: Sequence[float] | None) -> str:
    """(low, high) as text that stays on one line; nothing for None."""
    if bounds is None:
        return ""
    return f"{bounds[0]:.3f}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{bounds[1]:.3f}"


def cell(value: object) -> str:
    """A value as a table shows it."""
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else html.escape(str(value))
