"""The page itself: its files, for everybody; what it shows comes from the other routes."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tintype.errors import RequestError
from tintype.web.labelling import LABELLING_PAGE_HEADERS, labelling_page_file

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/")
@router.get("/{folder}/{file}")
def show_page_file(request: Request, folder: str = "", file: str = "") -> Response:
    """A file of the page; 304 where the browser has it already."""
    name = f"{folder}/{file}" if file else ""
    found = labelling_page_file(name)
    if found is None:
        raise RequestError("there is nothing here", status=404)
    headers = {**LABELLING_PAGE_HEADERS, "etag": found.tag}
    if request.headers.get("if-none-match") == found.tag:
        return Response(status_code=304, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)
