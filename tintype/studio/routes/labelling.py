"""Routes of labelling: the projects and how far they have come; new ones, and data assets of their labels."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from tintype.labelling.database import store_exists
from tintype.labelling.people import Role
from tintype.labelling.projects import ProjectState
from tintype.labelling.server.answers import LabelAnswer
from tintype.labelling.server.visitors import SignedIn, labelling_of, signed_in
from tintype.schemas.asset_parts import AssetName
from tintype.schemas.document import StrictModel
from tintype.schemas.labelling_project import LabellingProjectTerms
from tintype.studio.labelling_projects import (
    export_labels,
    make_project_of_table,
    project_lines,
    project_shown,
)
from tintype.studio.routes.data import DataAssetAnswer
from tintype.studio.state import StudioOf
from tintype.studio.tables.references import named_table

__all__ = ["router"]

router = APIRouter(prefix="/api/labelling/projects", tags=["labelling"])


class ProjectLine(BaseModel):
    """A labelling project in a list."""

    name: str
    task: str
    state: ProjectState
    pictures: dict[str, int]
    """By state, and `total`."""
    role: Role | None
    """What whoever asks is in it; None: no member, to whom its page does not open."""


class ShownProject(ProjectLine):
    """All that the studio shows of a labelling project."""

    labels: list[LabelAnswer]
    labelled: dict[str, int]
    """How many pictures have each label."""
    faults: dict[str, int]
    """How many pictures cannot be shown, by why."""
    data: str
    created_at: str
    data_assets: list[DataAssetAnswer]
    """Made of its labels, the newest first."""


class NewProject(LabellingProjectTerms):
    """A project to be made; `data` is a table as `GET /api/table?of=` takes it, all of whose pictures are in it."""


class LabelsAsset(StrictModel):
    """The data asset that labels are to become; where there is one of that name, its next version."""

    name: AssetName


class ExportedLabels(BaseModel):
    """Labels that were exported."""

    data_asset: str
    """azureml:NAME:VERSION"""
    pictures: int
    labels: dict[str, int]


@router.get("", response_model=list[ProjectLine])
def list_projects(request: Request) -> list[dict[str, Any]]:
    """Labelling projects with their progress."""
    if not store_exists():
        # Nobody has labelled here: no store is made by looking.
        return []
    return project_lines(labelling_of(request).database, signed_in(request))


@router.post("", response_model=ShownProject)
def make_project(
    request: Request, studio: StudioOf, visitor: SignedIn, body: NewProject
) -> dict[str, Any]:
    """A new project of the pictures of a table; whoever asks is its owner."""
    database = labelling_of(request).database
    source = named_table(body.data, studio.tables.folders)
    project = make_project_of_table(database, source, body, visitor)
    return project_shown(database, visitor, project.name)


@router.get("/{name}", response_model=ShownProject)
def show_project(request: Request, visitor: SignedIn, name: str) -> dict[str, Any]:
    """A labelling project, and the data assets that its labels became."""
    return project_shown(labelling_of(request).database, visitor, name)


@router.post("/{name}/data-assets", response_model=ExportedLabels)
def make_data_asset(request: Request, name: str, body: LabelsAsset) -> dict[str, Any]:
    """The labels of a project as the next version of a data asset, which jobs take."""
    exported = export_labels(labelling_of(request).database, name, body.name)
    return exported.shown()
