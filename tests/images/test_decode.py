from __future__ import annotations

import concurrent.futures
import io
import struct
import threading
import time
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import encoded, noise
from PIL import Image, ImageOps, features

from tintype.errors import ImageError, ImageTooLarge
from tintype.images import ImageLimits, decode, decode_image

PHOTO = noise(60, 90)
AVIF = pytest.param(
    "AVIF", marks=pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "JPEG", AVIF])
def test_every_format_as_pillow_reads_it(kind: str) -> None:
    data = encoded(PHOTO, kind)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert np.array_equal(decode_image(data), expected)


@pytest.mark.parametrize("options", [{"quality": 60}, {"progressive": True}, {"subsampling": 0}])
def test_jpeg_is_bit_exact_with_pillow(options: dict[str, object]) -> None:
    data = encoded(noise(375, 500), "JPEG", **options)
    assert np.array_equal(decode_image(data), np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_exif_orientation(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(PHOTO), kind, exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert np.array_equal(decode_image(data), np.asarray(expected))


@pytest.mark.parametrize("orientation", [1, 6])
def test_scaled_decoding_stays_above_the_size_asked_for(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(noise(800, 1600)), "JPEG", exif=exif)
    full, scaled = decode_image(data), decode_image(data, min_size=(300, 150))
    assert scaled.shape[0] >= 300
    assert scaled.shape[1] >= 150
    assert scaled.size < full.size / 4
    ratio = scaled.shape[1] / scaled.shape[0]
    assert ratio == pytest.approx(full.shape[1] / full.shape[0], rel=0.02)


def test_alpha_is_composed_on_white() -> None:
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    half = Image.new("LA", (4, 4), (0, 128))
    palette = Image.new("P", (4, 4), 0)
    palette.info["transparency"] = 0
    assert (decode_image(encoded(clear)) == 255).all()
    assert abs(int(decode_image(encoded(half))[0, 0, 0]) - 127) <= 1
    assert (decode_image(encoded(palette, transparency=0)) == 255).all()


def test_cmyk_and_grey_jpeg() -> None:
    cmyk = encoded(Image.new("CMYK", (8, 8), (0, 0, 0, 0)), "JPEG")
    assert (decode_image(cmyk) > 250).all()
    grey = decode_image(encoded(Image.new("L", (8, 8), 77), "JPEG"))
    assert grey.shape == (8, 8, 3)
    assert (grey == 77).all()


def test_sixteen_bits_are_scaled_to_eight() -> None:
    wide = Image.fromarray(np.full((4, 4), 65535, np.uint16))
    assert (decode_image(encoded(wide)) == 255).all()
    wide = Image.fromarray(np.full((4, 4), 257 * 100, np.uint16))
    assert (decode_image(encoded(wide)) == 100).all()


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (5, 5), color) for color in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode_image(data)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", AVIF])
def test_cut_off_images_are_errors_or_whole(kind: str) -> None:
    data = encoded(noise(200, 300), kind)
    for tenth in range(10):
        with pytest.raises(ImageError):
            decode_image(data[: len(data) * tenth // 10])


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7", b"<svg></svg>", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image(data: bytes) -> None:
    with pytest.raises(ImageError):
        decode_image(data)


@pytest.mark.parametrize("kind", ["EPS", "PCX", "ICO", "TGA", "PPM"])
def test_formats_off_the_list(kind: str) -> None:
    with pytest.raises(ImageError, match="known format"):
        decode_image(encoded(noise(16, 16), kind))


def bomb(side: int) -> bytes:
    """A PNG of side x side one-bit pixels, all black: a few kilobytes."""
    raw = zlib.compress(b"\0" * ((side + 7) // 8 + 1) * side, 9)

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", raw) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [13_300, 30_000])
def test_bombs_are_refused_by_their_header(side: int) -> None:
    import resource
    import time

    data = bomb(side)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.thread_time()
    with pytest.raises(ImageTooLarge):
        decode_image(data)
    assert time.thread_time() - start < 0.5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


def test_limits_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(PHOTO)
    with pytest.raises(ImageTooLarge, match="bytes"):
        decode_image(data, limits=ImageLimits(max_bytes=10, max_pixels=10**6))
    monkeypatch.setenv("TINTYPE_MAX_IMAGE_PIXELS", "100")
    with pytest.raises(ImageTooLarge, match="the limit is 100"):
        decode_image(data)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["PNG", "JPEG", "WEBP", "TIFF", "GIF"]), st.data())
def test_damaged_bytes_give_pixels_or_an_image_error(
    extra: bytes, kind: str, data: st.DataObject
) -> None:
    good = bytearray(encoded(noise(20, 30), kind))
    place = data.draw(st.integers(0, len(good)))
    good[place : place + len(extra)] = extra
    try:
        pixels = decode_image(bytes(good))
    except ImageError:
        return
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3


def test_a_jpeg_with_an_archive_behind_it_is_the_jpeg() -> None:
    data = encoded(PHOTO, "JPEG")
    assert np.array_equal(decode_image(data + b"PK\x03\x04" + b"x" * 500), decode_image(data))


def test_bombs_print_nothing() -> None:
    import subprocess
    import sys

    script = "import sys; from tintype.images import decode_image\ntry: decode_image(sys.stdin.buffer.read())\nexcept Exception: pass"
    result = subprocess.run(
        [sys.executable, "-c", script], input=bomb(13_300), capture_output=True, check=True
    )
    assert result.stderr == b""


def test_large_images_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven of nine million pixels each, room for two: never three at once."""
    monkeypatch.setenv("TINTYPE_MAX_DECODING_PIXELS", "20000000")
    plain, now, most = decode.rgb_pixels, 0, 0
    lock = threading.Lock()

    def counted(image: Image.Image) -> np.ndarray:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        try:
            return plain(image)
        finally:
            with lock:
                now -= 1

    monkeypatch.setattr(decode, "rgb_pixels", counted)
    data = encoded(Image.new("1", (3000, 3000)))
    with concurrent.futures.ThreadPoolExecutor(7) as pool:
        shapes = {pixels.shape for pixels in pool.map(decode_image, [data] * 7)}
    assert shapes == {(3000, 3000, 3)}
    assert most == 2
    # One that is larger than all the room is decoded alone, not never.
    monkeypatch.setenv("TINTYPE_MAX_DECODING_PIXELS", "5000000")
    assert decode_image(data).shape == (3000, 3000, 3)
    assert decode._room._taken == 0
