"""Endpoint keys: made or read once, kept only as digests, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from tintype.errors import UsageError

__all__ = ["KeyRing", "digest_of", "new_key", "read_key"]

_SHORTEST = 16


def new_key() -> str:
    """256 random bits, as text that a header can carry."""
    return secrets.token_urlsafe(32)


def digest_of(key: str) -> str:
    """SHA-256 in hexadecimal. Keys are random: no salt and no slow hash are needed for them.

    Raises:
        UsageError: shorter than 16 characters.
    """
    if len(key) < _SHORTEST:
        raise UsageError(f"the key is shorter than {_SHORTEST} characters")
    return hashlib.sha256(key.encode()).hexdigest()


class KeyRing:
    """Keys that can be checked but not read."""

    def __init__(self, digests: Mapping[str, str]) -> None:
        """
        Args:
            digests: `digest_of` each key, by its name (primary, secondary).
        """
        self._digests = dict(digests)

    def match(self, authorization: str) -> str | None:
        """The name of the key that an `Authorization: Bearer <key>` header gives, if it is one."""
        scheme, _, given = authorization.partition(" ")
        digest = hashlib.sha256(given.strip().encode("utf-8", "surrogateescape")).hexdigest()
        matched = None
        for name, known in self._digests.items():
            # Every key is compared, whichever matched.
            if hmac.compare_digest(digest, known):
                matched = name
        return matched if scheme.lower() == "bearer" else None


def read_key(key_file: Path | None) -> tuple[KeyRing, str | None]:
    """The key in `key_file`, else in the environment's TINTYPE_KEY, else a new one.

    Returns:
        The key, and its text only where it was made up and must be shown once.

    Raises:
        UsageError: the file cannot be read, or the key is too short.
    """
    shown = None
    if key_file is not None:
        try:
            text = key_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--key-file {key_file}: cannot be read: {error}") from None
    elif "TINTYPE_KEY" in os.environ:
        text = os.environ["TINTYPE_KEY"]
    else:
        text = shown = new_key()
    return KeyRing({"primary": digest_of(text)}), shown
