"""Regular expressions that say which images belong together."""

from __future__ import annotations

import re

__all__ = ["check_group_pattern"]


def check_group_pattern(pattern: str) -> None:
    """
    Raises:
        ValueError: `pattern` is no regular expression, or has no group.
    """
    example = r"such as '(person\d+)_'"
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"{pattern!r} is no regular expression ({error}); expected one {example}"
        ) from None
    if not compiled.groups:
        raise ValueError(
            f"{pattern!r} has no group; put what names the group into parentheses, {example}"
        )
