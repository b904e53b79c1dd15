"""Joining the images of concurrent requests into passes of the model.

One thread runs the model. While it does, images gather; the next pass takes what has gathered, up
to the Scorer's batch size. So an idle server adds no delay, and a busy one fills its passes. On a slow
model a pass is kept to a share of the time that its images have, by the rate seen so far: who comes
as a long pass begins would else wait for two of them.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from tintype.errors import RequestError
from tintype.scoring.scorer import Scorer

__all__ = ["MicroBatcher", "Work"]

_log = logging.getLogger("tintype")

Work = Callable[[], object]


# A pass of the model may take this share of the time that its first image has from its arrival.
_PASS_SHARE = 0.2

# Weight of the newest pass in the rate.
_NEWEST = 0.3


@dataclass
class _Item:
    pixels: np.ndarray
    arrived: float
    deadline: float
    future: Future[np.ndarray] = field(default_factory=Future)


class MicroBatcher:
    """A bounded queue of preprocessed images in front of one Scorer."""

    def __init__(self, scorer: Scorer, *, max_waiting: int = 512) -> None:
        """
        Args:
            max_waiting: images admitted and not yet answered; more are refused.
        """
        self._scorer = scorer
        self._max_waiting = max_waiting
        self._admitted = 0
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[_Item | Work | None] = queue.SimpleQueue()
        self._to_do: list[Work] = []
        self.images_run = 0
        """Images that have been through the model."""
        self.busy_since: float | None = None
        """time.monotonic() when the pass that runs now began; None between passes."""
        self._images_per_second = 0.0
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def admit(self, count: int, deadline: float | None = None) -> None:
        """Reserve room for `count` images before they are decoded; `release` gives it back.

        Args:
            deadline: by `time.monotonic`; where the model cannot get to them before, at the rate
                it has shown, they are refused at once rather than when it is too late.

        Raises:
            RequestError: 429, there is none; 413, there never will be.
        """
        with self._lock:
            if count > self._max_waiting:
                raise RequestError(
                    f"{count} images in one request; at most {self._max_waiting}", status=413
                )
            if self._admitted + count > self._max_waiting:
                raise RequestError("the server is at its limit; try again shortly", status=429)
            if deadline is not None and self._admitted and self._images_per_second:
                left = deadline - time.monotonic()
                seconds = (self._admitted + count) / self._images_per_second
                if seconds > left * (1 - _PASS_SHARE):
                    raise RequestError(
                        f"{seconds:.1f} s of work are waiting, more than there is time for; try "
                        "again shortly",
                        status=429,
                    )
            self._admitted += count

    def release(self, count: int) -> None:
        """Give back the room of `count` images that are answered or given up."""
        with self._lock:
            self._admitted -= count

    def submit(self, images: Sequence[np.ndarray], deadline: float) -> list[Future[np.ndarray]]:
        """Queue preprocessed images, uint8 (height, width, 3); a future of its
        row of `Scorer.run`, float32 (D,), each.

        An image whose `deadline` (by `time.monotonic`) has passed, or whose future was canceled,
        never reaches the model.
        """
        now = time.monotonic()
        items = [_Item(pixels, now, deadline) for pixels in images]
        for item in items:
            self._queue.put(item)
        return [item.future for item in items]

    def between_passes(self, work: Work) -> None:
        """Have `work` done by the thread that runs the model, before a later pass."""
        self._queue.put(work)

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            ended = False
            if isinstance(first, _Item):
                batch, ended = self._gather(first)
                if batch:
                    self._answer(batch)
            else:
                self._to_do.append(first)
            self._work()
            if ended:
                return

    def _work(self) -> None:
        to_do, self._to_do = self._to_do, []
        for work in to_do:
            try:
                work()
            except Exception:
                # The model goes on as it was.
                _log.exception("what was to be done between two passes failed")

    def _gather(self, first: _Item) -> tuple[list[_Item], bool]:
        """What waits, up to one pass; and whether the end was among it."""
        batch: list[_Item] = []
        item: _Item | Work | None = first
        most = self._most_now(first)
        while True:
            if item is None:
                return batch, True
            if not isinstance(item, _Item):
                self._to_do.append(item)
                return batch, False
            if self._is_wanted(item):
                batch.append(item)
            if len(batch) >= most:
                return batch, False
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, False

    def _most_now(self, first: _Item) -> int:
        """Images of the next pass, so that it takes its share of time at most."""
        if not self._images_per_second:
            return self._scorer.batch_size
        allowed = (first.deadline - first.arrived) * _PASS_SHARE
        return max(1, min(int(allowed * self._images_per_second), self._scorer.batch_size))

    def _is_wanted(self, item: _Item) -> bool:
        if not item.future.set_running_or_notify_cancel():
            return False
        if time.monotonic() > item.deadline:
            item.future.set_exception(TimeoutError())
            return False
        return True

    def _answer(self, batch: list[_Item]) -> None:
        began = self.busy_since = time.monotonic()
        try:
            outputs = self._scorer.run(np.stack([item.pixels for item in batch]))
        except Exception as error:
            # Whatever the model raised is the answer of each of its images; the thread lives on.
            for item in batch:
                item.future.set_exception(error)
            return
        finally:
            self.busy_since = None
        rate = len(batch) / max(time.monotonic() - began, 1e-6)
        weight = _NEWEST if self._images_per_second else 1.0
        self._images_per_second += weight * (rate - self._images_per_second)
        self.images_run += len(batch)
        for item, row in zip(batch, outputs, strict=True):
            item.future.set_result(row)
