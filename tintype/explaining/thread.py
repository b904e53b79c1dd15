"""A thread for explanations beside a server's event loop: one at a time, few waiting, none for longer than it may."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tintype.errors import ModelError, RequestError
from tintype.explaining.giving_up import check_wanted, given_up_when

__all__ = ["ExplainingThread"]

_MOST_WAITING = 32

# Of 5 against 0: a quarter of a busy core, so that explanations go on beside a server at its limit.
_NICE = 5

# By methods and pictures, within functions.
_LOADED_LATE = ("captum.attr", "saliency.core", "matplotlib.colors")

T = TypeVar("T")


class ExplainingThread:
    """Does the work of explanations in order; used from one event loop."""

    def __init__(self, most_waiting: int = _MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="explain", initializer=_begin)
        self._waiting = 0
        self._closed = threading.Event()

    def close(self) -> None:
        """Give up what waits and what is under way."""
        self._closed.set()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def check_room(self, count: int = 1) -> None:
        """
        Raises:
            RequestError: 429, with `count` more too many would wait.
        """
        if self._waiting + count > self._most_waiting:
            raise RequestError(
                f"{self._waiting} explanations wait already; ask again later", status=429
            )

    async def run(self, works: Sequence[Callable[[], T]], deadline: float) -> list[T]:
        """What each of `works` gives, in order; when it is cancelled, what has not begun is given up, and what
        has at its next pass of a network.

        Args:
            deadline: of time.monotonic().

        Raises:
            TimeoutError: after the deadline.
            RequestError: 424, a model failed.
        """
        loop = asyncio.get_running_loop()
        left = threading.Event()
        jobs: list[asyncio.Future[T]] = []
        try:
            # A thread that is closed takes none, and says so by a RuntimeError.
            for work in works:
                jobs.append(loop.run_in_executor(self._thread, self._do, work, deadline, left))
                self._waiting += 1
            async with asyncio.timeout_at(loop.time() + deadline - time.monotonic()):
                return list(await asyncio.gather(*jobs))
        except (ModelError, RuntimeError, MemoryError) as error:
            raise RequestError(f"the explanation failed: {error}", status=424) from None
        finally:
            left.set()
            self._waiting -= len(jobs)
            for job in jobs:
                job.cancel()

    def _do(self, work: Callable[[], T], deadline: float, left: threading.Event) -> T:
        def unwanted() -> bool:
            return left.is_set() or self._closed.is_set() or time.monotonic() > deadline

        with given_up_when(unwanted):
            check_wanted()
            return work()


def _begin() -> None:
    """Load the libraries, then have this thread, and those of torch that it starts, wait for threads that answer.

    In this order: while modules are loaded the interpreter's lock is held, and whoever answers would wait for a
    thread that waits for its turn. Linux alone has priorities of threads.
    """
    # What cannot be loaded is told by the first explanation.
    with contextlib.suppress(ImportError):
        importlib.import_module("tintype.explaining.explainer")
        for library in _LOADED_LATE:
            importlib.import_module(library)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
