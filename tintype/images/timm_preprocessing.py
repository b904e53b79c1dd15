"""timm's preprocessing, from a checkpoint's config.json, as settings of a plain Pillow processor.

timm composes torchvision's transforms (timm.data.transforms_factory.transforms_imagenet_eval); these
are the same steps. Where a side to crop is odd, the crop may lie one pixel aside of torchvision's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PIL import Image

from tintype.errors import CheckpointError

__all__ = ["is_timm_config", "timm_preprocessing"]

# timm.data.constants
_CROP_PCT = 0.875
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
    "lanczos": Image.Resampling.LANCZOS,
}


def is_timm_config(config: Mapping[str, Any]) -> bool:
    """Whether a config.json is one of timm's: an architecture and how it was pretrained."""
    return "architecture" in config and isinstance(config.get("pretrained_cfg"), dict)


def timm_preprocessing(config: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a preprocessor_config.json for timm's `config`.

    Raises:
        CheckpointError: steps that a plain processor does not have.
    """
    given = config["pretrained_cfg"]
    channels, height, width = given.get("input_size") or (3, 224, 224)
    crop_mode = given.get("crop_mode") or "center"
    interpolation = given.get("interpolation") or "bicubic"
    name = config["architecture"]
    if channels != 3:
        raise CheckpointError(f"timm's {name!r} takes images of {channels} channels; expected RGB")
    if interpolation not in _FILTERS:
        raise CheckpointError(
            f"timm's {name!r} resizes by {interpolation!r}; known are {', '.join(_FILTERS)}"
        )
    # The same truncation as timm's: 224 of 0.9 are 248 pixels.
    share = given.get("crop_pct") or _CROP_PCT
    scaled = {"height": math.floor(height / share), "width": math.floor(width / share)}
    size: dict[str, int]
    if crop_mode == "squash":
        size = scaled
    elif crop_mode == "center" and scaled["height"] == scaled["width"]:
        size = {"shortest_edge": scaled["height"]}
    else:
        raise CheckpointError(
            f"timm's {name!r} crops by the mode {crop_mode!r} to {width} x {height} pixels; known are "
            "squash, and center for square images"
        )
    return {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True,
        "size": size,
        "resample": int(_FILTERS[interpolation]),
        "do_center_crop": True,
        "crop_size": {"height": height, "width": width},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(given.get("mean") or _MEAN),
        "image_std": list(given.get("std") or _DEVIATION),
    }
