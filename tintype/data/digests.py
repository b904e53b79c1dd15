"""Digests of images' bytes: what makes two rows the same picture, and what caches are keyed by."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

from tintype.data.image_table import ImageTable
from tintype.settings import get_settings

__all__ = ["content_digests"]


def content_digests(table: ImageTable) -> list[str]:
    """32 hexadecimal characters for each row: BLAKE2b of the file's bytes.

    An http(s) row, or a file that cannot be read, is known by its location instead.
    """
    # Reading and hashing release the GIL.
    with ThreadPoolExecutor(get_settings().cpu_threads) as pool:
        return list(pool.map(_digest, table.locations(), chunksize=64))


def _digest(location: str) -> str:
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
