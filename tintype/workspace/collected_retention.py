"""What deployments recorded is kept for so many days, and up to so many bytes."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

__all__ = ["prune"]

# A file whose writer was killed before it had its name; one that is being written is younger.
_ABANDONED_SECONDS = 3600.0


def prune(folder: Path, *, days: float, most_bytes: int) -> int:
    """Delete what of a deployment is older than so many days, and the oldest of what is more than so many bytes.

    Returns:
        How many files were deleted.
    """
    files, now, deleted = [], time.time(), 0
    for path in folder.glob("**/*"):
        with contextlib.suppress(OSError):
            status = path.stat()
            if not path.is_file():
                continue
            if not path.name.startswith("."):
                files.append((status.st_mtime, status.st_size, path))
            elif now - status.st_mtime > _ABANDONED_SECONDS:
                path.unlink(missing_ok=True)
                deleted += 1
    files.sort(key=lambda file: file[0], reverse=True)
    oldest, total = now - days * 86_400, 0
    for modified, size, path in files:
        total += size
        if modified < oldest or total > most_bytes:
            path.unlink(missing_ok=True)
            deleted += 1
    return deleted
