"""The ways in which a model may be shown an image."""

from __future__ import annotations

from typing import Literal

__all__ = ["View"]

View = Literal["whole", "mirrored", "closer"]
"""As it is prepared; that mirrored left to right; or its middle, enlarged to the whole's size."""
