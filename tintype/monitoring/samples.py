"""What is known of the pictures on one side, a baseline or a window: the same numbers, made in the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tintype.data.digests import content_digest
from tintype.errors import RunCancelled
from tintype.images.fingerprints import grey_of
from tintype.monitoring.image_statistics import STATISTICS, statistics_of_many
from tintype.progress import track
from tintype.training.cached_backbone import WORTH_CONVERTING, CachedBackbone

__all__ = ["GREY_BYTES", "Answers", "Sample", "look_at"]

# Pictures that are looked at before somebody is asked whether to go on.
_PART = 64

GREY_BYTES = len(grey_of(np.zeros((1, 1, 3), np.uint8)))
"""Bytes of what a fingerprint is made of."""

UNKNOWN = -1
"""In place of a class, or of whether an answer is right."""


@dataclass(frozen=True)
class Answers:
    """Of each row the model's answer, and whether it is known to be right."""

    classes: tuple[str, ...]
    """Labels by their codes."""
    codes: np.ndarray
    """int64 (n,): the likeliest label; -1 where there is no answer."""
    confidences: np.ndarray
    """float64 (n,): its score; NaN where there is none."""
    right: np.ndarray
    """int64 (n,): 1 where that is a label of the picture, 0 where not, -1 where labels are not known."""

    def take(self, rows: np.ndarray) -> Answers:
        """Those of `rows`."""
        return replace(
            self,
            codes=self.codes[rows],
            confidences=self.confidences[rows],
            right=self.right[rows],
        )

    @property
    def answered(self) -> np.ndarray:
        """bool (n,)."""
        return np.asarray(self.codes >= 0)

    def counts(self) -> np.ndarray:
        """int64 (classes,): answers of each class."""
        return np.bincount(self.codes[self.answered], minlength=len(self.classes))


@dataclass(frozen=True)
class Sample:
    """Rows of one side."""

    locations: tuple[str, ...]
    """Where each picture lies; "" where none was kept."""
    answers: Answers
    statistics: np.ndarray
    """float64 (n, 6), as `STATISTICS`; NaN where there is no picture, or it cannot be read."""
    greys: np.ndarray
    """uint8 (n, 1024): what fingerprints are made of; zeros likewise."""
    embeddings: np.ndarray
    """float32 (n, D), of length 1; NaN likewise. D is 0 where embeddings are not compared."""

    def __len__(self) -> int:
        return len(self.locations)

    @property
    def seen(self) -> np.ndarray:
        """bool (n,): rows whose picture could be read."""
        return ~np.isnan(self.statistics[:, 0])

    def take(self, rows: np.ndarray) -> Sample:
        """The sample of `rows`, int64 (k,)."""
        return Sample(
            tuple(self.locations[row] for row in rows),
            self.answers.take(rows),
            self.statistics[rows],
            self.greys[rows],
            self.embeddings[rows],
        )


def look_at(
    locations: Sequence[str],
    answers: Answers,
    embedding_model: str | None,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Sample:
    """Read pictures and compute what is compared of them; embeddings are kept by content for everything that wants them.

    Args:
        locations: "" where no picture was kept.
        embedding_model: None: embeddings are not compared.

    Raises:
        CheckpointError: the embedding model cannot be loaded, or has no features.
        OutputError: the cache cannot be written.
        RunCancelled: `cancelled` said so.
    """
    there = np.flatnonzero([bool(location) for location in locations])
    count = len(locations)
    statistics = np.full((count, len(STATISTICS)), np.nan)
    greys = np.zeros((count, GREY_BYTES), np.uint8)
    backbone = None
    if embedding_model is not None and len(there):
        backbone = CachedBackbone.load(embedding_model, convert=len(there) >= WORTH_CONVERTING)
    digests: dict[int, str] = {}
    parts = [there[start : start + _PART] for start in range(0, len(there), _PART)]
    for part in track(iter(parts), "looking at pictures", len(parts)):
        if cancelled():
            raise RunCancelled("the monitor was asked to stop")
        places = [locations[row] for row in part]
        for row, found in zip(part, statistics_of_many(places), strict=True):
            if found is not None:
                statistics[row] = found.values
                greys[row] = np.frombuffer(found.grey, np.uint8)
        if backbone is not None:
            readable = [int(row) for row in part if not np.isnan(statistics[row, 0])]
            digests |= {row: content_digest(locations[row]) for row in readable}
            wanted = {digests[row]: locations[row] for row in readable}
            backbone.keep(backbone.embed_missing(wanted))
    embeddings = np.zeros((count, 0), np.float32)
    if backbone is not None:
        embeddings = _embeddings(backbone, digests, count)
        # Deleted since, or too hard for the model's own decoding: without an embedding, it was not seen.
        statistics[np.isnan(embeddings[:, 0])] = np.nan
    return Sample(tuple(locations), answers, statistics, greys, embeddings)


def _embeddings(backbone: CachedBackbone, digests: dict[int, str], count: int) -> np.ndarray:
    """float32 (count, D), rows of length 1; NaN where there are none."""
    rows = [row for row, digest in digests.items() if digest in backbone.features]
    if not rows:
        return np.full((count, 1), np.nan, np.float32)
    features = np.asarray(backbone.features.gather([digests[row] for row in rows]), np.float32)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    found = np.full((count, features.shape[1]), np.nan, np.float32)
    found[rows] = features / np.maximum(lengths, 1e-12)
    return found
