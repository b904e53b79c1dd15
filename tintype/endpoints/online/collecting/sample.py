"""One request that is recorded, and how it goes from an instance to the collector's process: as a frame."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tintype.scoring.results import Prediction

__all__ = ["Sample", "sample_of", "sample_parts"]


@dataclass
class Sample:
    """One request that is recorded; filled while it is answered. Rows are places of images in the request."""

    request_id: str
    began: float = field(default_factory=time.monotonic)
    """time.monotonic()."""
    pictures: dict[int, bytes] | None = None
    """Encoded, by row; None: they are not recorded."""
    predictions: Mapping[int, Prediction] | None = None
    """By row, where there are any; None: they are not recorded."""
    embeddings: Mapping[int, np.ndarray] | None = None
    """float32 (D,) by row; None: they are not recorded."""
    rows: Sequence[int] = ()
    """Those that were answered."""
    latency_ms: float = 0.0
    answered: datetime.datetime | None = None

    @property
    def bytes(self) -> int:
        """Of its pictures."""
        return sum(map(len, (self.pictures or {}).values()))

    @property
    def labels(self) -> tuple[str, ...] | None:
        """Of its predictions, which have the same in all rows; None without any."""
        for prediction in (self.predictions or {}).values():
            return prediction.labels
        return None


def sample_parts(sample: Sample) -> tuple[dict[str, Any], list[bytes]]:
    """Header and body of a sample's frame. Labels are sent by themselves: a thousand names, nearly always the same."""
    pictures, predictions = sample.pictures or {}, sample.predictions or {}
    embeddings = sample.embeddings or {}
    assert sample.answered is not None
    rows, body = [], []
    for row in sample.rows:
        parts = [
            pictures.get(row),
            predictions[row].probs.astype(np.float32).tobytes() if row in predictions else None,
            embeddings[row].astype(np.float32).tobytes() if row in embeddings else None,
        ]
        rows.append((row, *(None if part is None else len(part) for part in parts)))
        body += [part for part in parts if part is not None]
    header = {
        "kind": "sample",
        "request_id": sample.request_id,
        "answered": sample.answered.timestamp(),
        "latency_ms": sample.latency_ms,
        "rows": rows,
    }
    return header, body


def sample_of(header: Mapping[str, Any], body: bytes, labels: tuple[str, ...]) -> Sample:
    """The sample that `sample_parts` took apart.

    Args:
        labels: of its predictions.
    """
    pictures: dict[int, bytes] = {}
    predictions: dict[int, Prediction] = {}
    embeddings: dict[int, np.ndarray] = {}
    view, start = memoryview(body), 0
    for row, *lengths in header["rows"]:
        parts: list[memoryview | None] = []
        for length in lengths:
            parts.append(None if length is None else view[start : start + length])
            start += length or 0
        picture, probs, embedding = parts
        if picture is not None:
            pictures[row] = bytes(picture)
        if probs is not None:
            predictions[row] = Prediction(np.frombuffer(probs, np.float32), labels)
        if embedding is not None:
            embeddings[row] = np.frombuffer(embedding, np.float32)
    return Sample(
        header["request_id"],
        pictures=pictures,
        predictions=predictions,
        embeddings=embeddings,
        rows=[row for row, *_ in header["rows"]],
        latency_ms=header["latency_ms"],
        answered=datetime.datetime.fromtimestamp(header["answered"], datetime.UTC),
    )
