"""Which version a new asset gets: its user's own, or the next number."""

from __future__ import annotations

from collections.abc import Sequence

from tintype.errors import UsageError

__all__ = ["new_version"]


def new_version(asset: str, asked: str | None, taken: Sequence[str]) -> str:
    """The version of `asset` to create: `asked`, or where it is None the number after the highest.

    >>> new_version("model 'photos'", None, ["1", "spring", "7"])
    '8'

    Raises:
        UsageError: there is the version already.
    """
    numbers = (int(version) for version in taken if version.isdecimal())
    upcoming = str(1 + max(numbers, default=0))
    version = upcoming if asked is None else asked
    if version in taken:
        raise UsageError(
            f"{asset} has a version {version!r}, and versions never change; leave the version out "
            f"to make {upcoming!r}"
        )
    return version
