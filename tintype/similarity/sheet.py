"""The page of similar pictures: thumbnails side by side, nothing fetched when it is read."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tintype.errors import FetchError, ImageError
from tintype.evaluation.html import page, paragraph, picture, section
from tintype.files import write_text
from tintype.images.decode import decode_image
from tintype.images.source import read_image
from tintype.progress import track
from tintype.settings import get_settings

__all__ = ["SheetPicture", "SheetSection", "write_sheet"]

_SIDE = 160
_PICTURES = 60  # of one section; a group of copies has no end


@dataclass(frozen=True)
class SheetPicture:
    """One picture of the page."""

    name: str
    """Written under it."""

    location: str | None
    """Path or URL; None where the picture was sent inline and is kept nowhere."""

    note: str
    """Written before the name: its cosine."""


@dataclass(frozen=True)
class SheetSection:
    """A query with its neighbours, or a group of near-duplicates."""

    title: str
    pictures: Sequence[SheetPicture]


def write_sheet(path: Path, title: str, sections: Sequence[SheetSection], *, limit: int) -> None:
    """Write an HTML page with thumbnails of at most 160 pixels a side.

    A picture that cannot be read shows its name and the reason.

    Args:
        limit: the most sections that are shown; how many are left out is said on the page.

    Raises:
        OutputError: `path` cannot be written.
    """
    shown = sections[:limit]
    left_out = len(sections) - len(shown)
    parts = [paragraph("Nothing was found.")] if not sections else []
    with ThreadPoolExecutor(get_settings().cpu_threads) as pool:
        for one in track(shown, "drawing"):
            figures = pool.map(_figure, one.pictures[:_PICTURES])
            parts.append(section(one.title, _grid(figures), _more(one)))
    if left_out:
        parts.append(
            paragraph(f"{left_out:,} more of {len(sections):,} are left out of this page.")
        )
    write_text(path, page(title, *parts))


def _more(one: SheetSection) -> str:
    left_out = len(one.pictures) - _PICTURES
    return paragraph(f"And {left_out:,} more pictures.") if left_out > 0 else ""


def _grid(figures: Iterable[str]) -> str:
    return f'<div class="pictures">{"".join(figures)}</div>'


def _figure(one: SheetPicture) -> str:
    caption = f"{one.note} {one.name}".strip()
    if one.location is None:
        return paragraph(f"{caption}: no picture, it was sent inline")
    try:
        return picture(_thumbnail(one.location), one.name, kind="jpeg", caption=caption)
    except (ImageError, FetchError) as error:
        return paragraph(f"{caption}: {error}")


def _thumbnail(location: str) -> bytes:
    """JPEG of at most 160 pixels a side.

    Raises:
        ImageError, FetchError: it cannot be read.
    """
    image = Image.fromarray(decode_image(read_image(location), min_size=(_SIDE, _SIDE)))
    image.thumbnail((_SIDE, _SIDE))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return stream.getvalue()
