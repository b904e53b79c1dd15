"""Explanations take seconds: what nobody waits for any more ends at its next pass of the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["check_wanted", "given_up_when"]

_unwanted: ContextVar[Callable[[], bool]] = ContextVar("unwanted", default=lambda: False)


@contextmanager
def given_up_when(unwanted: Callable[[], bool]) -> Iterator[None]:
    """Within it, in this thread, explanations end with TimeoutError once `unwanted()` is true."""
    before = _unwanted.set(unwanted)
    try:
        yield
    finally:
        _unwanted.reset(before)


def check_wanted() -> None:
    """
    Raises:
        TimeoutError: nobody waits for the explanation under way.
    """
    if _unwanted.get()():
        raise TimeoutError("nobody waits for this explanation any more")
