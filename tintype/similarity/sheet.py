"""The page of similar pictures: thumbnails side by side, which `sheet.js` draws."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tintype.errors import FetchError, ImageError
from tintype.files import write_text
from tintype.images.thumbnails import THUMBNAIL_TYPE, thumbnail
from tintype.pages import data_url, document
from tintype.progress import track
from tintype.settings import get_settings

__all__ = ["SheetPicture", "SheetSection", "write_sheet"]

_PAGE = Path(__file__).with_name("sheet.js")

_SIDE = 160
_PICTURES = 60  # of one section; a group of copies has no end
_IN_ALL = 1_500  # about 5 kB each


@dataclass(frozen=True)
class SheetPicture:
    """One picture of the page."""

    name: str
    """Written under it."""

    location: str | None
    """Path or URL; None where the picture was sent inline and is kept nowhere."""

    cosine: float | None
    """None: it is the query."""


@dataclass(frozen=True)
class SheetSection:
    """A query with its neighbours, or a group of near-duplicates."""

    title: str
    pictures: Sequence[SheetPicture]


def write_sheet(path: Path, title: str, sections: Sequence[SheetSection], *, limit: int) -> None:
    """Write an HTML page with thumbnails of at most 160 pixels a side, at most 1,500 of them.

    A picture that cannot be read shows its name and the reason.

    Args:
        limit: the most sections that are shown; how many are left out is said on the page.

    Raises:
        OutputError: `path` cannot be written.
    """
    told: list[dict[str, Any]] = []
    room = _IN_ALL
    with ThreadPoolExecutor(get_settings().cpu_threads) as pool:
        for one in track(sections[:limit], "drawing"):
            shown = one.pictures[:_PICTURES]
            drawn = list(pool.map(_picture, shown[:room]))
            drawn += [_told(each, reason="left out of this page") for each in shown[room:]]
            room -= len(shown[:room])
            told.append(
                {"title": one.title, "pictures": drawn, "left": len(one.pictures) - len(shown)}
            )
    left = len(sections) - len(told)
    lead = [] if sections else ["Nothing was found."]
    if left:
        lead.append(f"{left:,} more of {len(sections):,} are left out of this page.")
    if sum(len(one["pictures"]) for one in told) > _IN_ALL:
        lead.append(f"The first {_IN_ALL:,} pictures are shown, of the others their names.")
    write_text(path, document(title, page=_PAGE, lead=lead, data={"sections": told}))


def _picture(one: SheetPicture) -> dict[str, Any]:
    if one.location is None:
        return _told(one, reason="no picture, it was sent inline")
    try:
        return _told(one, data_url(thumbnail(one.location, _SIDE), THUMBNAIL_TYPE))
    except (ImageError, FetchError) as error:
        return _told(one, reason=str(error))


def _told(
    one: SheetPicture, picture: str | None = None, reason: str | None = None
) -> dict[str, Any]:
    cosine = None if one.cosine is None else round(one.cosine, 4)
    return {"name": one.name, "cosine": cosine, "picture": picture, "reason": reason}
