"""What an instance records of its requests: drawn here, and handed by a thread to the collector's process.

No request waits for it. An instance spends on a sample what its bytes take to go through a socket, and nothing under
the interpreter's lock on thumbnails, digests or Parquet. Where requests come faster than they are written, samples
are dropped, and counted.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import queue
import random
import threading
import time
from collections.abc import Iterator, Sequence

from tintype.endpoints.online.collecting.collector_link import CollectorLink, CollectorLost
from tintype.endpoints.online.collecting.sample import Sample
from tintype.schemas.data_collector import DataCollector

__all__ = ["Collecting"]

_log = logging.getLogger("tintype")

# Waiting to be handed over at most: requests, and bytes of their pictures.
_MOST_SAMPLES, _MOST_BYTES = 512, 64 * 1024 * 1024

# What comes within so many seconds is handed over together: each time the thread wakes it takes the interpreter's
# lock from those who answer.
_GATHER_SECONDS = 0.1

# So often it looks, without requests, what was written.
_LOOK_SECONDS = 1.0

# A process that has ended, or cannot be started, is tried again after so many seconds.
_AGAIN_SECONDS = 5.0

# A full disk is not told of with every sample.
_TELL_SECONDS = 10.0

# From the end of an instance until what it handed over is written; then it counts as dropped.
_CLOSE_SECONDS = 8.0


class Collecting:
    """Records requests of one deployment."""

    def __init__(self, collector: DataCollector, endpoint: str, deployment: str) -> None:
        self._inputs_rate, self._outputs_rate = collector.inputs_rate, collector.outputs_rate
        self._embedding = collector.embedding
        self._link = CollectorLink(endpoint, deployment, collector)
        self._waiting: queue.SimpleQueue[Sample | None] = queue.SimpleQueue()
        self._samples = self._bytes = 0
        self._count = threading.Lock()
        self._dropped = self._told = 0
        self._again_at = self._next_tell = 0.0
        self._thread = threading.Thread(target=self._hand_over_all, name="collecting", daemon=True)
        self._thread.start()

    @property
    def recorded(self) -> int:
        """Samples that have been written."""
        return self._link.recorded

    @property
    def dropped(self) -> int:
        """Samples that there was no room for, on the way or on the disk, or whose writer died."""
        return self._dropped + self._link.dropped

    def sample(self, request_id: str) -> Sample | None:
        """Draw whether a request is recorded: None where nothing of it is."""
        # One draw for both, so that with equal rates a picture has its answer.
        drawn = random.random()
        inputs, outputs = drawn < self._inputs_rate, drawn < self._outputs_rate
        if not inputs and not outputs:
            return None
        return Sample(
            request_id,
            pictures={} if inputs else None,
            predictions={} if outputs else None,
            embeddings={} if outputs and self._embedding else None,
        )

    def record(self, sample: Sample, rows: Sequence[int]) -> None:
        """Take a sample whose request was answered; returns at once.

        Args:
            rows: places of the images in the request, those that could be read.
        """
        sample.rows = rows
        sample.latency_ms = (time.monotonic() - sample.began) * 1000
        sample.answered = datetime.datetime.now(datetime.UTC)
        size = sample.bytes
        with self._count:
            if self._samples >= _MOST_SAMPLES or self._bytes + size > _MOST_BYTES:
                self._dropped += 1
                return
            self._samples += 1
            self._bytes += size
        self._waiting.put(sample)

    def close(self) -> None:
        """Have what was taken written, as far as that takes few seconds. What comes later is not recorded."""
        self._waiting.put(None)
        self._thread.join()

    def _hand_over_all(self) -> None:
        with self._told_when_lost():
            # Before the first request, which would share the processors with its start.
            self._link.open()
        while True:
            sample: Sample | None = None
            ended = False
            with contextlib.suppress(queue.Empty):
                sample = self._waiting.get(timeout=_LOOK_SECONDS)
                ended = sample is None
            if sample is not None:
                self._hand_over(sample)
                time.sleep(_GATHER_SECONDS)
                ended = self._hand_over_waiting()
            with self._told_when_lost():
                self._link.look()
            if ended:
                with self._told_when_lost():
                    self._link.finish(_CLOSE_SECONDS)
                self._tell()
                return
            if time.monotonic() >= self._next_tell:
                self._tell()

    def _hand_over_waiting(self) -> bool:
        """Whether the end was among it."""
        with contextlib.suppress(queue.Empty):
            while True:
                sample = self._waiting.get_nowait()
                if sample is None:
                    return True
                self._hand_over(sample)
        return False

    def _hand_over(self, sample: Sample) -> None:
        try:
            with self._told_when_lost():
                if self._link.is_open or time.monotonic() >= self._again_at:
                    self._link.send(sample)
                    return
            self._dropped += 1
        finally:
            size = sample.bytes
            with self._count:
                self._samples -= 1
                self._bytes -= size

    @contextlib.contextmanager
    def _told_when_lost(self) -> Iterator[None]:
        try:
            yield
        except CollectorLost as error:
            self._again_at = time.monotonic() + _AGAIN_SECONDS
            _log.warning("data_collector: %s; requests are answered all the same", error)

    def _tell(self) -> None:
        self._next_tell = time.monotonic() + _TELL_SECONDS
        fault = self._link.new_fault()
        if fault is not None:
            _log.warning("data_collector: %s", fault)
        dropped = self.dropped
        if dropped > self._told:
            _log.warning("data_collector: %d samples were dropped", dropped - self._told)
            self._told = dropped
