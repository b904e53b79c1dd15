"""How much may be unpacked from one file into the workspace's cache: bounded by the disk and by ratio."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tintype.errors import DataError
from tintype.settings import get_settings

__all__ = ["UnpackingBudget"]

# Images hardly shrink, and tables of labels some ten times; deflate itself ends at 1,030.
_MAX_RATIO = 200
# Below this nobody is harmed, and a few black pictures in BMP pass.
_FREE_OF_RATIO = 256 * 1024 * 1024

# Left to everything else on the disk.
_MIN_FREE_BYTES = 1024 * 1024 * 1024


@dataclass
class UnpackingBudget:
    """What a file may still unpack to; counted while it is, for headers can lie."""

    path: Path
    bytes_left: int
    entries: int
    entries_left: int
    by_disk: bool
    """Whether the disk, not the ratio, is what `bytes_left` comes from."""

    @classmethod
    def of(cls, path: Path, folder: Path, entries: int) -> UnpackingBudget:
        """What the file at `path` may unpack to in `folder`, in at most `entries` files.

        Raises:
            OSError: one of them cannot be looked at.
        """
        free = shutil.disk_usage(folder).free - _MIN_FREE_BYTES
        by_ratio = max(path.stat().st_size * _MAX_RATIO, _FREE_OF_RATIO)
        return cls(path, min(free, by_ratio), entries, entries, free < by_ratio)

    def entry(self) -> None:
        """
        Raises:
            DataError: one entry too many.
        """
        self.entries_left -= 1
        if self.entries_left < 0:
            raise DataError(f"more than {self.entries:,} entries", file=self.path)

    def take(self, count: int) -> None:
        """
        Raises:
            DataError: `count` bytes more are too many.
        """
        self.bytes_left -= count
        if self.bytes_left >= 0:
            return
        if self.by_disk:
            raise DataError(
                f"there is no room for its content on the disk of {get_settings().home}; free some, "
                "or set TINTYPE_HOME to another disk",
                file=self.path,
            )
        raise DataError(
            f"its content is more than {_MAX_RATIO} times its size, which images are not; unpack it "
            "yourself if it is to be trusted, and name the folder",
            file=self.path,
        )
