"""How training images are randomly changed."""

from __future__ import annotations

from pydantic import Field

from tintype.schemas.document import StrictModel

__all__ = ["AUGMENTATION_PRESETS", "Augmentations"]


class Augmentations(StrictModel):
    """Strengths of the random changes; applied when `apply_augmentations` is true.

    The defaults follow what Azure documents for image classification: random crop and resize,
    horizontal flip, colour jitter. Its magnitudes are not public; these are ours.
    """

    horizontal_flip: bool = True
    """Mirror half of the images left to right. Turn off where a mirrored image means another
    class: digits, letters, traffic signs."""

    vertical_flip: bool = False
    """Mirror half of the images top to bottom: for aerial or microscope images."""

    crop_scale_min: float = Field(0.6, gt=0, le=1)
    """Smallest share of the image's area that a random crop keeps; 1 keeps the whole image."""

    rotation_degrees: float = Field(0.0, ge=0, le=180)
    """Rotate by up to this many degrees either way."""

    translate: float = Field(0.0, ge=0, le=0.5)
    """Shift by up to this share of the width and height."""

    color_jitter: float = Field(0.2, ge=0, lt=1)
    """Scale brightness, contrast and saturation each by a factor within 1 ± this."""


AUGMENTATION_PRESETS: dict[str, Augmentations | None] = {
    "none": None,
    "light": Augmentations(crop_scale_min=0.85, color_jitter=0.1),
    "standard": Augmentations(),
    "strong": Augmentations(
        crop_scale_min=0.35, rotation_degrees=15.0, translate=0.1, color_jitter=0.4
    ),
}
"""Strengths by name, for AutoML jobs; None changes nothing."""
