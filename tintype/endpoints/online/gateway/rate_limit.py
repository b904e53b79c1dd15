"""How often a key may ask: a token bucket for each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

__all__ = ["RateLimiter"]

# What may come at once after a pause: this share of a minute's requests.
_BURST_SHARE = 1 / 6


class RateLimiter:
    """At most so many requests a minute by each name, evenly but for a short burst."""

    def __init__(
        self, requests_per_minute: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.requests_per_minute = requests_per_minute
        self._per_second = requests_per_minute / 60
        self._burst = max(1.0, requests_per_minute * _BURST_SHARE)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, name: str) -> int:
        """0 where `name` may ask now, and it counts; else whole seconds until it may."""
        now = self._clock()
        tokens, since = self._buckets.get(name, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._per_second)
        if tokens >= 1:
            self._buckets[name] = (tokens - 1, now)
            return 0
        self._buckets[name] = (tokens, now)
        return math.ceil((1 - tokens) / self._per_second)
