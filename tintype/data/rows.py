"""One row as a reader yields it, before it is packed into a table."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Row"]


class Row(NamedTuple):
    """An image reference with its label and its place in the source."""

    location: str
    """Absolute local path or http(s) URL."""

    label: object
    """As read; the table checks its type."""

    file: str
    line: int
    """From 1; 0 where the source has no lines."""

    image_field: str
    """What the source calls the image, for messages."""
