"""Features of a project's pictures: computed once in the background, kept by content."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
from sqlalchemy import select

from tintype.data.digests import content_digest
from tintype.errors import ImageError, ImageReadError
from tintype.labelling.assistance.unit_rows import unit_rows
from tintype.labelling.database import Database
from tintype.labelling.picture_files import note_contents
from tintype.labelling.projects import Project
from tintype.labelling.tables import PictureRow
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.features import pooling_for
from tintype.schemas.scorer_options import ScorerOptions
from tintype.scoring.results import Embedding
from tintype.scoring.scorer import Scorer
from tintype.settings import get_settings
from tintype.training.feature_cache import feature_cache

__all__ = ["Features", "Note", "PictureFeatures"]

_PART = 256

# Converting a model for the fastest engine pays from about so many pictures.
_WORTH_CONVERTING = 1_000

# Radford et al. 2021: the scale that CLIP learnt, clipped at 100, and its first prompt.
_SCALE, _PROMPT = 100.0, "a photo of a {}."


Note = Callable[[Mapping[int, str], Collection[int]], None]
"""Of pictures: digests of their contents, and those that cannot be read."""


class Features(Protocol):
    """What an assistant needs of features."""

    def ready(self) -> int:
        """How many pictures have features; counts up."""

    def has(self, picture: int) -> bool:
        """Whether a picture has."""

    def compute(self, stop: threading.Event, tell: Callable[[], None] = lambda: None) -> None:
        """Compute what is missing, until `stop`; `tell` is called whenever some more are there."""

    def replaced(self) -> int:
        """How often a picture that had features was changed, and lost them."""

    def gather(self, pictures: Sequence[int]) -> np.ndarray:
        """float32 (n, D) of pictures that have."""

    def zero_shot(self, names: Sequence[str], features: np.ndarray) -> np.ndarray | None:
        """float32 (n, names): probabilities by the labels' names alone; None without a text tower."""


class PictureFeatures:
    """Features of one project by its model, or by its zero-shot model, which can do both."""

    def __init__(self, database: Database, project: Project, note: Note | None = None) -> None:
        """Nothing is loaded yet: `compute` does that.

        Args:
            note: writes what is found of files, as `note_contents` does; None: it is done here.
        """
        self._database, self._project = database, project
        self._note = note or self._note_here
        self._digests: dict[int, str] = {}
        self._replaced = 0
        self._lock = threading.Lock()
        self._named: dict[tuple[str, ...], np.ndarray] = {}
        self._scorer: Scorer | None = None

    def ready(self) -> int:
        """See `Features`."""
        return len(self._digests)

    def has(self, picture: int) -> bool:
        """See `Features`."""
        return picture in self._digests

    def replaced(self) -> int:
        """See `Features`."""
        return self._replaced

    def gather(self, pictures: Sequence[int]) -> np.ndarray:
        """See `Features`."""
        if not pictures:
            # There is no cache before the model is loaded.
            return np.empty((0, 0), np.float32)
        with self._lock:
            return np.asarray(
                self._cache.gather([self._digests[number] for number in pictures]), np.float32
            )

    def zero_shot(self, names: Sequence[str], features: np.ndarray) -> np.ndarray | None:
        """See `Features`. Of labels in levels, the last one is said."""
        scorer = self._scorer
        if scorer is None or self._project.zero_shot_model is None or not scorer.reads_text:
            return None
        key = tuple(names)
        if key not in self._named:
            prompts = [_PROMPT.format(name.rsplit("/", 1)[-1]) for name in names]
            texts = scorer.embed_texts(prompts)
            self._named = {key: unit_rows(texts)}
        logits = _SCALE * unit_rows(features) @ self._named[key].T
        powers = np.exp(logits - logits.max(1, keepdims=True))
        return np.asarray(powers / powers.sum(1, keepdims=True), np.float32)

    def compute(self, stop: threading.Event, tell: Callable[[], None] = lambda: None) -> None:
        """Compute what is missing, in random order, so that the first ones are a fair sample.

        Ends early where `stop` is set; what was computed is kept. `tell` is called after each part.

        Raises:
            CheckpointError, UsageError: the model cannot be loaded.
            OutputError: the cache cannot be written.
        """
        rows = self._pictures()
        for number, _, digest in rows:
            # Changed since it was computed, or new.
            if digest is None and self._digests.pop(number, None) is not None:
                self._replaced += 1
        if self._scorer is None:
            self._load(len(rows))
        for start in range(0, len(rows), _PART):
            if stop.is_set():
                return
            part = [row for row in rows[start : start + _PART] if row[0] not in self._digests]
            if part:
                self._compute(part)
                tell()

    def _load(self, pictures: int) -> None:
        name = self._project.zero_shot_model or self._project.model
        checkpoint = resolve_checkpoint(name)
        pooling = pooling_for(checkpoint)
        options = ScorerOptions(
            task="embeddings",
            pooling=pooling,
            runtime="auto" if pictures >= _WORTH_CONVERTING else "torch",
            precision="auto",
            exact=False,
        )
        source = name if checkpoint.from_scratch else checkpoint.folder
        scorer = Scorer.load(source, options)
        self._cache = feature_cache(checkpoint, pooling, scorer)
        self._scorer = scorer

    def _pictures(self) -> list[tuple[int, str, str | None]]:
        """Id, location and digest of every picture whose file is there."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(PictureRow.id, PictureRow.location, PictureRow.digest, PictureRow.fault)
                .where(PictureRow.project_id == self._project.id)
                .order_by(PictureRow.draw)
            )
            return [
                (number, location, digest)
                for number, location, digest, fault in rows
                if fault in (None, "changed")
            ]

    def _compute(self, part: Sequence[tuple[int, str, str | None]]) -> None:
        assert self._scorer is not None
        fresh = [row for row in part if row[2] is None]
        with ThreadPoolExecutor(get_settings().cpu_threads) as pool:
            found = list(pool.map(content_digest, [location for _, location, _ in fresh]))
        digests = {number: digest for number, _, digest in part if digest is not None}
        digests |= {row[0]: digest for row, digest in zip(fresh, found, strict=True)}
        wanted = {
            digests[number]: location
            for number, location, _ in part
            if digests[number] not in self._cache
        }
        results = list(self._scorer.stream(list(wanted.values())))
        good = [
            (digest, result.features)
            for digest, result in zip(wanted, results, strict=True)
            if isinstance(result, Embedding)
        ]
        with self._lock:
            if good:
                self._cache.add([digest for digest, _ in good], np.stack([row for _, row in good]))
            readable = {number for number in digests if digests[number] in self._cache}
            self._digests |= {number: digests[number] for number in readable}
        # What could not be fetched or read just now may be another time.
        broken = {
            digest
            for digest, result in zip(wanted, results, strict=True)
            if isinstance(result, ImageError) and not isinstance(result, ImageReadError)
        }
        unreadable = [number for number in digests if digests[number] in broken]
        if fresh or unreadable:
            self._note({row[0]: digests[row[0]] for row in fresh}, unreadable)

    def _note_here(self, digests: Mapping[int, str], unreadable: Collection[int]) -> None:
        with self._database.writing() as connection:
            note_contents(connection, digests, unreadable)
