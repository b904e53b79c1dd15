"""The ASGI application: routes behind the guard, for those who may."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI

from tintype.client import Client
from tintype.labelling.allowed_folders import AllowedFolders
from tintype.labelling.server.app import LABEL_STUDIO, include_labelling
from tintype.labelling.server.service import LabellingService
from tintype.studio.explanations import Explanations
from tintype.studio.people import People
from tintype.studio.routes import (
    batch_endpoints,
    comparisons,
    data,
    endpoint_parts,
    endpoints,
    events,
    home,
    job_files,
    job_parts,
    jobs,
    labelling,
    model_files,
    models,
    new_jobs,
    page,
    session,
    table_exports,
    table_findings,
    table_pictures,
    tables,
)
from tintype.studio.state import Studio
from tintype.studio.tables.opened import Tables
from tintype.studio.watch import Watch
from tintype.version import __version__
from tintype.web.guard import Guard
from tintype.web.json_errors import ErrorAnswer, answer_errors_as_json
from tintype.workspace.run_index import RunIndex

__all__ = ["create_studio_app", "studio_behind"]

_REFUSED: dict[str, Any] = {"model": ErrorAnswer, "description": "refused; says why"}

# Below it is all that `tintype label serve` answers, the labeller's page included.
_LABELLING = "/label"

# What needs nobody to be signed in is in `session` and `page` alone; labelling asks for members of a project.
_OF_PAGES = (
    home,
    jobs,
    job_parts,
    job_files,
    new_jobs,
    events,
    data,
    tables,
    table_pictures,
    table_findings,
    table_exports,
    # Before what takes any name.
    model_files,
    models,
    comparisons,
    endpoints,
    endpoint_parts,
    batch_endpoints,
    labelling,
)


def create_studio_app(people: People | None = None, folders: AllowedFolders | None = None) -> Guard:
    """All routes behind the guard.

    Args:
        people: who may sign in; None: the server listens on this machine alone, where nobody has to.
        folders: that may be looked at beside the workspace's own data; None: none.
    """
    app = FastAPI(
        title="Tintype studio",
        version=__version__,
        summary="The workspace over HTTP: what the command line does, and what the pages show.",
        openapi_url="/api/openapi.json",
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    folders = folders or AllowedFolders()
    runs = RunIndex()
    service = LabellingService(
        local=people is None,
        folders=folders,
        tries=None if people is None else people.tries,
        in_studio=True,
    )
    app.state.studio = Studio(
        runs,
        Watch(runs, service.stamp),
        Client(),
        people,
        Tables(folders),
        labelling=service,
        explanations=Explanations(),
    )
    refused: dict[int | str, dict[str, Any]] = dict.fromkeys(("4XX", "422", "500", "503"), _REFUSED)
    app.include_router(session.router, responses=refused)
    for routes in _OF_PAGES:
        app.include_router(
            routes.router, dependencies=[Depends(session.signed_in)], responses=refused
        )
    include_labelling(app, service.labelling, _LABELLING)
    # Last: it takes whatever no other route does.
    app.include_router(page.router)
    answer_errors_as_json(app)
    programs = (_LABELLING + LABEL_STUDIO,)
    return Guard(app, loopback_only=people is None, for_programs=programs)


def studio_behind(guard: Guard) -> Studio:
    """What the routes behind `guard` share."""
    found: Studio = guard.app.state.studio
    return found
