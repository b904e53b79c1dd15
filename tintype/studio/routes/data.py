"""Routes of data: the assets of the workspace."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from tintype.studio.state import StudioOf

__all__ = ["router"]

router = APIRouter(prefix="/api/data", tags=["data"])


class DataAssetAnswer(BaseModel):
    """A version of a data asset."""

    id: str
    name: str
    version: str
    type: str
    path: str
    description: str | None
    tags: dict[str, str]
    created_at: str


@router.get("", response_model=list[DataAssetAnswer])
def list_data(studio: StudioOf) -> list[dict[str, Any]]:
    """The latest version of every data asset."""
    return [asset.shown() for asset in studio.client.data.list()]
