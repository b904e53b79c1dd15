"""Lengths of time as people write them: 90s, 5m, 1h30m."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter, ValidationError

__all__ = ["Duration", "told"]

_PARTS = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s)?")
_ISO = TypeAdapter(timedelta)


def _seconds(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip().replace(" ", "").lower()
    parts = _PARTS.fullmatch(text)
    if parts is not None and any(parts.groups()):
        hours, minutes, seconds = (float(part or 0) for part in parts.groups())
        return round(hours * 3600 + minutes * 60 + seconds)
    if text.startswith("p"):
        try:
            return round(_ISO.validate_python(text.upper()).total_seconds())
        except ValidationError:
            pass
    raise ValueError(f"{value!r} given; expected a time such as 90s, 5m, 1h30m or PT5M")


Duration = Annotated[int, BeforeValidator(_seconds)]
"""Whole seconds; as text 90s, 5m, 1h30m, or an ISO 8601 duration."""


def told(seconds: float) -> str:
    """A length of time in words.

    >>> told(42), told(300), told(5430)
    ('42 s', '5 min', '1 h 30 min')
    """
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = round(whole / 60)
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"
