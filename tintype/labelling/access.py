"""Signing in: passwords, sessions and invite links. Only digests of what is secret are kept.

Passwords are hashed by argon2id with its library's defaults (RFC 9106's second recommendation). Tokens
have 256 random bits, for which SHA-256 is enough.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from tintype.errors import MissingExtraError, RequestError, UsageError
from tintype.labelling.people import Role, assign_role, person_named
from tintype.labelling.tables import InviteRow, MembershipRow, PersonRow, SessionRow

__all__ = [
    "accept_invite",
    "check_passwords_can_be_used",
    "close_session",
    "make_invite",
    "open_session",
    "person_of_session",
    "set_password",
    "sign_in",
]

_SHORTEST, _LONGEST = 10, 1000
_SESSION_SECONDS = 14 * 24 * 3600
_INVITE_SECONDS = 7 * 24 * 3600

# A password takes 64 MiB and a core to check: strangers' tries must not take all there is.
_AT_ONCE = threading.BoundedSemaphore(2)


# Made once: every request asks it.
_SIGNED_IN = (
    select(PersonRow.id, PersonRow.name)
    .join(SessionRow, SessionRow.person_id == PersonRow.id)
    .where(SessionRow.token == bindparam("token"), SessionRow.expires_at > bindparam("now"))
)


def set_password(connection: Connection, person_id: int, password: str) -> None:
    """Give a person a (new) password; whoever was signed in as them is not any more.

    Raises:
        UsageError: too short or too long.
        MissingExtraError: argon2 is not installed.
    """
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise UsageError(f"a password has {_SHORTEST} to {_LONGEST} characters")
    connection.execute(
        update(PersonRow).where(PersonRow.id == person_id).values(password=_hasher().hash(password))
    )
    connection.execute(delete(SessionRow).where(SessionRow.person_id == person_id))


def sign_in(connection: Connection, name: str, password: str) -> int | None:
    """The person of that name and password; None where either is wrong, which takes as long."""
    from argon2.exceptions import Argon2Error, InvalidHashError

    row = connection.execute(
        select(PersonRow.id, PersonRow.password).where(PersonRow.name == name)
    ).first()
    known = None if row is None else row.password
    try:
        with _AT_ONCE:
            _hasher().verify(known or _nobodys(), password[:_LONGEST])
    except (Argon2Error, InvalidHashError):
        return None
    return None if row is None or known is None else int(row.id)


def open_session(connection: Connection, person_id: int) -> str:
    """A token by which the person is known for two weeks."""
    token = secrets.token_urlsafe(32)
    connection.execute(delete(SessionRow).where(SessionRow.expires_at < time.time()))
    connection.execute(
        insert(SessionRow).values(
            token=_digest(token), person_id=person_id, expires_at=time.time() + _SESSION_SECONDS
        )
    )
    return token


def person_of_session(connection: Connection, token: str) -> tuple[int, str] | None:
    """Id and name of who is signed in with `token`; None where nobody is, or not any more."""
    row = connection.execute(_SIGNED_IN, {"token": _digest(token), "now": time.time()}).first()
    return None if row is None else (row.id, row.name)


def close_session(connection: Connection, token: str) -> None:
    """Sign out."""
    connection.execute(delete(SessionRow).where(SessionRow.token == _digest(token)))


def make_invite(connection: Connection, project_id: int, name: str, role: Role) -> str:
    """The token of a link by which somebody becomes `name` in that role; good for a week, once."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(InviteRow).values(
            token=_digest(token),
            project_id=project_id,
            role=role,
            person_name=name,
            expires_at=time.time() + _INVITE_SECONDS,
        )
    )
    return token


def accept_invite(
    connection: Connection, token: str, password: str | None, signed_in: int | None = None
) -> tuple[int, str]:
    """Make whoever has the link the person that it is for, with a password of their choice.

    Somebody who has a password, or works in a project already, takes the invitation when they have signed
    in: who invites a name is not to become them.

    Args:
        signed_in: who asks, if anybody.

    Returns:
        Their id and name.

    Raises:
        RequestError: 403, the link is none, was used, or is too old; 409, it is for somebody else who is
            known here.
        UsageError: the password is too short.
    """
    used = connection.execute(
        update(InviteRow)
        .where(
            InviteRow.token == _digest(token),
            InviteRow.used_at.is_(None),
            InviteRow.expires_at > time.time(),
        )
        .values(used_at=time.time())
        .returning(InviteRow.project_id, InviteRow.role, InviteRow.person_name)
    ).first()
    if used is None:
        raise RequestError("the invitation is none, was used, or is too old", status=403)
    person = person_named(connection, used.person_name)
    known = _is_known(connection, person)
    if known and person != signed_in:
        raise RequestError(
            f"{used.person_name!r} has worked here before: sign in as them, and open the link again; "
            "or have another name invited",
            status=409,
        )
    assign_role(connection, used.project_id, person, used.role)
    if password is not None and not known:
        set_password(connection, person, password)
    return person, used.person_name


def _is_known(connection: Connection, person_id: int) -> bool:
    """Whether a person has a password or a role already."""
    password = select(PersonRow.password).where(PersonRow.id == person_id)
    role = select(MembershipRow.role).where(MembershipRow.person_id == person_id).limit(1)
    found = connection.execute(password).scalar() or connection.execute(role).scalar()
    return found is not None


def check_passwords_can_be_used() -> None:
    """
    Raises:
        MissingExtraError: argon2 is not installed.
    """
    _hasher()


@cache
def _hasher() -> Any:
    try:
        import argon2
    except ImportError:
        raise MissingExtraError("signing in with a password", "label") from None
    return argon2.PasswordHasher()


@cache
def _nobodys() -> str:
    """A hash that nobody's password has."""
    return str(_hasher().hash(secrets.token_urlsafe(32)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
