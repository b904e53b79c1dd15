"""Keys of endpoints, kept for the one who made them: `<home>/credentials/<endpoint>.json`, mode 0600.

Servers know digests only. Without this file a key cannot be shown again, only replaced.
"""

from __future__ import annotations

import json
from pathlib import Path

from tintype.errors import UsageError
from tintype.files import write_json
from tintype.settings import get_settings

__all__ = ["forget_keys", "load_keys", "save_keys"]


def save_keys(endpoint: str, keys: dict[str, str]) -> None:
    """Keep `primary` and `secondary`, readable by this user alone from the first byte on.

    Raises:
        OutputError: the workspace cannot be written.
    """
    write_json(_path(endpoint), keys, mode=0o600)


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
