"""Many images to model input: reading, decoding and resizing in threads, in order, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tintype.data.image_table import ImageTable
from tintype.errors import FetchError, ImageError, UsageError
from tintype.images.decode import decode_image
from tintype.images.preprocess import Preprocessor
from tintype.images.source import read_image

__all__ = ["ImageSource", "PixelBatch", "iterate_pixels", "load_pixels", "pixels_of"]

ImageSource = str | Path | bytes | np.ndarray | Image.Image
"""A path or URL, encoded bytes, RGB pixels uint8 (h, w, 3), or a Pillow image."""

Failure = tuple[int, ImageError | FetchError]


@dataclass(frozen=True)
class PixelBatch:
    """Preprocessed images of one batch; `rows` count from 0 over all sources."""

    rows: np.ndarray
    """int64 (n,): the sources that `pixels` holds, in order."""

    pixels: np.ndarray
    """uint8 (n, height, width, 3)."""

    failures: list[Failure]
    """Sources of this batch that could not be read, with the reason."""


def pixels_of(source: ImageSource, preprocessor: Preprocessor, *, exact: bool = True) -> np.ndarray:
    """One image as the model takes it, before normalising: uint8 (height, width, 3).

    Args:
        exact: False lets a large JPEG be decoded at a reduced scale, at least twice the size
            that is needed: up to four times faster, at most 2 levels of 255 off (measured.md).

    Raises:
        ImageError, FetchError: the image cannot be read.
        UsageError: `source` is not an image.
    """
    if isinstance(source, str | Path):
        source = read_image(source)
    if isinstance(source, bytes | bytearray | memoryview):
        min_size = None if exact else preprocessor.decode_size()
        return preprocessor.resize(decode_image(bytes(source), min_size=min_size))
    if isinstance(source, Image.Image):
        if source.mode != "RGB":
            source = source.convert("RGB")
        return preprocessor.resize(np.asarray(source))
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3 or not source.size:
            raise ImageError(
                f"an array of {source.dtype} {source.shape}; expected uint8 (height, width, 3)"
            )
        return preprocessor.resize(source)
    raise UsageError(
        f"{type(source).__name__} is not an image: give a path, URL, bytes, array or Pillow image"
    )


def load_pixels(
    table: ImageTable, rows: np.ndarray, preprocessor: Preprocessor, *, threads: int, exact: bool
) -> tuple[np.ndarray, list[Failure]]:
    """Pixels of `rows` of `table`: uint8 (n, height, width, 3), and (row, reason) of each failure.

    A failed row's pixels are zeros.
    """
    pixels = np.zeros((len(rows), *preprocessor.input_size, 3), np.uint8)

    def load(position: int) -> Failure | None:
        row = int(rows[position])
        try:
            pixels[position] = pixels_of(table.location(row), preprocessor, exact=exact)
        except (ImageError, FetchError) as error:
            return row, error
        return None

    with ThreadPoolExecutor(max(threads, 1)) as pool:
        failures = [failure for failure in pool.map(load, range(len(rows))) if failure]
    return pixels, failures


def iterate_pixels(
    sources: Iterable[ImageSource],
    preprocessor: Preprocessor,
    *,
    batch_size: int,
    threads: int,
    exact: bool = True,
    prefetch: int = 2,
) -> Iterator[PixelBatch]:
    """Batches of `sources` in order, `prefetch` of them being prepared ahead of the consumer."""
    waiting: deque[Future[np.ndarray | ImageError | FetchError]] = deque()

    def load(source: ImageSource) -> np.ndarray | ImageError | FetchError:
        try:
            return pixels_of(source, preprocessor, exact=exact)
        except (ImageError, FetchError) as error:
            return error

    remaining = iter(sources)
    first = 0
    pool = ThreadPoolExecutor(max(threads, 1), thread_name_prefix="decode")
    try:
        while True:
            while len(waiting) < (prefetch + 1) * batch_size:
                try:
                    waiting.append(pool.submit(load, next(remaining)))
                except StopIteration:
                    break
            if not waiting:
                return
            count = min(batch_size, len(waiting))
            yield _batch([waiting.popleft().result() for _ in range(count)], first, preprocessor)
            first += count
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _batch(
    results: list[np.ndarray | ImageError | FetchError], first: int, preprocessor: Preprocessor
) -> PixelBatch:
    good: list[tuple[int, np.ndarray]] = []
    failures: list[Failure] = []
    for row, result in enumerate(results, start=first):
        if isinstance(result, np.ndarray):
            good.append((row, result))
        else:
            failures.append((row, result))
    pixels = np.empty((len(good), *preprocessor.input_size, 3), np.uint8)
    for place, (_, image) in enumerate(good):
        pixels[place] = image
    return PixelBatch(np.array([row for row, _ in good], np.int64), pixels, failures)
