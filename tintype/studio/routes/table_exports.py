"""Routes that make something of chosen pictures of a table: a data asset, or a labelling project."""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from tintype.errors import RequestError
from tintype.labelling.server.visitors import SignedIn, labelling_of
from tintype.studio.routes.table_answers import OpenedOf, WantedOf
from tintype.studio.state import StudioOf
from tintype.studio.tables.exports import export_data_asset, export_labelling_project

__all__ = ["router"]

router = APIRouter(prefix="/api/table", tags=["data"])

# What one request copies into a new table or project.
_MOST_ROWS = 200_000


class DataAssetBody(BaseModel):
    """What the data asset is to be called."""

    name: str = Field(max_length=255)
    description: str = Field("", max_length=2000)


class LabellingProjectBody(BaseModel):
    """What the project is to be called, and the labels to choose from."""

    name: str = Field(max_length=255)
    labels: list[str] = Field(default_factory=list, max_length=10_000)
    """Left out: those of the table."""


class MadeAnswer(BaseModel):
    """What was made."""

    reference: str
    pictures: int
    command: str
    """What shows it in the command line."""


@router.post("/data-assets", response_model=MadeAnswer)
def make_data_asset(
    studio: StudioOf, opened: OpenedOf, wanted: WantedOf, body: DataAssetBody
) -> dict[str, Any]:
    """The next version of a data asset, of the labelled pictures of a filter; pictures stay where they are."""
    rows = _rows(opened.rows(wanted.filter, wanted.selection))
    asset = export_data_asset(studio.client, opened, rows, body.name, body.description)
    return {
        "reference": f"{asset.name}:{asset.version}",
        "pictures": len(rows),
        "command": f"tintype data show -n {asset.name} -v {asset.version}",
    }


@router.post("/labelling-projects", response_model=MadeAnswer)
def make_labelling_project(
    request: Request,
    visitor: SignedIn,
    opened: OpenedOf,
    wanted: WantedOf,
    body: LabellingProjectBody,
) -> dict[str, Any]:
    """A new labelling project of the pictures of a filter; labels that they have are suggestions in it."""
    rows = _rows(opened.rows(wanted.filter, wanted.selection))
    database = labelling_of(request).database
    count = export_labelling_project(
        database, opened, rows, body.name, body.labels, owner=visitor.id
    )
    return {
        "reference": body.name,
        "pictures": count,
        "command": f"tintype label show -n {body.name}",
    }


def _rows(rows: np.ndarray) -> np.ndarray:
    """
    Raises:
        RequestError: 400, none or too many.
    """
    if not len(rows):
        raise RequestError("no picture is like that: there is nothing to make something of")
    if len(rows) > _MOST_ROWS:
        raise RequestError(f"{len(rows)} pictures; at most {_MOST_ROWS} at once: filter them")
    return rows
