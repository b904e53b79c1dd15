"""The page itself: its files, for everybody; what it shows comes from the other routes."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tintype.errors import RequestError
from tintype.web.studio import STUDIO_PAGE

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

# Addresses that the page itself understands: whatever is below them is the page.
_PAGES = (
    "data",
    "jobs",
    "new-job",
    "compare",
    "models",
    "catalog",
    "compare-models",
    "endpoints",
    "batch-endpoints",
    "labelling",
    "new-labelling-project",
)


@router.get("/{path:path}")
def show_page_file(request: Request, path: str) -> Response:
    """A file of the page, or the page; 304 where the browser has it already."""
    name = "" if path.split("/")[0] in _PAGES else path
    found = STUDIO_PAGE.answer(request, name)
    if found is None:
        raise RequestError("there is nothing here", status=404)
    return found
