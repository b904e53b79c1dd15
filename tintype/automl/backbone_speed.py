"""How fast a backbone is on this machine: what trials of it are planned by."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tintype.errors import CheckpointError
from tintype.models.checkpoint import Checkpoint
from tintype.scoring.scorer import Scorer
from tintype.training.training_rate import training_images_per_second

__all__ = ["BackboneSpeed", "measure_speed", "seconds_a_pass"]

# Seconds of a pass by which a network's rate is measured.
_TIMED_SECONDS = 0.3

# How fast a network trains is measured up to so many weights, from so many images embedded a second on;
# a batch has so many images at most, and this share of those embedded in a second.
_MOST_TRAINED, _LEAST_RATE, _TRAINED_BATCH, _TRAINED_SHARE = 400_000_000, 4.0, 16, 0.2


@dataclass(frozen=True)
class BackboneSpeed:
    """See `measure_speed`."""

    images_per_second: float
    """Of the network alone."""
    training_images_per_second: float
    """Of all its weights; 0 where it is too large to try, or cannot be trained."""
    reading_seconds: float
    """What an image took beyond that: reading and resizing it. 0 where features were cached."""

    def told(self) -> str:
        """In words, for the log."""
        return (
            f"the network alone embeds {self.images_per_second:.0f} and learns "
            f"{self.training_images_per_second:.0f} images/s"
        )


def measure_speed(
    scorer: Scorer,
    checkpoint: Checkpoint,
    parameters: int,
    *,
    image_seconds: float | None,
    image_passes: float = 1.0,
) -> BackboneSpeed:
    """Time `scorer`'s network, and training of `checkpoint`, on pixels that are there already.

    Args:
        parameters: how many weights it has.
        image_seconds: what embedding an image took with its reading; None where that is not known.
        image_passes: how often the network saw an image meanwhile, such as mirrored, too.
    """
    rate = 1 / seconds_a_pass(scorer, times=3)
    training_rate = 0.0
    if parameters <= _MOST_TRAINED and rate >= _LEAST_RATE:
        trained = min(_TRAINED_BATCH, max(2, int(rate * _TRAINED_SHARE)))
        # Features may be had of what cannot be trained.
        with contextlib.suppress(CheckpointError):
            training_rate = training_images_per_second(checkpoint, batch=trained)
    reading = 0.0 if image_seconds is None else max(0.0, image_seconds - image_passes / rate)
    return BackboneSpeed(rate, training_rate, reading)


def seconds_a_pass(scorer: Scorer, *, times: int = 1) -> float:
    """What `scorer`'s network takes for an image, in a batch; the best of so many times."""
    height, width = scorer.preprocessor.input_size
    pixels = np.zeros((scorer.batch_size, height, width, 3), np.uint8)
    # The first pass of a size chooses its kernels.
    single = min(_seconds(scorer.run, pixels[:1]) for _ in range(2))
    batch = pixels[: max(1, int(_TIMED_SECONDS / single))]
    return min(_seconds(scorer.run, batch) for _ in range(times)) / len(batch)


def _seconds(run: Callable[[np.ndarray], np.ndarray], pixels: np.ndarray) -> float:
    """Of one pass."""
    begun = time.perf_counter()
    run(pixels)
    return time.perf_counter() - begun
