"""How many instances `scale_settings: {type: target_utilization}` asks for."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

__all__ = ["Autoscaler"]

# Fewer instances only when they would have sufficed for so long: loading a model is not free.
_CALM_SECONDS = 60.0


class Autoscaler:
    """Utilization is calls under way over calls that the ready instances may have, as Azure's
    inference router counts it; instances follow it at once upwards, slowly downwards.
    """

    def __init__(
        self,
        *,
        polling_interval_s: float,
        target_utilization_percentage: int,
        min_instances: int,
        max_instances: int,
        calm_s: float = _CALM_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = polling_interval_s
        self.target = target_utilization_percentage / 100
        self.min_instances = min_instances
        self.max_instances = max_instances
        self._calm = calm_s
        self._clock = clock
        self._count = min_instances
        self._polled = -math.inf
        self._needed: list[tuple[float, int]] = []

    def wanted(self, calls: int, ready: int, calls_per_instance: int) -> int:
        """Instances there should be, given the calls under way now."""
        now = self._clock()
        if now - self._polled < self._interval:
            return self._count
        self._polled = now
        needed = math.ceil(calls / (calls_per_instance * self.target))
        needed = min(self.max_instances, max(self.min_instances, needed))
        self._needed = [(at, n) for at, n in self._needed if now - at <= self._calm]
        self._needed.append((now, needed))
        most = max(n for _, n in self._needed)
        if needed > self._count:
            # While the last ones asked for still load, more are not known to be needed.
            self._count = needed if ready >= self._count else self._count
        elif most < self._count:
            self._count = most
        return self._count
