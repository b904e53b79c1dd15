"""Digests of files' bytes: what makes two rows the same picture, and what caches are keyed by."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tintype.data.image_table import ImageTable
from tintype.files import write_json
from tintype.settings import get_settings

__all__ = ["content_digest", "content_digests", "digest_of_file"]


def content_digests(table: ImageTable) -> list[str]:
    """32 hexadecimal characters for each row: BLAKE2b of the file's bytes.

    An http(s) row, or a file that cannot be read, is known by its location instead.
    """
    # Reading and hashing release the GIL.
    with ThreadPoolExecutor(get_settings().cpu_threads) as pool:
        return list(pool.map(content_digest, table.locations(), chunksize=64))


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file, remembered by its place, size and time of change.

    Raises:
        OSError: it cannot be read.
    """
    status = path.stat()
    identity = [str(path.resolve()), status.st_size, status.st_mtime_ns, status.st_ino]
    name = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
    memo = get_settings().home / "cache" / "digests" / f"{name}.json"
    try:
        return str(json.loads(memo.read_text())["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    write_json(memo, {"path": identity[0], "sha256": digest})
    return digest


def content_digest(location: str) -> str:
    """32 hexadecimal characters for one image; see `content_digests`."""
    hasher = hashlib.blake2b(digest_size=16)
    try:
        if location.startswith(("http://", "https://")):
            raise OSError
        with open(location, "rb", buffering=0) as file:
            while chunk := file.read(1 << 20):
                hasher.update(chunk)
    except OSError:
        hasher = hashlib.blake2b(location.encode("utf-8", "surrogateescape"), digest_size=16)
    return hasher.hexdigest()
