"""How often a password may be tried: guessing takes longer than anybody lives."""

from __future__ import annotations

import time
from collections import deque

from sqlalchemy import Connection

from tintype.errors import RequestError
from tintype.labelling.access import sign_in

__all__ = ["PasswordTries"]

# Wrong passwords for one name in so many seconds; then it has to wait.
_TRIES, _TRIES_SECONDS = 10, 300.0

# Names and addresses that are remembered.
_MOST_KEPT = 10_000


class PasswordTries:
    """Counts wrong passwords, in the memory of one server."""

    def __init__(self) -> None:
        self._tries: dict[str, deque[float]] = {}

    def person_of(self, connection: Connection, host: str, name: str, password: str) -> int:
        """The person of that name and password, who asks from the address `host`.

        Raises:
            RequestError: 401, one of them is wrong; 429, too often.
        """
        if len(self._tries) > _MOST_KEPT:
            self._tries.clear()
        # By address, too, so that nobody is kept out by others who try their name.
        tries = self._tries.setdefault(f"{host} {name[:255]}", deque(maxlen=_TRIES))
        if len(tries) == _TRIES and time.monotonic() - tries[0] < _TRIES_SECONDS:
            raise RequestError("too many wrong passwords; wait a few minutes", status=429)
        found = sign_in(connection, name, password)
        if found is None:
            tries.append(time.monotonic())
            raise RequestError("name or password is wrong", status=401)
        tries.clear()
        return found
