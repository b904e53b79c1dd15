"""How often a key may ask: a token bucket for each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

__all__ = ["RateLimiter"]

# What may come at once after a pause: this share of a minute's requests.
_BURST_SHARE = 1 / 6


class RateLimiter:
    """At most so many requests a minute by each name, evenly but for a short burst."""

    def __init__(
        self,
        requests_per_minute: int,
        clock: Callable[[], float] = time.time,
        buckets: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        """
        Args:
            clock: seconds that go on counting while no process runs.
            buckets: those of an earlier process.
        """
        self.requests_per_minute = requests_per_minute
        self._per_second = requests_per_minute / 60
        self._burst = max(1.0, requests_per_minute * _BURST_SHARE)
        self._clock = clock
        self.buckets: dict[str, tuple[float, float]] = dict(buckets or {})
        """By name: requests that could have come at once, and when that was."""

    def wait(self, name: str) -> int:
        """0 where `name` may ask now, and it counts; else whole seconds until it may."""
        now = self._clock()
        tokens, since = self.buckets.get(name, (self._burst, now))
        # A clock that was put back must neither add nor take away.
        tokens = min(self._burst, tokens + max(0.0, now - since) * self._per_second)
        if tokens >= 1:
            self.buckets[name] = (tokens - 1, now)
            return 0
        self.buckets[name] = (tokens, now)
        return math.ceil((1 - tokens) / self._per_second)
