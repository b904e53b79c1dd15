"""Arrays computed once per image, kept on disk under the digest of the image's bytes.

One cache folder holds one kind of array (features of one backbone, or pixels of one
preprocessing): shards of `<n>.keys.npy` (digests) beside `<n>.rows.npy` (arrays), each written
atomically and never changed. A killed run leaves whole shards behind, and the next one goes on.
"""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tintype.errors import OutputError

__all__ = ["ContentCache"]

_DIGEST = np.dtype("S32")


class ContentCache:
    """A growing map from digest (32 hexadecimal characters) to an array of one shape and dtype."""

    def __init__(self, folder: Path) -> None:
        """Open the cache in `folder`, which need not exist yet."""
        self.folder = folder
        self._shards: list[np.ndarray] = []
        self._places: dict[bytes, tuple[int, int]] = {}
        for keys_path in sorted(folder.glob("*.keys.npy")):
            self._open_shard(keys_path)

    def __contains__(self, digest: str) -> bool:
        return digest.encode() in self._places

    def add(self, digests: Sequence[str], rows: np.ndarray) -> None:
        """Append a shard: `rows` (n, …) for `digests` (n). Digests already held are skipped.

        Raises:
            OutputError: the folder cannot be written or the disk is full.
        """
        fresh: dict[str, int] = {}
        for position, digest in enumerate(digests):
            if digest not in self:
                fresh.setdefault(digest, position)
        if not fresh:
            return
        name = uuid.uuid4().hex
        keys_path = self.folder / f"{name}.keys.npy"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # The keys arrive last: a shard without keys does not exist.
            _save(self.folder / f"{name}.rows.npy", rows[list(fresh.values())])
            _save(keys_path, np.array(list(fresh), dtype=_DIGEST))
        except OSError as error:
            (self.folder / f"{name}.rows.npy").unlink(missing_ok=True)
            raise OutputError(
                f"cannot write the cache {self.folder}: {error.strerror or error}"
            ) from None
        self._open_shard(keys_path)

    def gather(self, digests: Sequence[str]) -> np.ndarray:
        """The arrays of `digests`, stacked: (n, …). All must be in the cache."""
        places = np.array([self._places[digest.encode()] for digest in digests])
        if len(places) == 0:
            return np.empty((0,))
        first = self._shards[places[0, 0]]
        out = np.empty((len(places), *first.shape[1:]), first.dtype)
        for shard in np.unique(places[:, 0]):
            chosen = np.flatnonzero(places[:, 0] == shard)
            out[chosen] = self._shards[shard][places[chosen, 1]]
        return out

    def _open_shard(self, keys_path: Path) -> None:
        try:
            keys = np.load(keys_path, allow_pickle=False)
            rows_path = keys_path.with_name(keys_path.name.replace(".keys.", ".rows."))
            rows = np.load(rows_path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError):
            return  # A damaged shard counts as absent: its rows are computed again.
        number = len(self._shards)
        self._shards.append(rows)
        for position, key in zip(itertools.count(), keys.tolist()):
            self._places.setdefault(key, (number, position))


def _save(path: Path, array: np.ndarray) -> None:
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
