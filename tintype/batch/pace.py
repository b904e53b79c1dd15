"""How far a batch is, told every now and then."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Pace", "span"]

_TELL_SECONDS = 15.0


class Pace:
    """Tells how far a batch is, how fast it goes, and how long it will take."""

    def __init__(
        self,
        total: int,
        done: int,
        tell: Callable[[str], object],
        bar: Callable[[int], None],
        unit: str = "rows",
    ) -> None:
        """
        Args:
            tell: receives a line every 15 seconds, and when all is done.
            bar: receives how many more are done.
        """
        self._total = total
        self._done = self._before = done
        self._tell = tell
        self._bar = bar
        self._unit = unit
        self._begun = self._told = time.monotonic()

    def advance(self, rows: int) -> None:
        """`rows` more are done."""
        self._done += rows
        self._bar(rows)
        now = time.monotonic()
        if now - self._told < _TELL_SECONDS and self._done < self._total:
            return
        self._told = now
        rate = (self._done - self._before) / max(now - self._begun, 1e-6)
        left = (self._total - self._done) / max(rate, 1e-6)
        self._tell(
            f"{self._done:,} of {self._total:,} {self._unit}  {rate:,.1f}/s  {span(left)} left"
        )


def span(seconds: float) -> str:
    """A time in words.

    >>> span(100), span(6000)
    ('2 min', '1 h 40 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
