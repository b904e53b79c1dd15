"""16-bit grey: the rule, and the switch."""

from __future__ import annotations

import io

import numpy as np
import pytest
from pictures import encoded
from PIL import Image

from tintype.errors import UsageError
from tintype.images import decode_image
from tintype.images.preprocess import Preprocessor
from tintype.training.inputs import preprocessing_digest


def wide(maximum: int) -> np.ndarray:
    """A ramp from 0 to `maximum`."""
    return np.linspace(0, maximum, 64 * 64).round().astype(np.uint16).reshape(64, 64)


def shades(data: bytes) -> np.ndarray:
    pixels = decode_image(data)
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize(
    ("maximum", "depth"),
    [
        (255, 8),
        (256, 10),
        (1023, 10),
        (4095, 12),
        (3000, 12),
        (16383, 14),
        (16384, 16),
        (65535, 16),
    ],
)
def test_the_depth_that_is_used_is_scaled(kind: str, maximum: int, depth: int) -> None:
    image = wide(maximum)
    expected = image.astype(int) * 255 // (2**depth - 1)
    assert np.array_equal(shades(encoded(image, kind)), expected)


def test_wider_and_other_orders_of_bytes() -> None:
    image = wide(4095)
    expected = shades(encoded(image, "TIFF"))
    signed = Image.fromarray(image.astype(np.int32) - 100)
    assert signed.mode == "I"
    assert np.array_equal(
        shades(encoded(signed, "TIFF")), (image.astype(int) - 100).clip(0) * 255 // 4095
    )
    stream = io.BytesIO()
    Image.frombytes("I;16B", (64, 64), image.astype(">u2").tobytes()).save(stream, "TIFF")
    assert np.array_equal(shades(stream.getvalue()), expected)
    assert shades(encoded(np.full((4, 4), 2**31 - 1, np.int32), "TIFF")).max() == 255


def test_black_stays_black_and_8_bits_stay_as_they_are() -> None:
    assert (shades(encoded(np.zeros((4, 4), np.uint16))) == 0).all()
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16) // 2
    assert np.array_equal(shades(encoded(grey)), grey)
    assert np.array_equal(shades(encoded(grey.astype(np.uint16))), grey)


def test_the_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    image = wide(4095)
    preprocessor = Preprocessor({"size": 32}, (32, 32))
    digests = {preprocessing_digest(preprocessor)}
    monkeypatch.setenv("TINTYPE_GREY16", "full")
    assert np.array_equal(shades(encoded(image)), image // 257)
    digests.add(preprocessing_digest(preprocessor))
    monkeypatch.setenv("TINTYPE_GREY16", "clip")
    assert np.array_equal(shades(encoded(image)), image.clip(0, 255))
    digests.add(preprocessing_digest(preprocessor))
    assert len(digests) == 3
    monkeypatch.setenv("TINTYPE_GREY16", "auto")
    with pytest.raises(UsageError, match="expected one of used, full, clip"):
        decode_image(encoded(image))
