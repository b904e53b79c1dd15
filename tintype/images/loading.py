"""Many images to model input: reading, decoding and resizing in threads, in order, in bounded memory."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tintype.data.image_table import ImageTable
from tintype.errors import FetchError, ImageError, ImageReadError, UsageError
from tintype.images.decode import decode_image, rgb_pixels
from tintype.images.preprocess import Preprocessor
from tintype.images.source import read_image

__all__ = ["Failure", "ImageSource", "PixelBatch", "iterate_pixels", "load_pixels", "pixels_of"]

ImageSource = str | Path | bytes | np.ndarray | Image.Image | Callable[[], bytes]
"""A path or URL, encoded bytes, RGB pixels uint8 (h, w, 3), a Pillow image, or a function that gives
encoded bytes, called in the thread that decodes them."""

Failure = ImageError | FetchError
"""Why an image cannot be read."""


@dataclass(frozen=True)
class PixelBatch:
    """Preprocessed images of one batch; `rows` count from 0 over all sources."""

    rows: np.ndarray
    """int64 (n,): the sources that `pixels` holds, in order."""

    pixels: np.ndarray
    """uint8 (n, height, width, 3)."""

    failures: list[tuple[int, Failure]]
    """Sources of this batch that could not be read, with the reason."""


def pixels_of(source: ImageSource, preprocessor: Preprocessor, *, exact: bool = True) -> np.ndarray:
    """One image as the model takes it, before normalising: uint8 (height, width, 3).

    Args:
        exact: False takes the fast path: a large JPEG is decoded at a reduced scale, at least
            twice the size that is needed, and resized by a faster kernel. Outputs of a model keep
            a cosine of 0.999 and more (tests/images/test_fast_path.py).

    Raises:
        ImageError, FetchError: the image cannot be read.
        UsageError: `source` is not an image.
    """
    if isinstance(source, str | Path):
        source = read_image(source)
    elif callable(source):
        source = source()
    if isinstance(source, bytes | bytearray | memoryview):
        min_size = None if exact else preprocessor.decode_size()
        return preprocessor.resize(decode_image(bytes(source), min_size=min_size), exact=exact)
    if isinstance(source, Image.Image):
        return preprocessor.resize(rgb_pixels(source), exact=exact)
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3 or not source.size:
            raise ImageError(
                f"an array of {source.dtype} {source.shape}; expected uint8 (height, width, 3)"
            )
        return preprocessor.resize(source, exact=exact)
    raise UsageError(
        f"{type(source).__name__} is not an image: give a path, URL, bytes, array or Pillow image"
    )


def load_pixels(
    table: ImageTable, rows: np.ndarray, preprocessor: Preprocessor, *, threads: int, exact: bool
) -> tuple[np.ndarray, list[tuple[int, Failure]]]:
    """Pixels of `rows` of `table`: uint8 (n, height, width, 3), and (row, reason) of each failure.

    A failed row's pixels are zeros.
    """
    pixels = np.zeros((len(rows), *preprocessor.input_size, 3), np.uint8)

    def load(position: int) -> tuple[int, Failure] | None:
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
    timeout_s: float | None = None,
) -> Iterator[PixelBatch]:
    """Batches of `sources` in order, `prefetch` of them being prepared ahead of the consumer.

    Args:
        timeout_s: how long the consumer waits for a batch; an image that is not ready by then
            counts as one that cannot be read (ImageReadError). None: without end.
    """
    remaining = iter(sources)
    head = list(itertools.islice(remaining, 2))
    if len(head) < 2 and timeout_s is None:
        # One image is read faster than a pool of threads is started.
        yield from (_alone(source, preprocessor, exact) for source in head)
        return
    remaining = itertools.chain(head, remaining)
    waiting: deque[_BatchInWork] = deque()
    first = 0
    pool = ThreadPoolExecutor(max(threads, 1), thread_name_prefix="decode")
    try:
        while True:
            while len(waiting) <= prefetch:
                batch = _BatchInWork(remaining, first, batch_size, preprocessor, exact, pool)
                if not batch.jobs:
                    break
                first += len(batch.jobs)
                waiting.append(batch)
            if not waiting:
                return
            yield waiting.popleft().result(timeout_s)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _alone(source: ImageSource, preprocessor: Preprocessor, exact: bool) -> PixelBatch:
    try:
        pixels = np.ascontiguousarray(pixels_of(source, preprocessor, exact=exact))[None]
    except (ImageError, FetchError) as error:
        nothing = np.empty((0, *preprocessor.input_size, 3), np.uint8)
        return PixelBatch(np.empty(0, np.int64), nothing, [(0, error)])
    return PixelBatch(np.zeros(1, np.int64), pixels, [])


class _BatchInWork:
    """A batch whose images are written by the pool, each into its own place."""

    def __init__(
        self,
        remaining: Iterator[ImageSource],
        first: int,
        size: int,
        preprocessor: Preprocessor,
        exact: bool,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._first = first
        self._pixels = np.empty((size, *preprocessor.input_size, 3), np.uint8)
        self.jobs: list[Future[Failure | None]] = []

        def load(source: ImageSource, place: int) -> Failure | None:
            try:
                self._pixels[place] = pixels_of(source, preprocessor, exact=exact)
            except (ImageError, FetchError) as error:
                return error
            return None

        for source in remaining:
            self.jobs.append(pool.submit(load, source, len(self.jobs)))
            if len(self.jobs) == size:
                break

    def result(self, timeout_s: float | None) -> PixelBatch:
        """Wait for the images; only a batch with failures is copied, to close its gaps.

        What a late thread still writes goes into the place that was copied from.
        """
        _, late = wait(self.jobs, timeout_s)
        for job in late:
            job.cancel()
        reasons = [
            ImageReadError(f"was not read within {timeout_s:g} s") if job in late else job.result()
            for job in self.jobs
        ]
        good = np.array([reason is None for reason in reasons])
        failures = [(self._first + n, r) for n, r in enumerate(reasons) if r is not None]
        pixels = self._pixels[: len(reasons)]
        return PixelBatch(
            self._first + np.flatnonzero(good), pixels[good] if failures else pixels, failures
        )
