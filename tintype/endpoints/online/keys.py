"""Endpoint keys: read or made up once, kept only as a digest, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from tintype.errors import UsageError

__all__ = ["Key", "read_key"]

_SHORTEST = 16


class Key:
    """A key that can be checked but not read."""

    def __init__(self, text: str) -> None:
        """
        Raises:
            UsageError: shorter than 16 characters.
        """
        if len(text) < _SHORTEST:
            raise UsageError(f"the key is shorter than {_SHORTEST} characters")
        self._digest = hashlib.sha256(text.encode()).digest()

    def matches(self, authorization: str | None) -> bool:
        """Whether an `Authorization` header says `Bearer <key>`."""
        scheme, _, given = (authorization or "").partition(" ")
        digest = hashlib.sha256(given.strip().encode("utf-8", "surrogateescape")).digest()
        return hmac.compare_digest(digest, self._digest) and scheme.lower() == "bearer"


def read_key(key_file: Path | None) -> tuple[Key, str | None]:
    """The key in `key_file`, else in the environment's TINTYPE_KEY, else a new one.

    Returns:
        The key, and its text only where it was made up and must be shown once.

    Raises:
        UsageError: the file cannot be read, or the key is too short.
    """
    if key_file is not None:
        try:
            return Key(key_file.read_text("utf-8").strip()), None
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--key-file {key_file}: cannot be read: {error}") from None
    given = os.environ.get("TINTYPE_KEY")
    if given is not None:
        return Key(given), None
    made = secrets.token_urlsafe(32)
    return Key(made), made
