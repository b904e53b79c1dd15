"""A folder as a .zip that is put together while it is sent: nothing is written, and memory stays flat."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["archive_of"]

_PIECE = 1024 * 1024


class _Sent:
    """A stream without places: what was written to it waits to be taken."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._waiting.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        whole = b"".join(self._waiting)
        self._waiting.clear()
        return whole


def archive_of(folder: Path, name: str) -> Iterator[bytes]:
    """Pieces of a .zip with all files of `folder`, below `name`; stored as they are, for weights do not shrink."""
    sent = _Sent()
    with zipfile.ZipFile(sent, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for path in sorted(folder.rglob("*")):
            if not path.is_file():
                continue
            entry = zipfile.ZipInfo(f"{name}/{path.relative_to(folder).as_posix()}")
            entry.external_attr = 0o644 << 16
            # Told before it is written: files of more than 2 GiB need it.
            with archive.open(entry, "w", force_zip64=True) as target, path.open("rb") as source:
                while piece := source.read(_PIECE):
                    target.write(piece)
                    yield sent.take()
    yield sent.take()
