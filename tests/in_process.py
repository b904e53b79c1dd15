"""Jobs run in the test's own process."""

from __future__ import annotations

import time
from typing import Any

from tintype.tasks import Stop

__all__ = ["Context", "Listener"]


class Context:
    """See `TaskContext`; it says stop after so many seconds."""

    def __init__(self, after: float | None = None) -> None:
        self.when = None if after is None else time.monotonic() + after

    def send(self, body: dict[str, Any]) -> None:
        raise AssertionError(body)

    def stop(self) -> Stop | None:
        return "cancel" if self.when is not None and time.monotonic() > self.when else None


class Listener:
    """See `TaskContext`; it keeps what it is told, and says from the first how to stop, if at all."""

    def __init__(self, how: Stop | None = None) -> None:
        self.how = how
        self.said: list[dict[str, Any]] = []

    def send(self, body: dict[str, Any]) -> None:
        self.said.append(body)

    def stop(self) -> Stop | None:
        return self.how
