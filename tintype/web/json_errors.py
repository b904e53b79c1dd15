"""Errors as JSON: `{"error": {"code": 404, "message": "..."}}`, whatever a server of pages refuses."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from tintype.errors import OutputError, RequestError, TintypeError, UsageError

__all__ = ["ErrorAnswer", "ErrorDetail", "answer_errors_as_json"]


class ErrorDetail(BaseModel):
    """The HTTP status, and a sentence for people."""

    code: int
    message: str


class ErrorAnswer(BaseModel):
    """Whatever is refused."""

    error: ErrorDetail


def answer_errors_as_json(app: FastAPI) -> None:
    """Have `app` answer what its routes raise on purpose; no traceback reaches a client."""
    app.add_exception_handler(RequestError, _request_error)
    app.add_exception_handler(UsageError, _usage_error)
    app.add_exception_handler(OutputError, _output_error)
    app.add_exception_handler(TintypeError, _failure)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _defect)


def _error(status: int, message: str, **headers: str) -> JSONResponse:
    return JSONResponse({"error": {"code": status, "message": message}}, status, headers=headers)


def _request_error(_: Request, error: Any) -> JSONResponse:
    headers = {"retry-after": "60"} if error.status == 429 else {}
    return _error(error.status, str(error), **headers)


def _usage_error(_: Request, error: Any) -> JSONResponse:
    return _error(400, str(error))


def _failure(_: Request, error: Any) -> JSONResponse:
    return _error(500, str(error))


def _defect(_: Request, error: Any) -> JSONResponse:
    # Starlette logs its traceback.
    return _error(
        500, f"{type(error).__name__}: this is a defect of Tintype's; the server's log has it"
    )


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
