"""Routes of labelling: the projects, and how far they have come."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from tintype.settings import get_settings
from tintype.studio.state import StudioOf

__all__ = ["router"]

router = APIRouter(prefix="/api/labelling", tags=["labelling"])


class LabellingLineAnswer(BaseModel):
    """A labelling project in a list."""

    name: str
    task: str
    state: str
    pictures: dict[str, int]
    """By state, and `total`."""


@router.get("/projects", response_model=list[LabellingLineAnswer])
def list_projects(studio: StudioOf) -> list[dict[str, Any]]:
    """Labelling projects with their progress."""
    settings = get_settings()
    if not settings.labelling_database and not (settings.home / "labelling").is_dir():
        # Nobody has labelled here: no store is made by looking.
        return []
    return list(studio.client.labels.list())
