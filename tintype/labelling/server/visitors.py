"""Who asks, and what they may do in the project that they ask about."""

from __future__ import annotations

import base64
import binascii
import getpass
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection

from tintype.errors import RequestError, UsageError
from tintype.labelling.access import person_of_session
from tintype.labelling.allowed_folders import AllowedFolders
from tintype.labelling.assistance.asking import AskedAssistants
from tintype.labelling.database import Database
from tintype.labelling.password_tries import PasswordTries
from tintype.labelling.people import Role, allows, person_named, role_of
from tintype.labelling.projects import Project, find_project
from tintype.web.guard import cookie_in

__all__ = [
    "Access",
    "Labelling",
    "SignedIn",
    "Visitor",
    "as_labeller",
    "as_owner",
    "as_reviewer",
    "access_of",
    "labelling_of",
    "program_access",
    "signed_in",
]


@dataclass(frozen=True)
class Visitor:
    """Somebody who asks."""

    id: int
    name: str
    local: bool
    """At this machine, of a server that nobody else reaches: owner of every project."""

    def role_in(self, connection: Connection, project: Project) -> Role | None:
        """What they are in a project; None: no member of it."""
        return "owner" if self.local else role_of(connection, project.id, self.id)


class Labelling:
    """What the routes of one server share."""

    def __init__(
        self,
        database: Database,
        assistants: AskedAssistants,
        folders: AllowedFolders,
        *,
        local: bool,
        tries: PasswordTries | None = None,
        in_studio: bool = False,
    ) -> None:
        """
        Args:
            local: the server listens on this machine alone. Whoever asks then is owner of every project.
            tries: the count of wrong passwords, where the same server has another door.
            in_studio: the server is the studio's.
        """
        self.database, self.assistants, self.local = database, assistants, local
        self.folders, self.in_studio = folders, in_studio
        self._tries = tries or PasswordTries()
        self._own: Visitor | None = None

    @property
    def knows_nobody_yet(self) -> bool:
        """Whether `own_visitor` would write, which waits for others who do."""
        return self.local and self._own is None

    def own_visitor(self) -> Visitor:
        """Who sits at this machine."""
        if self._own is None:
            try:
                name = getpass.getuser()
            except (OSError, KeyError):
                name = "owner"
            with self.database.writing() as connection:
                self._own = Visitor(person_named(connection, name), name, True)
        return self._own

    def try_password(self, request: Request, name: str, password: str) -> int:
        """The person of that name and password.

        Raises:
            RequestError: 401, one of them is wrong; 429, too often.
        """
        host = request.client.host if request.client else ""
        with self.database.reading() as connection:
            return self._tries.person_of(connection, host, name, password)


@dataclass(frozen=True)
class Access:
    """A visitor in a project."""

    visitor: Visitor
    project: Project
    role: Role
    labelling: Labelling

    @property
    def database(self) -> Database:
        """Short for that of `labelling`."""
        return self.labelling.database


def labelling_of(request: Request) -> Labelling:
    """What the routes share; opened by the first request that needs it, which may take a second."""
    state = request.app.state
    if state.labelling is None:
        state.labelling = state.open_labelling()
    found: Labelling = state.labelling
    return found


def signed_in(request: Request) -> Visitor:
    """Who asks.

    Raises:
        RequestError: 401, nobody that is known.
    """
    labelling = labelling_of(request)
    with labelling.database.reading() as connection:
        return _visitor(connection, labelling, request)


SignedIn = Annotated[Visitor, Depends(signed_in)]


def _visitor(connection: Connection, labelling: Labelling, request: Request) -> Visitor:
    token = cookie_in(request.headers.get("cookie", ""))
    found = person_of_session(connection, token) if token else None
    if found is not None:
        return Visitor(*found, local=False)
    if labelling.local:
        return labelling.own_visitor()
    raise RequestError("sign in first: POST /api/session", status=401)


def _access(needed: Role) -> Callable[[str, Request], Awaitable[Access]]:
    def look(name: str, request: Request) -> Access:
        labelling = labelling_of(request)
        # Who it is and what they may do, in one look: every request pays for this.
        with labelling.database.reading() as connection:
            visitor = _visitor(connection, labelling, request)
            return access_of(connection, labelling, visitor, name, needed)

    async def access(name: str, request: Request) -> Access:
        labelling: Labelling | None = request.app.state.labelling
        if labelling and labelling.database.is_sqlite and not labelling.knows_nobody_yet:
            # Rows found by their keys, which no writer keeps waiting: less than another thread's turn costs.
            return look(name, request)
        return await run_in_threadpool(look, name, request)

    return access


def access_of(
    connection: Connection, labelling: Labelling, visitor: Visitor, name: str, needed: Role
) -> Access:
    """What a visitor may do in a project.

    Raises:
        RequestError: 404, there is no such project, or they are no member; 403, their role is not
            enough.
    """
    try:
        project = find_project(connection, name)
    except UsageError as error:
        # Whoever is no member does not learn what there is.
        message = str(error) if labelling.local else f"there is no labelling project {name!r}"
        raise RequestError(message, status=404) from None
    role = visitor.role_in(connection, project)
    if role is None:
        raise RequestError(f"there is no labelling project {name!r}", status=404)
    if not allows(role, needed):
        raise RequestError(f"that is for a {needed}; you are {role}", status=403)
    return Access(visitor, project, role, labelling)


as_labeller, as_reviewer, as_owner = _access("labeller"), _access("reviewer"), _access("owner")


def program_access(name: str, request: Request) -> Access:
    """A program that says who it is by HTTP's Basic authentication, a reviewer at least; on a server
    of this machine alone, it need not.

    Raises:
        RequestError: 401, it does not say so, or the password is wrong; 403 and 404 as `access_of`.
    """
    labelling = labelling_of(request)
    header = request.headers.get("authorization", "")
    if header:
        user, password = _basic(header)
        visitor = Visitor(labelling.try_password(request, user, password), user, False)
    elif labelling.local:
        visitor = labelling.own_visitor()
    else:
        raise RequestError("expected Basic authentication with a reviewer's name", status=401)
    with labelling.database.reading() as connection:
        return access_of(connection, labelling, visitor, name, "reviewer")


def _basic(header: str) -> tuple[str, str]:
    scheme, _, given = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError
        user, found, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise RequestError("expected Basic authentication", status=401) from None
    if not found:
        raise RequestError("expected Basic authentication", status=401)
    return user, password
