"""Mutated images: seeds in every format, and ways to damage them, always the same for one number."""

from __future__ import annotations

import io
import struct
import zlib
from functools import lru_cache

import numpy as np
from pictures import encoded, noise
from PIL import Image

__all__ = ["mutated", "seeds"]


@lru_cache(maxsize=1)
def seeds() -> tuple[bytes, ...]:
    """Small images of every format and mode that is accepted, and two that are not."""
    rgb = noise(40, 56, seed=1)
    picture = Image.fromarray(rgb)
    alpha = picture.convert("RGBA")
    frames = [Image.fromarray(noise(24, 24, seed=n)) for n in range(3)]
    animated = io.BytesIO()
    frames[0].save(animated, "GIF", save_all=True, append_images=frames[1:])
    wide = Image.fromarray((np.arange(48 * 48, dtype=np.uint16) * 28).reshape(48, 48))
    found = [
        encoded(rgb, "JPEG"),
        encoded(rgb, "JPEG", progressive=True),
        encoded(rgb, "JPEG", subsampling=0),
        encoded(picture.convert("L"), "JPEG"),
        encoded(picture.convert("CMYK"), "JPEG"),
        encoded(rgb, "JPEG", exif=_orientation(6)),
        encoded(noise(500, 700, seed=3), "JPEG", quality=60),
        encoded(rgb),
        encoded(alpha),
        encoded(picture.convert("P")),
        encoded(picture.convert("1")),
        encoded(wide),
        encoded(picture.convert("LA")),
        encoded(rgb, "WEBP"),
        encoded(alpha, "WEBP", lossless=True),
        encoded(picture.convert("P"), "GIF"),
        animated.getvalue(),
        encoded(rgb, "BMP"),
        encoded(rgb, "TIFF"),
        encoded(rgb, "TIFF", compression="tiff_lzw"),
        encoded(rgb, "TIFF", compression="jpeg"),
        encoded(rgb, "PPM"),
        encoded(rgb, "ICO"),
    ]
    if "AVIF" in Image.SAVE:
        found.append(encoded(rgb, "AVIF"))
    return tuple(found)


def mutated(number: int) -> bytes:
    """The `number`-th damaged image."""
    random = np.random.default_rng([7, number])
    data = bytearray(seeds()[number % len(seeds())])
    for _ in range(int(random.integers(1, 4))):
        kind = int(random.integers(0, 8))
        place = int(random.integers(0, max(1, len(data))))
        if kind == 0:
            data = data[:place]
        elif kind == 1:
            data[place : place + 1] = bytes([int(random.integers(0, 256))])
        elif kind == 2:
            for spot in random.integers(0, max(1, len(data)), 16):
                data[int(spot) : int(spot) + 1] = bytes([int(random.integers(0, 256))])
        elif kind == 3:
            data[place:place] = random.bytes(int(random.integers(1, 64)))
        elif kind == 4:
            del data[place : place + int(random.integers(1, 64))]
        elif kind == 5:
            # Lengths and dimensions live in the first bytes.
            head = int(random.integers(0, min(64, len(data)) or 1))
            value = int(random.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 50_000, 65_535]))
            data[head : head + 4] = struct.pack(">I" if random.random() < 0.5 else "<I", value)
        elif kind == 6:
            other = seeds()[int(random.integers(0, len(seeds())))]
            data[place:] = other[place:]
        else:
            data[place : place + 32] = data[place : place + 32] * int(random.integers(1, 8))
    if data[:8] == b"\x89PNG\r\n\x1a\n" and random.random() < 0.5:
        # With the right checksums, the damage reaches the decoder behind them.
        data = _with_checksums(data)
    return bytes(data)


def _with_checksums(data: bytearray) -> bytearray:
    place = 8
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        end = place + 8 + length
        if end + 4 > len(data):
            break
        data[end : end + 4] = struct.pack(">I", zlib.crc32(data[place + 4 : end]))
        place = end + 4
    return data


def _orientation(value: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()
