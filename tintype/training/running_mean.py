"""What a training event tells of the steps since the one before it."""

from __future__ import annotations

import time

__all__ = ["RunningMean"]


class RunningMean:
    """Mean loss by row, and rows per second, since it was made."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._rows = 0
        self._start = time.perf_counter()

    def add(self, loss: float, rows: int) -> None:
        """Count a step over `rows` whose mean loss was `loss`."""
        self._sum += loss * rows
        self._rows += rows

    @property
    def mean(self) -> float:
        """Mean loss of a row."""
        return self._sum / max(self._rows, 1)

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self._rows / max(time.perf_counter() - self._start, 1e-9)
