"""Who may use a studio that others reach: people of the labelling store, by name and password.

Whoever may use it may do what its owner may: a job runs any command. So being a labeller, or the owner of a
labelling project, is not enough: the names are given when the studio is started.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request

from tintype.errors import RequestError, UsageError
from tintype.labelling.access import (
    check_passwords_can_be_used,
    close_session,
    open_session,
    person_of_session,
    set_password,
)
from tintype.labelling.database import Database, open_database
from tintype.labelling.password_tries import PasswordTries
from tintype.labelling.people import check_person_name, person_named
from tintype.web.guard import cookie_in

__all__ = ["People"]


class People:
    """Names that may sign in, and their sessions."""

    def __init__(self, names: Sequence[str], database: Database | None = None) -> None:
        """
        Args:
            names: who may sign in, with the password that they label with.
            database: None opens the labelling store of the settings.

        Raises:
            UsageError: nobody is named.
            MissingExtraError: passwords cannot be checked here.
        """
        if not names:
            raise UsageError(
                "beyond this machine people sign in: name who may, --person NAME, and give them a "
                "password, --password-file FILE"
            )
        check_passwords_can_be_used()
        self._names = frozenset(map(check_person_name, names))
        self._database = database or open_database()
        self.tries = PasswordTries()
        """Of labelling's door of the same server, too."""

    def give_password(self, name: str, password: str) -> None:
        """Give one of them a (new) password; whoever was signed in as them is not any more.

        Raises:
            UsageError: they are not one of the names, or the password is too short.
        """
        if check_person_name(name) not in self._names:
            raise UsageError(f"{name!r} may not sign in: name them, --person {name}")
        with self._database.writing() as connection:
            set_password(connection, person_named(connection, name), password)

    def signed_in(self, request: Request) -> str | None:
        """The name of who asks; None where they are nobody who may."""
        token = cookie_in(request.headers.get("cookie", ""))
        if not token:
            return None
        with self._database.reading() as connection:
            found = person_of_session(connection, token)
        # A labeller's cookie is good for labelling alone.
        return found[1] if found is not None and found[1] in self._names else None

    def sign_in(self, request: Request, name: str, password: str) -> str:
        """The token of a new session; the one before ends.

        Raises:
            RequestError: 401, name or password is wrong, or they may not; 429, too often.
        """
        host = request.client.host if request.client else ""
        with self._database.reading() as connection:
            person = self.tries.person_of(connection, host, name, password)
        if name not in self._names:
            raise RequestError("name or password is wrong", status=401)
        with self._database.writing() as connection:
            close_session(connection, cookie_in(request.headers.get("cookie", "")))
            return open_session(connection, person)

    def sign_out(self, request: Request) -> None:
        """End the session of who asks."""
        with self._database.writing() as connection:
            close_session(connection, cookie_in(request.headers.get("cookie", "")))
