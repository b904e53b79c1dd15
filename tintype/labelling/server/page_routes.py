"""The page itself: its files, for everybody; what it shows comes from the other routes."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tintype.errors import RequestError
from tintype.web.labelling import LABELLING_PAGE

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/")
@router.get("/{folder}/{file}")
def show_page_file(request: Request, folder: str = "", file: str = "") -> Response:
    """A file of the page; 304 where the browser has it already."""
    found = LABELLING_PAGE.answer(request, f"{folder}/{file}" if file else "")
    if found is None:
        raise RequestError("there is nothing here", status=404)
    return found
