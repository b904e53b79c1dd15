"""Routes of projects: lists, progress, changes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from tintype.labelling.labels import remove_label
from tintype.labelling.making import refresh_project, with_new_labels
from tintype.labelling.people import role_of
from tintype.labelling.projects import change_project, find_project, list_projects
from tintype.labelling.server.bodies import ProjectChangeBody
from tintype.labelling.server.visitors import (
    Access,
    SignedIn,
    as_labeller,
    as_owner,
    as_reviewer,
    labelling_of,
)
from tintype.labelling.statistics import people_statistics, project_statistics

__all__ = ["router"]

router = APIRouter(prefix="/api/projects", tags=["projects"])


@router.get("")
def list_own_projects(request: Request, visitor: SignedIn) -> list[dict[str, Any]]:
    """Projects that whoever asks is a member of."""
    with labelling_of(request).database.reading() as connection:
        found = []
        for project in list_projects(connection):
            role = "owner" if visitor.local else role_of(connection, project.id, visitor.id)
            if role is not None:
                found.append(
                    {
                        "name": project.name,
                        "task": project.task,
                        "state": project.state,
                        "role": role,
                    }
                )
        return found


@router.get("/{name}")
def show_project(access: Annotated[Access, Depends(as_labeller)]) -> dict[str, Any]:
    """The project: labels, instructions, counts; and the role of whoever asks."""
    with access.database.reading() as connection:
        statistics = project_statistics(connection, access.project)
    shown = {**access.project.shown(), **statistics, "role": access.role}
    if access.role != "owner":
        # Where pictures lie and who the others are is the owner's to know.
        for key in ("data", "members"):
            del shown[key]
    return shown


@router.patch("/{name}")
def change(access: Annotated[Access, Depends(as_owner)], body: ProjectChangeBody) -> dict[str, Any]:
    """Pause, go on or archive; instructions; labels, with Azure's three choices for answers there are."""
    with access.database.writing() as connection:
        project = change_project(
            connection, access.project, state=body.state, instructions=body.instructions
        )
        if body.add_labels:
            project = with_new_labels(
                connection, project, body.add_labels, body.existing_answers, access.visitor.name
            )
        for label in body.remove_labels:
            remove_label(connection, project.id, label)
    access.labelling.assistants.wake()
    with access.database.reading() as connection:
        return find_project(connection, access.project.name).shown()


@router.post("/{name}/refresh")
def refresh(access: Annotated[Access, Depends(as_owner)]) -> dict[str, int]:
    """Add pictures that have come to the data, and look after those that there are."""
    found = refresh_project(access.database, access.project.name)
    access.labelling.assistants.look_for_pictures()
    return found


@router.get("/{name}/people")
def show_people(access: Annotated[Access, Depends(as_reviewer)]) -> dict[str, Any]:
    """What each person has done, and how far people agree."""
    with access.database.reading() as connection:
        return people_statistics(connection, access.project)
