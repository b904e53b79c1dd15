"""Routes of signing in and out, invitations, and members."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from tintype.errors import RequestError
from tintype.labelling.access import (
    accept_invite,
    close_session,
    make_invite,
    open_session,
    person_of_session,
)
from tintype.labelling.people import (
    assign_role,
    check_person_name,
    known_person,
    members_of,
    person_named,
)
from tintype.labelling.server.answers import MemberAnswer, SessionAnswer
from tintype.labelling.server.bodies import (
    InviteAcceptedBody,
    InviteBody,
    MemberBody,
    SignInBody,
)
from tintype.labelling.server.visitors import Access, as_owner, labelling_of, signed_in
from tintype.web.guard import COOKIE, cookie_in, guard_of, set_session_cookie

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["people"])

AsOwner = Annotated[Access, Depends(as_owner)]


@router.get("/session", response_model=SessionAnswer)
def show_session(request: Request) -> dict[str, Any]:
    """Who is signed in, and the token that every change carries in the header x-csrf-token."""
    token = cookie_in(request.headers.get("cookie", ""))
    try:
        person: str | None = signed_in(request).name
    except RequestError:
        person = None
    return _session(request, person, token)


@router.post("/session", response_model=SessionAnswer)
def sign_in(body: SignInBody, request: Request, response: Response) -> dict[str, Any]:
    """Sign in by name and password; sets a cookie. The token for changes is another one then."""
    person = labelling_of(request).try_password(request, body.name, body.password)
    return _begin_session(person, body.name, request, response)


@router.delete("/session", response_model=SessionAnswer)
def sign_out(request: Request, response: Response) -> dict[str, Any]:
    """Sign out."""
    labelling = labelling_of(request)
    with labelling.database.writing() as connection:
        close_session(connection, cookie_in(request.headers.get("cookie", "")))
    response.delete_cookie(COOKIE, path="/")
    return _session(request, None, "")


@router.post("/invites", response_model=SessionAnswer)
def accept_invitation(
    body: InviteAcceptedBody, request: Request, response: Response
) -> dict[str, Any]:
    """Become the person that an invitation is for; it can be used once."""
    labelling = labelling_of(request)
    token = cookie_in(request.headers.get("cookie", ""))
    with labelling.database.writing() as connection:
        found = person_of_session(connection, token) if token else None
        signed_in = None if found is None else found[0]
        person, name = accept_invite(connection, body.token, body.password, signed_in)
    return _begin_session(person, name, request, response)


@router.post("/projects/{name}/invites")
def invite(access: AsOwner, body: InviteBody) -> dict[str, str]:
    """The token of a link by which somebody becomes a member; good for a week, once."""
    with access.database.writing() as connection:
        person = check_person_name(body.person)
        token = make_invite(connection, access.project.id, person, body.role)
    return {"token": token}


@router.get("/projects/{name}/members", response_model=list[MemberAnswer])
def list_members(access: AsOwner) -> list[dict[str, str]]:
    """Names and roles."""
    with access.database.reading() as connection:
        found = members_of(connection, access.project.id)
    return [{"person": person, "role": role} for _, person, role in found]


@router.put("/projects/{name}/members/{person}", response_model=MemberAnswer)
def set_member(access: AsOwner, person: str, body: MemberBody) -> dict[str, str]:
    """Make somebody a member, or give them another role."""
    with access.database.writing() as connection:
        number = person_named(connection, person)
        _check_is_another(access, number)
        assign_role(connection, access.project.id, number, body.role)
    return {"person": person, "role": body.role}


@router.delete("/projects/{name}/members/{person}", response_model=MemberAnswer)
def remove_member(access: AsOwner, person: str) -> dict[str, str]:
    """Take a membership away; answers stay."""
    with access.database.writing() as connection:
        number = known_person(connection, person)
        _check_is_another(access, number)
        assign_role(connection, access.project.id, number, None)
    return {"person": person}


def _check_is_another(access: Access, person: int) -> None:
    """A project keeps an owner.

    Raises:
        RequestError: 409, the person is who asks.
    """
    if person == access.visitor.id and not access.visitor.local:
        raise RequestError("nobody changes their own role", status=409)


def _session(request: Request, person: str | None, token: str) -> dict[str, Any]:
    labelling = labelling_of(request)
    return {
        "person": person,
        "csrf": guard_of(request).csrf_token(token),
        "local": labelling.local,
        "in_studio": labelling.in_studio,
    }


def _begin_session(person: int, name: str, request: Request, response: Response) -> dict[str, Any]:
    # What was signed in before is not any more: no session outlives a change of person.
    with labelling_of(request).database.writing() as connection:
        close_session(connection, cookie_in(request.headers.get("cookie", "")))
        token = open_session(connection, person)
    set_session_cookie(request, response, token)
    return _session(request, name, token)
