"""Keys of endpoints, kept for the one who made them: `<home>/credentials/<endpoint>.json`, mode 0600.

Servers know digests only. Without this file a key cannot be shown again, only replaced.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from tintype.errors import OutputError, UsageError
from tintype.settings import get_settings

__all__ = ["forget_keys", "load_keys", "save_keys"]


def save_keys(endpoint: str, keys: dict[str, str]) -> None:
    """Keep `primary` and `secondary`, readable by this user alone from the first byte on.

    Raises:
        OutputError: the workspace cannot be written.
    """
    path = _path(endpoint)
    temporary = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(keys, file)
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from None


def load_keys(endpoint: str) -> dict[str, str]:
    """
    Raises:
        UsageError: this workspace has no keys of that endpoint.
    """
    try:
        keys: dict[str, str] = json.loads(_path(endpoint).read_text("utf-8"))
    except (OSError, ValueError):
        raise UsageError(
            f"the keys of endpoint {endpoint!r} are not kept here (servers know digests only); make "
            f"new ones: tintype online-endpoint regenerate-keys --name {endpoint}"
        ) from None
    return keys


def forget_keys(endpoint: str) -> None:
    """Remove the file, if there is one."""
    _path(endpoint).unlink(missing_ok=True)


def _path(endpoint: str) -> Path:
    return get_settings().home / "credentials" / f"{endpoint}.json"
