"""Views of prepared images: mirrored, and their middle enlarged."""

from __future__ import annotations

import numpy as np
from pictures import noise
from PIL import Image

from tintype.images.views import as_seen, middle


def test_the_whole_is_what_is_there() -> None:
    pixels = noise(12, 10, seed=0)[None]
    assert as_seen(pixels, "whole") is pixels


def test_mirrored_is_left_to_right() -> None:
    pixels = noise(12, 10, seed=0)[None]
    assert np.array_equal(as_seen(pixels, "mirrored")[0], pixels[0][:, ::-1])


def test_closer_is_the_middle_enlarged() -> None:
    pixels = np.stack([noise(40, 60, seed=seed) for seed in (1, 2)])
    seen = as_seen(pixels, "closer")
    assert (seen.shape, seen.dtype) == (pixels.shape, np.uint8)
    for before, after in zip(pixels, seen, strict=True):
        cut = Image.fromarray(before).crop((9, 6, 51, 34))
        expected = np.asarray(cut.resize((60, 40), Image.Resampling.BILINEAR), np.int64)
        assert np.abs(after - expected).max() <= 1


def test_the_middle_lies_in_the_middle() -> None:
    assert (middle(40), middle(60)) == (slice(6, 34), slice(9, 51))
    assert middle(1) == slice(0, 1)
