"""The ASGI application: routes, and what they share."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from tintype.labelling.allowed_folders import AllowedFolders
from tintype.labelling.assistance.asking import AskedAssistants
from tintype.labelling.database import Database
from tintype.labelling.server import (
    assistance_routes,
    label_studio_routes,
    new_project_routes,
    picture_routes,
    project_routes,
    session_routes,
)
from tintype.labelling.server.page_routes import router as page_router
from tintype.labelling.server.visitors import Labelling
from tintype.version import __version__
from tintype.web.guard import Guard
from tintype.web.json_errors import ErrorAnswer, answer_errors_as_json

__all__ = ["create_labelling_app"]

_REFUSED: dict[str, Any] = {"model": ErrorAnswer, "description": "refused; says why"}


def create_labelling_app(
    database: Database,
    assistants: AskedAssistants,
    *,
    local: bool,
    folders: AllowedFolders | None = None,
) -> Guard:
    """All routes behind the guard.

    Args:
        local: whether the server listens on this machine alone. Whoever asks then is owner of every
            project; else people sign in.
        folders: what projects may be made of by requests; None: nothing.
    """
    app = FastAPI(
        title="Labelling",
        version=__version__,
        summary="Pictures in, keys pressed, a data set out.",
        # Their pages load scripts from elsewhere; the document itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
    )
    labelling = Labelling(database, assistants, folders or AllowedFolders(), local=local)
    app.state.labelling = labelling
    for routes in (
        session_routes,
        new_project_routes,
        project_routes,
        picture_routes,
        assistance_routes,
        label_studio_routes,
    ):
        app.include_router(routes.router, responses=dict.fromkeys(("4XX", "422", "503"), _REFUSED))
    app.include_router(page_router)
    answer_errors_as_json(app)
    guard = Guard(app, loopback_only=local, for_programs=("/api/label-studio/",))
    labelling.guard = guard
    return guard
