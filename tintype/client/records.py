"""What verbs give: records, and pollers for those that take a while."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

__all__ = ["EndpointKeys", "Poller", "Record"]

T = TypeVar("T")


class Record(dict[str, Any]):
    """An endpoint or deployment as the command line prints it; its keys are attributes too.

    They can be set, and the record given back to the verb that makes one: it is a document.

    >>> endpoint = Record(name="photos", traffic={"blue": 100})
    >>> endpoint.name, endpoint["traffic"]
    ('photos', {'blue': 100})
    >>> endpoint.traffic.blue = 0
    >>> endpoint["traffic"]
    {'blue': 0}
    """

    noun: str
    """The noun of the client that it is of, such as "online_endpoints"; "" where there is none."""

    def __init__(self, *given: Any, **keys: Any) -> None:
        super().__init__(*given, **keys)
        object.__setattr__(self, "noun", "")
        for key, value in self.items():
            super().__setitem__(key, _nested(value))

    @classmethod
    def of(cls, noun: str, shown: Mapping[str, Any]) -> Record:
        """A record of a noun of the client."""
        record = cls(shown)
        object.__setattr__(record, "noun", noun)
        return record

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"there is no {key!r} here; there are {', '.join(self)}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, _nested(value))

    def shown(self) -> dict[str, Any]:
        """The record as commands print it."""
        return {key: _plain(value) for key, value in self.items()}


class EndpointKeys(Record):
    """Both keys of an endpoint, also by azure-ai-ml's names.

    >>> EndpointKeys(primaryKey="a", secondaryKey="b").primary_key
    'a'
    """

    @property
    def primary_key(self) -> str:
        """The one that `invoke` uses."""
        return str(self["primaryKey"])

    @property
    def secondary_key(self) -> str:
        """The other."""
        return str(self["secondaryKey"])


def _nested(value: Any) -> Any:
    return Record(value) if isinstance(value, dict) and not isinstance(value, Record) else value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


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
        """Wait until it has ended, or `timeout` seconds.

        Raises:
            TintypeError: whatever the verb itself raises.
        """
        if self._done.wait(timeout) and self._error is not None:
            raise self._error

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
