"""What verbs give: records, and pollers for those that take a while."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["Poller", "Record"]

T = TypeVar("T")


class Record(dict[str, Any]):
    """An endpoint or deployment as the command line prints it; its keys are attributes too.

    >>> endpoint = Record(name="photos", traffic={"blue": 100})
    >>> endpoint.name, endpoint["traffic"]
    ('photos', {'blue': 100})
    """

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"there is no {key!r} here; there are {', '.join(self)}") from None

    def shown(self) -> dict[str, Any]:
        """The record as commands print it."""
        return dict(self)


class Poller(Generic[T]):
    """Work under way in a thread of its own, with the verbs of azure-core's LROPoller."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._done = threading.Event()
        self._result: T
        self._error: BaseException | None = None

        def run() -> None:
            try:
                self._result = work()
            except BaseException as error:
                self._error = error
            finally:
                self._done.set()

        threading.Thread(target=run, daemon=True).start()

    def done(self) -> bool:
        """Whether it has ended."""
        return self._done.is_set()

    def status(self) -> str:
        """InProgress, Succeeded or Failed."""
        if not self.done():
            return "InProgress"
        return "Succeeded" if self._error is None else "Failed"

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it has ended, or `timeout` seconds."""
        self._done.wait(timeout)

    def result(self, timeout: float | None = None) -> T:
        """Wait for what it gives.

        Raises:
            TimeoutError: it has not ended in `timeout` seconds; it goes on.
            TintypeError: whatever the verb itself raises.
        """
        if not self._done.wait(timeout):
            raise TimeoutError(f"not done after {timeout} s; it goes on")
        if self._error is not None:
            raise self._error
        return self._result
