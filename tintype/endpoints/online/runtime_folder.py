"""Where the processes behind online endpoints meet: unix sockets of one workspace."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from tintype.errors import UsageError
from tintype.settings import get_settings

__all__ = ["collector_socket", "runtime_folder"]


def collector_socket() -> Path:
    """Where the process listens that writes what is recorded."""
    return runtime_folder() / "collector.socket"


def runtime_folder() -> Path:
    """Where sockets lie: short, this user's alone, one for each workspace.

    Raises:
        UsageError: somebody else owns it.
    """
    home = hashlib.blake2b(str(get_settings().home).encode(), digest_size=6).hexdigest()
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    folder = Path(base) / f"tintype-{os.getuid()}-{home}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or folder.is_symlink():
        raise UsageError(f"{folder} belongs to somebody else; set XDG_RUNTIME_DIR")
    folder.chmod(0o700)
    return folder
