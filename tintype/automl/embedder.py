"""A backbone's features of images, computed once and kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from tintype.automl.backbone_speed import BackboneSpeed, measure_speed, seconds_a_pass
from tintype.automl.heads import ZeroShotWeights
from tintype.data.image_table import ImageTable
from tintype.errors import DataError, RunCancelled
from tintype.images.loading import iterate_pixels
from tintype.images.views import OTHER_VIEWS, as_seen
from tintype.models.weights import count_parameters, stored_tensors
from tintype.progress import track
from tintype.schemas.view import View
from tintype.settings import get_settings
from tintype.training.cached_backbone import WORTH_CONVERTING, CachedBackbone
from tintype.training.content_cache import ContentCache

__all__ = ["Embedder"]

_SHARD_ROWS = 512

# The prompt and the scale of the zero-shot classifier (Radford et al. 2021: the scale that CLIP learnt,
# clipped at 100).
_PROMPT, _ZERO_SHOT_SCALE = "a photo of a {}.", 100.0


class Embedder:
    """A backbone on its fastest engine, with the cache of its features."""

    def __init__(self, name: str, rows: int, cancelled: Callable[[], bool]) -> None:
        """
        Args:
            name: a checkpoint.
            rows: how many images will be embedded.
            cancelled: asked before every batch.

        Raises:
            RunCancelled: `cancelled` said so.
            CheckpointError: there is no such checkpoint, or it has no features.
        """
        self.name = name
        self._cancelled = cancelled
        self.check()
        self.started = time.monotonic()
        backbone = CachedBackbone.load(name, convert=rows >= WORTH_CONVERTING)
        self.checkpoint, self.pooling = backbone.checkpoint, backbone.pooling
        self._scorer = backbone.scorer
        views: tuple[View, ...] = ("whole", *OTHER_VIEWS)
        self._caches = {view: backbone.cache(view) for view in views}
        self._computed, self._passes, self._seconds = 0, 0, 0.0

    def check(self) -> None:
        """
        Raises:
            RunCancelled: the ranking was asked to stop.
        """
        if self._cancelled():
            raise RunCancelled(f"the ranking was asked to stop at {self.name}")

    @cached_property
    def parameters(self) -> int:
        """How many weights it has."""
        return count_parameters(stored_tensors(self.checkpoint.folder))

    def speed(self) -> BackboneSpeed:
        """Measured now; of reading images, by what was computed before."""
        images = max(1, self._computed)
        return measure_speed(
            self._scorer,
            self.checkpoint,
            self.parameters,
            image_seconds=self._seconds / images if self._computed else None,
            image_passes=self._passes / images,
        )

    @property
    def cached(self) -> bool:
        """Whether nothing had to be computed."""
        return not self._computed

    def zero_shot(self, classes: Sequence[str], features: np.ndarray) -> ZeroShotWeights | None:
        """What the backbone's text tower gives for `classes`, as a layer for raw `features` (n, D).

        Text and image meet in their directions alone (Radford et al. 2021); a layer for features as they
        are takes their mean length. None without a text tower.
        """
        if self.pooling != "projection" or not self._scorer.reads_text:
            return None
        texts = self._scorer.embed_texts([_PROMPT.format(name) for name in classes])
        directions = texts / np.maximum(np.linalg.norm(texts, axis=1, keepdims=True), 1e-12)
        length = float(np.linalg.norm(features, axis=1).mean())
        return ZeroShotWeights(
            (_ZERO_SHOT_SCALE / max(length, 1e-12) * directions).astype(np.float32)
        )

    def features(self, table: ImageTable, digests: Sequence[str]) -> np.ndarray:
        """float32 (rows, D) of `table`, computed where the cache lacks them.

        Raises:
            DataError: an image cannot be read.
            RunCancelled: see `check`.
        """
        self._embed(table, digests, ("whole",))
        return self._caches["whole"].gather(digests)

    def views(
        self, table: ImageTable, digests: Sequence[str], others: Sequence[View], *, spare: float
    ) -> dict[View, np.ndarray]:
        """float32 (rows, D) by view: `features` as the first, and those of `others`.

        Args:
            spare: seconds that the others may take; else there are none of them.
        """
        lacking = sum(digest not in self._caches[view] for view in others for digest in digests)
        # Where there is no time at all, the network is not timed either.
        if lacking and (spare <= 0 or lacking * self._pass_seconds > spare):
            return {"whole": self.features(table, digests)}
        views: tuple[View, ...] = ("whole", *others)
        self._embed(table, digests, views)
        return {view: self._caches[view].gather(digests) for view in views}

    @cached_property
    def _pass_seconds(self) -> float:
        """Of the network, an image; both tables of a ranking are planned by one timing."""
        return seconds_a_pass(self._scorer)

    def _embed(self, table: ImageTable, digests: Sequence[str], views: Sequence[View]) -> None:
        """Compute what the caches of `views` lack; `check` may end it at any batch."""
        caches = [self._caches[view] for view in views]
        missing = [
            row
            for row, digest in enumerate(digests)
            if any(digest not in cache for cache in caches)
        ]
        if not missing:
            return
        begun = time.monotonic()
        keep = _Keeper(caches)
        batches = iterate_pixels(
            [table.location(row) for row in missing],
            self._scorer.preprocessor,
            batch_size=self._scorer.batch_size,
            threads=get_settings().cpu_threads,
            exact=False,
        )
        total = -(-len(missing) // self._scorer.batch_size)
        for batch in track(batches, f"embedding with {self.name}", total):
            self.check()
            if batch.failures:
                place, error = batch.failures[0]
                file, line = table.origin(missing[place])
                raise DataError(f"{table.location(missing[place])}: {error}", file=file, line=line)
            outputs = [self._scorer.run(as_seen(batch.pixels, view)) for view in views]
            keep.add([digests[missing[place]] for place in batch.rows.tolist()], outputs)
        keep.write()
        self._computed += len(missing)
        self._passes += len(missing) * len(caches)
        self._seconds += time.monotonic() - begun


class _Keeper:
    """Rows on their way into caches, of which each is given its own view."""

    def __init__(self, caches: Sequence[ContentCache]) -> None:
        self._caches = caches
        self._keys: list[str] = []
        self._rows: list[list[np.ndarray]] = [[] for _ in caches]

    def add(self, keys: Sequence[str], outputs: Sequence[np.ndarray]) -> None:
        self._keys.extend(keys)
        for rows, output in zip(self._rows, outputs, strict=True):
            rows.append(output)
        if len(self._keys) >= _SHARD_ROWS:
            self.write()

    def write(self) -> None:
        """What has come since the last time."""
        if self._keys:
            for cache, rows in zip(self._caches, self._rows, strict=True):
                cache.add(self._keys, np.concatenate(rows))
                rows.clear()
            self._keys.clear()
