"""What an instance records of its requests, in a thread of its own: no request waits for it.

Where requests come faster than the disk takes them, samples are dropped, and counted.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import logging
import queue
import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from tintype.errors import ImageError, OutputError
from tintype.images.shown_pictures import small_jpeg
from tintype.schemas.data_collector import DataCollector
from tintype.scoring.results import Prediction
from tintype.workspace.collected import (
    CollectedRow,
    collected_folder,
    prune,
    write_picture,
    write_rows,
)

__all__ = ["Collecting", "Sample"]

_log = logging.getLogger("tintype")

# Waiting for the disk at most: requests, and bytes of their pictures.
_MOST_SAMPLES, _MOST_BYTES = 512, 64 * 1024 * 1024

# A file of rows is written after so many seconds, or so many rows.
_WRITE_SECONDS, _WRITE_ROWS = 30.0, 2_000

# What is too old or too much is looked for so often.
_PRUNE_SECONDS = 600.0

# Pixels a side of a picture that is kept small.
_THUMBNAIL_SIDE = 512


@dataclass
class Sample:
    """One request that is recorded; filled while it is answered."""

    request_id: str
    began: float
    """time.monotonic()."""
    pictures: dict[int, bytes] | None
    """Encoded, by row; None: they are not recorded."""
    predictions: Mapping[int, Prediction] | None
    """By row, where there are any; None: they are not recorded."""
    rows: Sequence[int] = ()
    """Those that were answered."""
    latency_ms: float = 0.0
    answered: datetime.datetime | None = None

    @property
    def bytes(self) -> int:
        """Of its pictures."""
        return sum(map(len, (self.pictures or {}).values()))


class Collecting:
    """Records requests of one deployment."""

    def __init__(self, collector: DataCollector, endpoint: str, deployment: str) -> None:
        self._collector, self._endpoint, self._deployment = collector, endpoint, deployment
        self._folder = collected_folder(endpoint, deployment)
        self._waiting: queue.SimpleQueue[Sample | None] = queue.SimpleQueue()
        self._samples = self._bytes = 0
        self._count = threading.Lock()
        self.dropped = 0
        """Samples that there was no room for, on the way or on the disk."""
        self._told = 0
        self._files = 0
        self._next_prune = 0.0
        self._thread = threading.Thread(target=self._write_all, name="collecting", daemon=True)
        self._thread.start()

    def sample(self, request_id: str) -> Sample | None:
        """Draw whether a request is recorded: None where nothing of it is."""
        # One draw for both, so that with equal rates a picture has its answer.
        drawn = random.random()
        pictures: dict[int, bytes] | None = {} if drawn < self._collector.inputs_rate else None
        answers: dict[int, Prediction] | None = {} if drawn < self._collector.outputs_rate else None
        if pictures is None and answers is None:
            return None
        return Sample(request_id, time.monotonic(), pictures, answers)

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
                self.dropped += 1
                return
            self._samples += 1
            self._bytes += size
        self._waiting.put(sample)

    def close(self) -> None:
        """Write what has been taken."""
        self._waiting.put(None)
        self._thread.join()

    def _write_all(self) -> None:
        rows: list[CollectedRow] = []
        next_write = time.monotonic() + _WRITE_SECONDS
        while True:
            sample: Sample | None = None
            ended = False
            with contextlib.suppress(queue.Empty):
                sample = self._waiting.get(timeout=max(0.0, next_write - time.monotonic()))
                ended = sample is None
            if sample is not None:
                size = sample.bytes
                try:
                    rows += self._rows_of(sample)
                except OutputError as error:
                    self._lose(1, error)
                with self._count:
                    self._samples -= 1
                    self._bytes -= size
            if ended or len(rows) >= _WRITE_ROWS or time.monotonic() >= next_write:
                self._write(rows)
                rows = []
                next_write = time.monotonic() + _WRITE_SECONDS
            if ended:
                return

    def _rows_of(self, sample: Sample) -> list[CollectedRow]:
        assert sample.answered is not None
        pictures, predictions = sample.pictures or {}, sample.predictions or {}
        rows = []
        for row in sample.rows:
            kept: dict[str, Any] = {}
            if row in pictures:
                kept["picture"] = self._kept(pictures[row])
            prediction = predictions.get(row)
            if prediction is not None:
                ((label, score),) = prediction.top(1)
                kept |= {"label": label, "score": score, "labels": prediction.labels}
                kept["probabilities"] = prediction.probs
            rows.append(
                CollectedRow(
                    time=sample.answered,
                    request_id=sample.request_id,
                    row=row,
                    endpoint=self._endpoint,
                    deployment=self._deployment,
                    latency_ms=sample.latency_ms,
                    **kept,
                )
            )
        return rows

    def _kept(self, content: bytes) -> str | None:
        try:
            if self._collector.picture == "thumbnail":
                return write_picture(self._folder, small_jpeg(content, _THUMBNAIL_SIDE), ".jpg")
            with Image.open(io.BytesIO(content)) as image:
                kind = image.format or "image"
        except (ImageError, OSError, ValueError, Image.DecompressionBombError):
            return None
        extension = ".jpg" if kind == "JPEG" else f".{kind.lower()}"
        return write_picture(self._folder, content, extension)

    def _write(self, rows: Sequence[CollectedRow]) -> None:
        if rows:
            self._files += 1
            try:
                write_rows(self._folder, rows, self._files)
            except OutputError as error:
                self._lose(len({row.request_id for row in rows}), error)
        if time.monotonic() >= self._next_prune:
            self._next_prune = time.monotonic() + _PRUNE_SECONDS
            collector = self._collector
            with contextlib.suppress(OSError):
                prune(self._folder, days=collector.keep_days, most_bytes=collector.keep_bytes)
        if self.dropped > self._told:
            _log.warning("data_collector: %d samples were dropped", self.dropped - self._told)
            self._told = self.dropped

    def _lose(self, samples: int, error: OutputError) -> None:
        if self.dropped == self._told:
            _log.warning("data_collector: %s", error)
        self.dropped += samples
