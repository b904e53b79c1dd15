"""HEIC and HEIF, what phones take photos in: read by pillow-heif, where it is installed."""

from __future__ import annotations

import functools

from tintype.errors import ImageError

__all__ = ["HEIF", "is_heif", "make_readable"]

HEIF = "HEIF"
"""Pillow's name of the format."""

# Major brands of ISO/IEC 23008-12 whose content may be HEVC; `mif1` and `msf1` may hold anything.
_BRANDS = frozenset([b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"])
_OPEN_BRANDS = frozenset([b"mif1", b"msf1"])
_AVIF_BRANDS = frozenset([b"avif", b"avis"])


def is_heif(head: bytes) -> bool:
    """Whether a file that begins with `head` (64 bytes or more) is HEIF, and not AVIF."""
    if head[4:8] != b"ftyp":
        return False
    major = head[8:12]
    length = min(int.from_bytes(head[:4], "big"), len(head))
    compatible = {head[at : at + 4] for at in range(16, length - 3, 4)}
    return major in _BRANDS or (major in _OPEN_BRANDS and compatible.isdisjoint(_AVIF_BRANDS))


@functools.cache
def make_readable() -> None:
    """Teach Pillow the format; once, and only when there is such an image.

    Raises:
        ImageError: pillow-heif is not installed.
    """
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise ImageError("HEIC and HEIF images need pip install 'tintype[heif]'") from None
    # Images are decoded side by side already. Of its parts only the picture itself is looked at.
    register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)
