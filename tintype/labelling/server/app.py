"""The ASGI application: routes, what they share, and errors as JSON."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from tintype.errors import OutputError, RequestError, UsageError
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
from tintype.labelling.server.answers import ErrorAnswer
from tintype.labelling.server.guard import Guard
from tintype.labelling.server.page_routes import router as page_router
from tintype.labelling.server.visitors import Labelling
from tintype.version import __version__

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
    app.add_exception_handler(RequestError, _request_error)
    app.add_exception_handler(UsageError, _usage_error)
    app.add_exception_handler(OutputError, _output_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    guard = Guard(app, loopback_only=local)
    labelling.guard = guard
    return guard


def _error(status: int, message: str, **headers: str) -> JSONResponse:
    return JSONResponse({"error": {"code": status, "message": message}}, status, headers=headers)


def _request_error(_: Request, error: Any) -> JSONResponse:
    headers = {"retry-after": "60"} if error.status == 429 else {}
    return _error(error.status, str(error), **headers)


def _usage_error(_: Request, error: Any) -> JSONResponse:
    return _error(400, str(error))


def _output_error(_: Request, error: Any) -> JSONResponse:
    # Nothing of it was kept; places on this machine are not the client's business.
    reason = str(error).rpartition(": ")[2]
    return _error(503, f"it could not be saved: {reason}", **{"retry-after": "5"})


def _validation_error(_: Request, error: Any) -> JSONResponse:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    return _error(422, f"{place}: {first['msg']}" if place else first["msg"])


def _http_error(_: Request, error: Any) -> JSONResponse:
    return _error(error.status_code, str(error.detail))
