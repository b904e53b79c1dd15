"""Routes of data: the assets of the workspace, and what else has pictures to look at."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from tintype.studio.routes.jobs import known_run
from tintype.studio.state import StudioOf
from tintype.studio.tables.references import tables_of_run

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


class ReferencesAnswer(BaseModel):
    """Tables by what `GET /api/table?of=` knows them by."""

    tables: list[str]


@router.get("", response_model=list[DataAssetAnswer])
def list_data(studio: StudioOf) -> list[dict[str, Any]]:
    """The latest version of every data asset."""
    return [asset.shown() for asset in studio.client.data.list()]


@router.get("/assets/{name}", response_model=list[DataAssetAnswer])
def list_versions(studio: StudioOf, name: str) -> list[dict[str, Any]]:
    """Every version of a data asset, the newest first."""
    return [asset.shown() for asset in studio.client.data.list(name)]


@router.get("/folders", response_model=ReferencesAnswer)
def list_folders(studio: StudioOf) -> dict[str, list[str]]:
    """Folders that the studio was started with (`--data`), and those right below them."""
    return {"tables": [f"folder:{each}" for each in studio.tables.folders.listed()]}


@router.get("/runs/{name}", response_model=ReferencesAnswer)
def list_tables_of_run(studio: StudioOf, name: str) -> dict[str, list[str]]:
    """The tables of a run: data that it was given, and what it predicted."""
    known_run(studio, name)
    return {"tables": tables_of_run(name)}
