"""The ASGI application: routes behind the guard, for those who may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI

from tintype.client import Client
from tintype.studio.people import People
from tintype.studio.routes import (
    data,
    endpoints,
    events,
    home,
    job_files,
    job_parts,
    jobs,
    labelling,
    models,
    new_jobs,
    page,
    session,
)
from tintype.studio.state import Studio
from tintype.studio.watch import Watch
from tintype.version import __version__
from tintype.web.guard import Guard
from tintype.web.json_errors import ErrorAnswer, answer_errors_as_json
from tintype.workspace.run_index import RunIndex

__all__ = ["create_studio_app", "end_of_streams"]

_REFUSED: dict[str, Any] = {"model": ErrorAnswer, "description": "refused; says why"}

# What needs nobody to be signed in is in `session` and `page` alone.
_OF_PAGES = (
    home,
    jobs,
    job_parts,
    job_files,
    new_jobs,
    events,
    data,
    models,
    endpoints,
    labelling,
)


def create_studio_app(people: People | None = None) -> Guard:
    """All routes behind the guard.

    Args:
        people: who may sign in; None: the server listens on this machine alone, where nobody has to.
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
    runs = RunIndex()
    studio = Studio(runs, Watch(runs), Client(), people)
    app.state.studio = studio
    refused: dict[int | str, dict[str, Any]] = dict.fromkeys(("4XX", "422", "500", "503"), _REFUSED)
    app.include_router(session.router, responses=refused)
    for routes in _OF_PAGES:
        app.include_router(
            routes.router, dependencies=[Depends(session.signed_in)], responses=refused
        )
    # Last: it takes whatever no other route does.
    app.include_router(page.router)
    answer_errors_as_json(app)
    studio.guard = Guard(app, loopback_only=people is None)
    return studio.guard


def end_of_streams(guard: Guard) -> Callable[[], None]:
    """What ends the pages' open connections when the server stops."""
    studio: Studio = guard.app.state.studio
    return studio.watch.end
