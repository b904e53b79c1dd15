"""The ASGI application: routes, and what they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

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

__all__ = ["LABEL_STUDIO", "create_labelling_app", "include_labelling"]

LABEL_STUDIO = "/api/label-studio/"
"""What Label Studio asks begins with this: a program, which says who it is by a header of its own."""

_REFUSED: dict[str, Any] = {"model": ErrorAnswer, "description": "refused; says why"}


def create_labelling_app(opened: Callable[[], Labelling], *, local: bool) -> Guard:
    """All routes behind the guard.

    Args:
        opened: as of `include_labelling`.
        local: whether the server listens on this machine alone. Whoever asks then is owner of every
            project; else people sign in.
    """
    app = FastAPI(
        title="Labelling",
        version=__version__,
        summary="Pictures in, keys pressed, a data set out.",
        # Their pages load scripts from elsewhere; the document itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
    )
    include_labelling(app, opened)
    answer_errors_as_json(app)
    return Guard(app, loopback_only=local, for_programs=(LABEL_STUDIO,))


def include_labelling(app: FastAPI, opened: Callable[[], Labelling], prefix: str = "") -> None:
    """Have `app` answer labelling's routes and show its page, both below `prefix`.

    Args:
        opened: gives what the routes share; called by the first request that needs it.
        prefix: "" or such as "/label".
    """
    app.state.open_labelling, app.state.labelling = opened, None
    for routes in (
        session_routes,
        new_project_routes,
        project_routes,
        picture_routes,
        assistance_routes,
        label_studio_routes,
    ):
        app.include_router(
            routes.router,
            prefix=prefix,
            responses=dict.fromkeys(("4XX", "422", "503"), _REFUSED),
        )
    app.include_router(page_router, prefix=prefix)
