"""Near-duplicates: the same photo, saved again, smaller, brighter or cropped a little.

A fingerprint is a perceptual hash, 64 signs of the lowest frequencies of the grey image at 32 x 32
pixels (pHash; Zauner 2010), and the grey image at 16 x 16. Images whose hashes differ in at most 10
bits are looked at: they are near-duplicates if their small images correlate. On photos of clothes,
cards and hands this finds all that were saved again at a low quality or half the size, nearly all
that are a quarter brighter, four of five that are cropped by 2 % at each side, and takes one pair
in a million of different photos for one.

Hashes that differ in 10 bits of 64 differ in at most 2 of some 16 of them (a search by parts:
Norouzi, Punjani & Fleet 2012), so each is looked up by its four parts with up to two bits changed,
and nothing is compared with all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

__all__ = ["Fingerprints", "NearDuplicates", "find_near_duplicates", "grey_of"]

_MOST_BITS, _LEAST_CORRELATION = 10, 0.95

_SIDE, _SMALL, _FREQUENCIES = 32, 16, 8

_PARTS, _PART_BITS = 4, 16

# Grey levels: an image without contrast is like any other without.
_LEAST_DEVIATION = 3.0

# Images made into fingerprints at once.
_BLOCK = 2000

# Candidates held at once.
_CANDIDATES = 1_000_000


@dataclass(frozen=True)
class Fingerprints:
    """Of images, in few bytes each."""

    hashes: np.ndarray
    """uint64 (n,)."""

    small: np.ndarray
    """uint8 (n, 256): grey, 16 x 16."""

    @classmethod
    def of(cls, greys: Sequence[bytes]) -> Fingerprints:
        """From what `grey_of` gave for each image."""
        whole = np.frombuffer(b"".join(greys), np.uint8).reshape(len(greys), _SIDE, _SIDE)
        hashes = np.zeros(len(greys), np.uint64)
        small = np.zeros((len(greys), _SMALL**2), np.uint8)
        waves, step = _waves(), _SIDE // _SMALL
        for start in range(0, len(greys), _BLOCK):
            grey = whole[start : start + _BLOCK].astype(np.float32)
            lowest = (waves @ grey @ waves.T).reshape(len(grey), -1)
            bits = np.packbits(lowest > np.median(lowest, axis=1, keepdims=True), axis=1)
            hashes[start : start + _BLOCK] = bits.view(">u8")[:, 0]
            means = grey.reshape(-1, _SMALL, step, _SMALL, step).mean((2, 4))
            small[start : start + _BLOCK] = means.round().reshape(len(grey), -1)
        return cls(hashes, small)

    def __len__(self) -> int:
        return len(self.hashes)


@dataclass(frozen=True)
class NearDuplicates:
    """Images that are nearly the same as images on the other side of a split."""

    count: int
    """Images of this side of which that is so."""

    images: int
    """On this side in all."""

    pairs: tuple[tuple[str, str, float], ...]
    """(this side's image, the other's, how they correlate), the most alike first; 50 at most."""

    def __bool__(self) -> bool:
        return self.count > 0

    def sentence(self, here: str, there: str) -> str:
        """What people should know of it."""
        return (
            f"{self.count} of {self.images} images of {here} are nearly the same as images of "
            f"{there}, "
            f"such as {self._example()}: its metrics are too good. Remove them, or say which "
            "images belong "
            "together (group_pattern or group_column_name)"
        )

    def among_themselves(self) -> str:
        """The same of images that have not been split yet."""
        return (
            f"{self.count} of {self.images} images are nearly the same as others, such as "
            f"{self._example()}: jobs keep these on one side of every split "
            "(near_duplicates_together)"
        )

    def _example(self) -> str:
        mine, other, _ = self.pairs[0]
        return f"{mine} and {other}"


def grey_of(pixels: np.ndarray) -> bytes:
    """What a fingerprint is made of: RGB `pixels`, uint8 (height, width, 3), in grey at 32 x 32."""
    from PIL import Image

    # A triangle as wide as what it shrinks: half the pixels give the same image.
    image = Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    return image.convert("L").tobytes()


@cache
def _waves() -> np.ndarray:
    """float32 (8, 32): cosines of the lowest frequencies but the mean (DCT-II)."""
    frequencies = np.arange(1, _FREQUENCIES + 1)[:, None]
    return np.cos(np.pi * frequencies * (2 * np.arange(_SIDE) + 1) / (2 * _SIDE)).astype(np.float32)


def find_near_duplicates(left: Fingerprints, right: Fingerprints) -> tuple[np.ndarray, ...]:
    """Pairs of near-duplicates.

    Returns:
        rows of `left` and of `right`, int64 (m,), and how they correlate, float32 (m,).
    """
    if not len(left) or not len(right):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    mine, others = _units(left.small), _units(right.small)
    pairs = []
    for rows, columns in _candidates(left.hashes, right.hashes):
        near = np.bitwise_count(left.hashes[rows] ^ right.hashes[columns]) <= _MOST_BITS
        rows, columns = rows[near], columns[near]
        alike = np.einsum("nd,nd->n", mine[rows], others[columns])
        sure = alike >= _LEAST_CORRELATION
        pairs.append((rows[sure], columns[sure], alike[sure]))
    rows, columns, alike = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    # Several parts lead to the same pair.
    _, first = np.unique(rows * len(right) + columns, return_index=True)
    return rows[first], columns[first], alike[first]


def _candidates(left: np.ndarray, right: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of `left` and `right`, some at a time, with at most two different bits in some part."""
    changes = _changes()
    for part in range(_PARTS):
        mine, others = (_part(hashes, part) for hashes in (left, right))
        order = np.argsort(others, kind="stable")
        ends = np.cumsum(np.bincount(others, minlength=1 << _PART_BITS))
        counts = np.diff(ends, prepend=0)
        step = 20_000
        for start in range(0, len(mine), step):
            wanted = mine[start : start + step, None] ^ changes
            found = counts[wanted]
            rows, place = np.nonzero(found)
            keys = wanted[rows, place]
            sizes = counts[keys]
            cuts = np.searchsorted(np.cumsum(sizes), np.arange(0, sizes.sum(), _CANDIDATES))
            for some in np.split(np.arange(len(rows)), np.unique(cuts)):
                if not len(some):
                    continue
                size = sizes[some]
                offsets = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
                columns = order[np.repeat(ends[keys[some]] - size, size) + offsets]
                yield np.repeat(rows[some] + start, size), columns
    yield np.zeros(0, np.int64), np.zeros(0, np.int64)


def _part(hashes: np.ndarray, part: int) -> np.ndarray:
    mask = np.uint64((1 << _PART_BITS) - 1)
    return ((hashes >> np.uint64(part * _PART_BITS)) & mask).astype(np.int64)


@cache
def _changes() -> np.ndarray:
    """int64 (137,): what changes no, one or two of 16 bits."""
    single = [1 << bit for bit in range(_PART_BITS)]
    double = [a | b for place, a in enumerate(single) for b in single[:place]]
    return np.array([0, *single, *double])


def _units(small: np.ndarray) -> np.ndarray:
    """float32 (n, 256): without their mean, of length 1; zeros where there is no contrast."""
    values = small.astype(np.float32)
    values -= values.mean(1, keepdims=True)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    values /= np.maximum(lengths, 1e-6)
    values[lengths[:, 0] < _LEAST_DEVIATION * _SMALL] = 0
    return values
