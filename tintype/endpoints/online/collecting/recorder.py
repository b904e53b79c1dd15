"""Samples of one deployment become files: pictures at once, rows every half minute, and what is too old goes."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image

from tintype.endpoints.online.collecting.sample import Sample
from tintype.errors import ImageError, OutputError
from tintype.images.shown_pictures import COLLECTED_SIDE, small_jpeg
from tintype.workspace.collected import CollectedRow, collected_folder, write_picture
from tintype.workspace.collected_retention import prune
from tintype.workspace.collected_rows import RollingRows

__all__ = ["Keeping", "Recorder", "Settle"]

Settle = Callable[[int, int, str | None], None]
"""Called with how many samples were written and how many dropped, and what went wrong."""

# Rows are written after so many seconds, or so many rows, or bytes of their numbers.
_WRITE_SECONDS, _WRITE_ROWS, _WRITE_BYTES = 30.0, 2_000, 32 * 1024 * 1024

# What is too old or too much is looked for so often, and whenever so much of what may be kept has come since.
_PRUNE_SECONDS, _PRUNE_SHARE = 600.0, 0.1


@dataclass(frozen=True)
class Keeping:
    """See `DataCollector.keeping`."""

    picture: str
    period: str
    keep_days: float
    keep_bytes: int


class Recorder:
    """Keeps the files of one deployment."""

    def __init__(self, endpoint: str, deployment: str, keeping: Keeping) -> None:
        self._endpoint, self._deployment = endpoint, deployment
        self._folder = collected_folder(endpoint, deployment)
        self.keeping = keeping
        """Of the newest instance."""
        self._file = RollingRows(self._folder)
        self._rows: list[CollectedRow] = []
        self._bytes = 0
        self._unsettled: list[Settle] = []
        self._next_write = 0.0
        self._next_prune = 0.0
        self._since_prune = 0

    def take(self, sample: Sample, settle: Settle) -> None:
        """Keep one sample's pictures now, and its rows when they are next written.

        Args:
            settle: called once, when it is written or dropped.
        """
        try:
            rows = self._rows_of(sample)
        except OutputError as error:
            settle(0, 1, str(error))
            return
        if not self._rows:
            self._next_write = time.monotonic() + _WRITE_SECONDS
        self._rows += rows
        self._bytes += sum(_numbers(row) for row in rows)
        self._unsettled.append(settle)
        if len(self._rows) >= _WRITE_ROWS or self._bytes >= _WRITE_BYTES:
            self.write()

    def write_due(self) -> None:
        """Write rows that have waited long enough, and delete what is too old or too much."""
        if self._rows and time.monotonic() >= self._next_write:
            self.write()
        too_much = self._since_prune > _PRUNE_SHARE * self.keeping.keep_bytes
        if too_much or time.monotonic() >= self._next_prune:
            self._next_prune = time.monotonic() + _PRUNE_SECONDS
            self._since_prune = 0
            with contextlib.suppress(OSError):
                prune(self._folder, days=self.keeping.keep_days, most_bytes=self.keeping.keep_bytes)

    def write(self) -> None:
        """Write the rows that wait."""
        rows, unsettled = self._rows, self._unsettled
        self._rows, self._unsettled, self._bytes = [], [], 0
        if not unsettled:
            return
        fault = None
        try:
            self._since_prune += self._file.add(rows, self.keeping.period)
        except OutputError as error:
            fault = str(error)
        for settle in unsettled:
            settle(fault is None, fault is not None, fault)

    def _rows_of(self, sample: Sample) -> list[CollectedRow]:
        assert sample.answered is not None
        pictures, predictions = sample.pictures or {}, sample.predictions or {}
        embeddings = sample.embeddings or {}
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
                    embedding=embeddings.get(row),
                    **kept,
                )
            )
        return rows

    def _kept(self, content: bytes) -> str | None:
        """Where a picture lies; None for one that is none."""
        try:
            if self.keeping.picture == "thumbnail":
                return self._written(small_jpeg(content, COLLECTED_SIDE), ".jpg")
            with Image.open(io.BytesIO(content)) as image:
                kind = image.format or "image"
        except (ImageError, OSError, ValueError, Image.DecompressionBombError):
            return None
        return self._written(content, ".jpg" if kind == "JPEG" else f".{kind.lower()}")

    def _written(self, content: bytes, extension: str) -> str:
        self._since_prune += len(content)
        return write_picture(self._folder, content, extension)


def _numbers(row: CollectedRow) -> int:
    """Bytes of a row's lists."""
    lists = (row.probabilities, row.embedding)
    return sum(4 * len(numbers) for numbers in lists if numbers is not None)
