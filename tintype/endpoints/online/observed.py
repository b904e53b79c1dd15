"""What the gateway sees of an endpoint while its traffic is shifted: requests, failures, times, agreement."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Compared", "Observed", "Watch", "is_failure"]

# Times that are kept of each deployment: the newest.
_MOST_TIMES = 10_000


def is_failure(status: int) -> bool:
    """Whether a status is the deployment's fault and not that of who asked: too late, full, or failed."""
    return status in (408, 424, 429) or status >= 500


@dataclass
class Observed:
    """Requests that one deployment answered."""

    requests: int = 0
    errors: int = 0
    times: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_TIMES))
    """Seconds, of those that were answered well."""

    @property
    def error_share(self) -> float:
        """0 where there were no requests."""
        return self.errors / self.requests if self.requests else 0.0

    @property
    def p95_s(self) -> float | None:
        """The 95th percentile of the times, the nearest rank; None where there are none."""
        if not self.times:
            return None
        ranked = sorted(self.times)
        return ranked[math.ceil(0.95 * len(ranked)) - 1]

    def shown(self) -> dict[str, Any]:
        """JSON-able."""
        p95 = self.p95_s
        return {
            "requests": self.requests,
            "errors": self.errors,
            "p95_ms": None if p95 is None else round(1000 * p95, 2),
        }


@dataclass
class Compared:
    """Pictures that two deployments answered."""

    rows: int = 0
    different: int = 0

    @property
    def share(self) -> float:
        """Of those that differ; 0 where there are none."""
        return self.different / self.rows if self.rows else 0.0


class Watch:
    """Counts from when it was made."""

    def __init__(self) -> None:
        self._of: dict[str, Observed] = {}
        self.compared = Compared()

    def of(self, deployment: str) -> Observed:
        """What was seen of a deployment."""
        return self._of.setdefault(deployment, Observed())

    def request(self, deployment: str, status: int, seconds: float) -> None:
        """Count an answer; one that nobody waited for any more (499) tells nothing."""
        if status == 499:
            return
        seen = self.of(deployment)
        seen.requests += 1
        if is_failure(status):
            seen.errors += 1
        elif status == 200:
            seen.times.append(seconds)

    def compare(self, rows: int, different: int) -> None:
        """Count mirrored pictures."""
        self.compared.rows += rows
        self.compared.different += different
