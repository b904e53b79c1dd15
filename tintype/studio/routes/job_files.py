"""Routes of what a run made: lists of its files, and each to look at or to download."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import BaseModel

from tintype.errors import RequestError
from tintype.studio.routes.jobs import known_run
from tintype.studio.state import Studio, StudioOf
from tintype.workspace.runs import RunStore

__all__ = ["router"]

router = APIRouter(prefix="/api/jobs/{name}/files", tags=["jobs"])

_FOLDERS = ("outputs", "named-outputs")
_FILES = ("log.txt", "job.json")

_MOST_LISTED = 2000

# What a browser shows without running anything; the rest is downloaded.
_SHOWN = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".txt": "text/plain; charset=utf-8",
    ".log": "text/plain; charset=utf-8",
    ".csv": "text/plain; charset=utf-8",
    ".yaml": "text/plain; charset=utf-8",
    ".yml": "text/plain; charset=utf-8",
    ".json": "text/plain; charset=utf-8",
    ".jsonl": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".html": "text/html; charset=utf-8",
}

# A report is shown with its own pictures and links, and no script of it runs.
_SANDBOX = (
    "sandbox allow-same-origin; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'self'"
)


class FileAnswer(BaseModel):
    """A file or folder."""

    path: str
    """Below the run's folder, with "/"."""
    name: str
    folder: bool
    bytes: int
    shown: bool
    """Whether a browser can show it."""


class FilesAnswer(BaseModel):
    """What lies in one folder."""

    files: list[FileAnswer]
    more: int
    """How many are left out."""


@router.get("", response_model=FilesAnswer)
def list_files(studio: StudioOf, name: str, path: str = "") -> dict[str, Any]:
    """What lies in a folder of the run; "" is the folder itself, of which outputs and log are shown."""
    known_run(studio, name)
    top = RunStore().path(name)
    if path == "":
        found = [top / part for part in (*_FOLDERS, *_FILES) if (top / part).exists()]
    else:
        folder = _place(studio, name, path)
        if not folder.is_dir():
            raise RequestError(f"there is no folder {path!r}", status=404)
        found = sorted(folder.iterdir(), key=lambda each: (not each.is_dir(), each.name))
        found = [each for each in found if not each.name.startswith(".")]
    shown = [_shown(each, f"{path}/{each.name}".strip("/")) for each in found[:_MOST_LISTED]]
    return {"files": shown, "more": max(0, len(found) - _MOST_LISTED)}


@router.get("/content/{path:path}", response_class=FileResponse)
def show_file(studio: StudioOf, name: str, path: str, download: bool = False) -> FileResponse:
    """A file of the run. What a browser cannot show, or with `download`, is offered to be saved."""
    file = _place(studio, name, path)
    if not file.is_file():
        raise RequestError(f"there is no file {path!r}", status=404)
    media_type = _SHOWN.get(file.suffix.lower())
    return FileResponse(
        file,
        media_type=media_type or "application/octet-stream",
        filename=file.name,
        content_disposition_type="attachment" if download or media_type is None else "inline",
        headers={"content-security-policy": _SANDBOX},
    )


def _place(studio: Studio, name: str, path: str) -> Path:
    """A path below one of the run's open folders.

    Raises:
        RequestError: 404, it leads elsewhere; links do not help it out of the workspace.
    """
    known_run(studio, name)
    top = RunStore().path(name)
    parts = path.split("/")
    elsewhere = RequestError(f"there is nothing at {path!r}", status=404)
    if "\0" in path or any(part in ("", ".", "..") or part.startswith(".") for part in parts):
        raise elsewhere
    if parts[0] not in _FOLDERS and path not in _FILES:
        raise elsewhere
    try:
        place = (top / path).resolve(strict=True)
    except (OSError, RuntimeError):
        raise elsewhere from None
    # Outputs of a pipeline are links to those of its steps.
    runs = RunStore().folder.resolve()
    if not place.is_relative_to(runs):
        raise elsewhere
    below = place.relative_to(runs).parts
    if len(below) < 2 or (below[1] not in _FOLDERS and below[1] not in _FILES):
        raise elsewhere
    return place


def _shown(path: Path, below: str) -> dict[str, Any]:
    try:
        status = os.stat(path)
        folder, size = path.is_dir(), status.st_size
    except OSError:
        # A link to what is gone.
        folder, size = False, 0
    return {
        "path": below,
        "name": path.name,
        "folder": folder,
        "bytes": 0 if folder else size,
        "shown": not folder and path.suffix.lower() in _SHOWN,
    }
