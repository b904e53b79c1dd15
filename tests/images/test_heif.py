"""HEIC and HEIF: told by content, under the same limits, turned upright once."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, noise, striped
from PIL import Image, ImageOps, features

from tintype.data import read_image_table
from tintype.errors import ImageError, ImageTooLarge
from tintype.images import ImageLimits, decode_image, heif, readability
from tintype.images.readability import find_unreadable

pillow_heif = pytest.importorskip("pillow_heif")
PHOTO = noise(60, 90)


def heic(image: np.ndarray | Image.Image, **options: object) -> bytes:
    """`image` as a phone would write it, all but lossless."""
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    stream = io.BytesIO()
    pillow_heif.from_pillow(picture).save(stream, quality=-1, chroma=444, **options)
    return stream.getvalue()


def far(left: np.ndarray, right: np.ndarray) -> float:
    return float(np.abs(left.astype(int) - right.astype(int)).mean())


def test_a_photo(tmp_path: Path) -> None:
    pixels = decode_image(heic(PHOTO))
    assert pixels.shape == PHOTO.shape
    assert far(pixels, PHOTO) < 3
    assert decode_image(heic(PHOTO), min_size=(20, 20)).shape == PHOTO.shape


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(orientation: int) -> None:
    picture = Image.fromarray(PHOTO)
    picture.getexif()[0x0112] = orientation
    heif.make_readable()
    stream = io.BytesIO()
    # Writes EXIF's orientation as the format's own turn beside it, as phones do.
    picture.save(stream, "HEIF", quality=-1, chroma=444)
    assert (b"irot" in stream.getvalue() or b"imir" in stream.getvalue()) == (orientation > 1)
    expected = np.asarray(ImageOps.exif_transpose(picture))
    pixels = decode_image(stream.getvalue())
    assert pixels.shape == expected.shape
    assert far(pixels, expected) < 3


def test_alpha_is_composed_on_white() -> None:
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    assert (decode_image(heic(clear)) > 250).all()


def test_limits_hold_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    data = heic(PHOTO)

    def load(self: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(pillow_heif.HeifImageFile, "load", load)
    with pytest.raises(ImageTooLarge, match="90 x 60 pixels"):
        decode_image(data, limits=ImageLimits(10_000_000, 5399))
    with pytest.raises(ImageTooLarge, match="bytes"):
        decode_image(data, limits=ImageLimits(len(data) - 1, 10_000))


def test_cut_off_and_damaged_ones_are_errors() -> None:
    data = heic(noise(200, 300))
    for tenth in range(10):
        with pytest.raises(ImageError):
            decode_image(data[: len(data) * tenth // 10])
    for seed in range(20):
        random = np.random.default_rng(seed)
        damaged = bytearray(data)
        for at in random.integers(0, len(data), 30):
            damaged[at] = random.integers(256)
        try:
            decode_image(bytes(damaged))
        except ImageError:
            continue


def test_without_the_package_its_name_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = heic(PHOTO)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    heif.make_readable.cache_clear()
    with pytest.raises(ImageError, match=r"pip install 'tintype\[heif\]'"):
        decode_image(data)
    for name, picture in (("a", data), ("b", encoded(striped(0, 0)))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.HEIC").write_bytes(picture)
    table = read_image_table(tmp_path)
    for rows in (20_000, 1):
        monkeypatch.setattr(readability, "FULL_DECODE_ROWS", rows)
        ((row, reason),) = find_unreadable(table)
        assert row == 0
        assert "tintype[heif]" in reason
    heif.make_readable.cache_clear()


def test_headers_are_checked_in_large_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.heic").write_bytes(heic(PHOTO))
    (tmp_path / "a" / "2.heic").write_bytes(heic(PHOTO)[:40])
    monkeypatch.setattr(readability, "FULL_DECODE_ROWS", 1)
    assert [row for row, _ in find_unreadable(read_image_table(tmp_path))] == [1]


@pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
def test_avif_stays_pillows() -> None:
    data = encoded(PHOTO, "AVIF")
    assert not heif.is_heif(data[:64])
    generic = data[:8] + b"mif1" + data[12:]
    assert b"avif" in generic[16:64]
    assert not heif.is_heif(generic[:64])
    assert heif.is_heif(heic(PHOTO)[:64])


def test_a_header_that_lies_is_found_out() -> None:
    data = bytearray(heic(noise(1200, 1600)))
    size = data.index(b"ispe") + 8
    assert struct.unpack(">II", data[size : size + 8]) == (1600, 1200)
    data[size : size + 8] = struct.pack(">II", 64, 64)
    with pytest.raises(ImageError, match="1600x1200"):
        decode_image(bytes(data), limits=ImageLimits(10_000_000, 10_000))
