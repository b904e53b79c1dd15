"""Routes of projects: lists, progress, changes."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from tintype.errors import RequestError, UsageError
from tintype.labelling.doing import finish_actions
from tintype.labelling.exporting.exporting import export_project
from tintype.labelling.importing import import_labels
from tintype.labelling.labels import remove_label
from tintype.labelling.making import refresh_project, with_new_labels
from tintype.labelling.pictures import PictureFilter
from tintype.labelling.projects import change_project, find_project, list_projects
from tintype.labelling.server.answers import (
    ImportAnswer,
    PeopleAnswer,
    ProjectAnswer,
    ProjectLineAnswer,
    RefreshAnswer,
)
from tintype.labelling.server.bodies import ProjectChangeBody
from tintype.labelling.server.visitors import (
    Access,
    SignedIn,
    as_labeller,
    as_owner,
    as_reviewer,
    labelling_of,
)
from tintype.labelling.sources import labelled_pictures, suggested_pictures
from tintype.labelling.statistics import people_statistics, project_statistics

__all__ = ["router"]

router = APIRouter(prefix="/api/projects", tags=["projects"])


@router.get("", response_model=list[ProjectLineAnswer])
def list_own_projects(request: Request, visitor: SignedIn) -> list[dict[str, Any]]:
    """Projects that whoever asks is a member of."""
    with labelling_of(request).database.reading() as connection:
        found = []
        for project in list_projects(connection):
            role = visitor.role_in(connection, project)
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


@router.get("/{name}", response_model=ProjectAnswer, response_model_exclude_unset=True)
def show_project(access: Annotated[Access, Depends(as_labeller)]) -> dict[str, Any]:
    """The project: labels, instructions, counts; and the role of whoever asks."""
    shown = _shown(access)
    if access.role != "owner":
        # Where pictures lie and who the others are is the owner's to know.
        for key in ("data", "members"):
            del shown[key]
    return shown


@router.patch("/{name}", response_model=ProjectAnswer)
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
    return _shown(access)


@router.post("/{name}/refresh", response_model=RefreshAnswer)
def refresh(access: Annotated[Access, Depends(as_owner)]) -> dict[str, int]:
    """Add pictures that have come to the data, and look after those that there are."""
    found = refresh_project(access.database, access.project.name, access.visitor.name)
    access.labelling.assistants.look_for_pictures()
    return found


@router.get("/{name}/people", response_model=PeopleAnswer)
def show_people(access: Annotated[Access, Depends(as_reviewer)]) -> dict[str, Any]:
    """What each person has done, and how far people agree."""
    with access.database.reading() as connection:
        return people_statistics(connection, access.project)


@router.get("/{name}/export", response_class=Response)
def export(
    access: Annotated[Access, Depends(as_owner)],
    format: Literal["mltable", "csv", "coco", "azure", "label-studio"] = "csv",
    how: Annotated[list[str], Query(max_length=10)] = [],  # noqa: B006
) -> Response:
    """The labels in a zip archive. Pictures are named by their paths on the server."""
    finish_actions(access.database, access.project)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / access.project.name
        with access.database.reading() as connection:
            export_project(
                connection, access.project, output, format, PictureFilter(hows=tuple(how))
            )
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(output.iterdir()):
                archive.write(path, path.name)
    # Names of projects are letters, digits and a few signs.
    name = f'attachment; filename="{access.project.name}-{format}.zip"'
    return Response(
        stream.getvalue(),
        media_type="application/zip",
        headers={"content-disposition": name},
    )


@router.post("/{name}/import", response_model=ImportAnswer)
async def import_file(
    request: Request,
    access: Annotated[Access, Depends(as_owner)],
    kind: Literal["csv", "json", "jsonl"],
    import_as: Literal["final", "suggestions"] = "final",
    add_unknown_labels: bool = False,
    missing_pictures: Literal["refuse", "skip"] = "refuse",
) -> dict[str, Any]:
    """Take labels from the file that is the body: CSV, JSON (COCO, Label Studio) or JSON lines. Pictures
    are known by the ends of their paths; none is added."""
    content = await request.body()
    return await run_in_threadpool(
        _imported, access, content, kind, import_as, add_unknown_labels, missing_pictures
    )


def _shown(access: Access) -> dict[str, Any]:
    with access.database.reading() as connection:
        project = find_project(connection, access.project.name)
        statistics = project_statistics(connection, project)
    return {**project.shown(), **statistics, "role": access.role}


def _imported(
    access: Access,
    content: bytes,
    kind: str,
    import_as: Literal["final", "suggestions"],
    add_unknown_labels: bool,
    missing_pictures: Literal["refuse", "skip"],
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"labels.{kind}"
        path.write_bytes(content)
        read = labelled_pictures if import_as == "final" else suggested_pictures
        try:
            rows = list(read(path, access.project.task, any_datastore=True))
            with access.database.writing() as connection:
                done = import_labels(
                    connection,
                    access.project,
                    rows,
                    import_as=import_as,
                    add_unknown_labels=add_unknown_labels,
                    missing_pictures=missing_pictures,
                )
        except UsageError as error:
            # Its place is one that was made for the moment.
            raise RequestError(str(error).replace(f"{folder}/", "")) from None
    access.labelling.assistants.wake()
    return done.shown()
