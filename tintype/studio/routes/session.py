"""Who asks: signing in and out, and the token against forged requests."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from tintype.errors import RequestError
from tintype.studio.state import StudioOf, studio_of
from tintype.web.guard import COOKIE, cookie_in, guard_of, set_session_cookie

__all__ = ["router", "signed_in"]

router = APIRouter(prefix="/api", tags=["session"])

# The name of whoever sits at this machine, where nobody signs in.
_LOCAL = "this machine"


class SessionAnswer(BaseModel):
    """Who is signed in."""

    person: str | None
    csrf: str
    """Goes into the header x-csrf-token of everything that changes something."""
    local: bool
    """Whether the server is this machine's alone, where nobody signs in."""


class SignInBody(BaseModel):
    """Name and password."""

    name: str = Field(max_length=255)
    password: str = Field(max_length=1000)


def signed_in(request: Request) -> str:
    """Who asks.

    Raises:
        RequestError: 401, nobody who may.
    """
    people = studio_of(request).people
    name = _LOCAL if people is None else people.signed_in(request)
    if name is None:
        raise RequestError("sign in first: POST /api/session", status=401)
    return name


@router.get("/session", response_model=SessionAnswer)
def show_session(request: Request, studio: StudioOf) -> dict[str, Any]:
    """Who is signed in, and the token that every change carries in the header x-csrf-token."""
    name = _LOCAL if studio.people is None else studio.people.signed_in(request)
    return _answer(request, name, cookie_in(request.headers.get("cookie", "")))


@router.post("/session", response_model=SessionAnswer)
def sign_in(
    body: SignInBody, request: Request, response: Response, studio: StudioOf
) -> dict[str, Any]:
    """Sign in by name and password; sets a cookie. The token for changes is another one then."""
    if studio.people is None:
        raise RequestError("nobody signs in at this machine's own studio", status=409)
    token = studio.people.sign_in(request, body.name, body.password)
    set_session_cookie(request, response, token)
    return _answer(request, body.name, token)


@router.delete("/session", response_model=SessionAnswer)
def sign_out(request: Request, response: Response, studio: StudioOf) -> dict[str, Any]:
    """Sign out."""
    if studio.people is None:
        return _answer(request, _LOCAL, "")
    studio.people.sign_out(request)
    response.delete_cookie(COOKIE, path="/")
    return _answer(request, None, "")


def _answer(request: Request, person: str | None, token: str) -> dict[str, Any]:
    return {
        "person": person,
        "csrf": guard_of(request).csrf_token(token),
        "local": studio_of(request).people is None,
    }
