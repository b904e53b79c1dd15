"""Routes by which an owner makes a project of an allowed folder."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from tintype.errors import DataError, RequestError
from tintype.labelling.making import make_project
from tintype.labelling.people import owns_a_project
from tintype.labelling.server.answers import FoldersAnswer, ProjectLineAnswer
from tintype.labelling.server.bodies import NewProjectBody
from tintype.labelling.server.visitors import SignedIn, Visitor, labelling_of
from tintype.schemas.labelling_project import LabellingProjectDocument

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["projects"])


def _maker(request: Request, visitor: SignedIn) -> Visitor:
    """Whoever asks, where they may make projects: at this machine, or as the owner of another one."""
    if not visitor.local:
        with labelling_of(request).database.reading() as connection:
            if not owns_a_project(connection, visitor.id):
                raise RequestError("only who owns a project makes others", status=403)
    return visitor


Maker = Annotated[Visitor, Depends(_maker)]


@router.get("/folders", response_model=FoldersAnswer)
def list_folders(request: Request, visitor: Maker) -> dict[str, list[str]]:
    """Folders that projects may be made of; whoever runs the server allows them."""
    return {"folders": labelling_of(request).folders.listed()}


@router.post("/projects", response_model=ProjectLineAnswer)
def make(request: Request, visitor: Maker, body: NewProjectBody) -> dict[str, Any]:
    """Make a project of pictures in one of `GET /api/folders`; whoever asks is its owner."""
    labelling = labelling_of(request)
    path = labelling.folders.path_of(body.data)
    root = labelling.folders.root_of(body.data)
    document = LabellingProjectDocument.model_validate({**body.model_dump(), "data": str(path)})
    try:
        project = make_project(labelling.database, document, within=root, owner=visitor.id)
    except DataError as error:
        # Files by the names that requests know them by.
        raise RequestError(str(error).replace(str(root), root.name)) from None
    return {"name": project.name, "task": project.task, "state": project.state, "role": "owner"}
