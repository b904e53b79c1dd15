"""What the training loop feeds to a model: pixels decoded once, or features computed once.

Both are kept by the digest of the image's bytes, so another split, another trial or another head
over the same pictures pays nothing again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import torch

from tintype.data.image_table import ImageTable
from tintype.errors import DataError
from tintype.images.loading import iterate_pixels, load_pixels
from tintype.images.preprocess import Preprocessor
from tintype.progress import track
from tintype.settings import Settings, get_settings
from tintype.training.augmentation import Augmenter, Step
from tintype.training.content_cache import ContentCache

__all__ = ["FeatureInputs", "Inputs", "PixelInputs", "preprocessing_digest"]

# Rows decoded or embedded between two writes to a cache: what a kill can cost.
_SHARD_ROWS = 1024


class Inputs(Protocol):
    """Rows of model input, gathered on the host and finished on the device."""

    computes: bool
    """Whether gathering runs layers on the device that trains: beside the model it would only be in the
    way."""

    def gather(self, rows: np.ndarray, epoch: int = 0) -> torch.Tensor:
        """The stored arrays of `rows` (int64), stacked, on the CPU. Called from a thread.

        `epoch` counts from 0; it matters where there are several views of an image.
        """

    def finish(self, batch: torch.Tensor, *, step: Step | None) -> torch.Tensor:
        """`batch`, already on the device, as the model takes it.

        `step` seeds augmentation; None means evaluation, without any.
        """


class PixelInputs:
    """Preprocessed pixels: uint8 (height, width, 3) a row, from a cache or decoded each time."""

    computes = False

    def __init__(
        self,
        table: ImageTable,
        digests: Sequence[str],
        preprocessor: Preprocessor,
        *,
        settings: Settings,
        augmenter: Augmenter | None,
    ) -> None:
        """Decode every image that is not in the cache yet; the first pass over new data.

        When the table's pixels exceed `settings.cache_bytes` nothing is kept and each gather
        decodes its rows.

        Raises:
            DataError: an image cannot be read; names its file and line.
        """
        self._table = table
        self._preprocessor = preprocessor
        self._augmenter = augmenter
        self._threads = settings.cpu_threads
        self._digests = digests
        height, width = preprocessor.input_size
        self._cache: ContentCache | None = None
        if len(table) * height * width * 3 <= settings.cache_bytes:
            name = preprocessing_digest(preprocessor)
            self._cache = ContentCache(settings.home / "cache" / "pixels" / name)
            self._fill(self._cache)

    def gather(self, rows: np.ndarray, epoch: int = 0) -> torch.Tensor:
        """Pixels of `rows`: uint8 (n, height, width, 3)."""
        if self._cache is not None:
            return torch.from_numpy(self._cache.gather([self._digests[row] for row in rows]))
        pixels, failures = load_pixels(
            self._table, rows, self._preprocessor, threads=self._threads, exact=False
        )
        _raise_first(self._table, failures)
        return torch.from_numpy(pixels)

    def finish(self, batch: torch.Tensor, *, step: Step | None) -> torch.Tensor:
        """Augment (when training) and normalise: float32 (n, 3, height, width)."""
        if step is not None and self._augmenter is not None:
            batch = self._augmenter(batch, step=step)
        return self._preprocessor.normalize(batch)

    def _fill(self, cache: ContentCache) -> None:
        missing = [row for row, digest in enumerate(self._digests) if digest not in cache]
        for part in track(_parts(missing), "decoding images", -(-len(missing) // _SHARD_ROWS)):
            pixels, failures = load_pixels(
                self._table, part, self._preprocessor, threads=self._threads, exact=True
            )
            _raise_first(self._table, failures)
            cache.add([self._digests[row] for row in part], pixels)


class FeatureInputs:
    """What the backbone gives the head: float32 (D,) a row, computed once and cached."""

    computes = False

    def __init__(
        self,
        table: ImageTable,
        digests: Sequence[str],
        preprocessor: Preprocessor,
        backbone: Callable[[torch.Tensor], torch.Tensor],
        *,
        backbone_digest: str,
        settings: Settings,
        device: torch.device,
        precision: torch.dtype,
        batch_size: int = 32,
    ) -> None:
        """Run `backbone` (pixel_values -> (n, D)) over every image that is not in the cache yet.

        Raises:
            DataError: an image cannot be read; names its file and line.
        """
        key = f"{backbone_digest}-{preprocessing_digest(preprocessor)}-{precision}"
        name = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
        self._cache = ContentCache(settings.home / "cache" / "features" / name)
        self._digests = digests
        missing = [row for row, digest in enumerate(digests) if digest not in self._cache]
        for part in track(_parts(missing), "computing features", -(-len(missing) // _SHARD_ROWS)):
            rows: list[np.ndarray] = []
            locations = [table.location(row) for row in part]
            for batch in iterate_pixels(
                locations,
                preprocessor,
                batch_size=batch_size,
                threads=settings.cpu_threads,
                exact=True,
            ):
                _raise_first(table, [(part[row], error) for row, error in batch.failures])
                pixels = preprocessor.normalize(torch.from_numpy(batch.pixels).to(device))
                with (
                    torch.no_grad(),
                    torch.autocast(device.type, precision, enabled=precision != torch.float32),
                ):
                    rows.append(backbone(pixels).float().cpu().numpy())
            self._cache.add([digests[row] for row in part], np.concatenate(rows))

    def gather(self, rows: np.ndarray, epoch: int = 0) -> torch.Tensor:
        """Features of `rows`: float32 (n, D)."""
        return torch.from_numpy(self._cache.gather([self._digests[row] for row in rows]))

    def finish(self, batch: torch.Tensor, *, step: Step | None) -> torch.Tensor:
        """Features need nothing more."""
        return batch


def preprocessing_digest(preprocessor: Preprocessor) -> str:
    """32 hexadecimal characters that change when the preprocessing does."""
    # What images are decoded to is part of it.
    rules = {**preprocessor.to_config(), "grey16": get_settings().grey16}
    config = json.dumps(rules, sort_keys=True, default=str)
    return hashlib.blake2b(config.encode(), digest_size=16).hexdigest()


def _parts(rows: list[int]) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), _SHARD_ROWS):
        yield np.array(rows[start : start + _SHARD_ROWS])


def _raise_first(table: ImageTable, failures: Sequence[tuple[int, Exception]]) -> None:
    if failures:
        row, error = failures[0]
        file, line = table.origin(int(row))
        raise DataError(
            f"{table.location(int(row))}: {error}. Remove the row, or set ignore_data_errors: true",
            file=file,
            line=line,
        )
