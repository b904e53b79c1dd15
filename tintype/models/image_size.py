"""Giving a pretrained network another input size: its position weights are interpolated."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.nn import functional

from tintype.errors import CheckpointError
from tintype.models.timm_library import TIMM, timm_input_size

__all__ = ["with_image_size"]

# Architectures that interpolate their position embeddings themselves, whatever the input.
_ANY_SIZE = frozenset({"dinov2", "dinov2_with_registers", "dinov3_vit"})

# Architectures whose table of positions is that of a square.
_SQUARE = frozenset({"clip_vision_model", "siglip_vision_model"})


def with_image_size(model: Any, image_size: tuple[int, int], name: str) -> Any:
    """`model` for inputs of `image_size` (height, width); itself where it takes them as it is.

    Learned position embeddings and relative position biases are interpolated (bicubic), as
    Dosovitskiy et al. 2021 and Bao et al. 2022 do.

    Args:
        model: a network of transformers.
        name: the checkpoint's, for messages.

    Raises:
        CheckpointError: an architecture that takes one size only.
    """
    height, width = image_size
    if model.config.model_type == TIMM:
        _check_timm_size(model.config, image_size, name)
        return model
    own = getattr(_image_config(model.config), "image_size", None)
    if own is None or model.config.model_type in _ANY_SIZE:
        return model
    if image_size == ((own, own) if isinstance(own, int) else tuple(own)):
        return model
    config = copy.deepcopy(model.config)
    image_config = _image_config(config)
    if height != width and image_config.model_type in _SQUARE:
        raise CheckpointError(
            f"checkpoint {name!r} ({config.model_type}) takes square images only: give equal "
            "image_width and image_height"
        )
    image_config.image_size = height if height == width else [height, width]
    with torch.random.fork_rng(devices=[]):
        resized = type(model)(config)
    source = model.state_dict()
    with torch.no_grad():
        for key, target in resized.state_dict().items():
            target.copy_(_fitted(key, source[key], target, image_config, name))
    return resized.train(model.training)


def _check_timm_size(config: Any, image_size: tuple[int, int], name: str) -> None:
    """
    Raises:
        CheckpointError: timm's architecture takes another size only.
    """
    own = timm_input_size(config)
    if config.pretrained_cfg.get("fixed_input_size") and image_size != own:
        raise CheckpointError(
            f"checkpoint {name!r} ({config.architecture}) takes images of {own[1]} x {own[0]} pixels "
            "only. Leave image_width and image_height at -1"
        )


def _image_config(config: Any) -> Any:
    """The config of the image tower, where there are two."""
    return getattr(config, "vision_config", config)


def _fitted(
    key: str, source: torch.Tensor, target: torch.Tensor, config: Any, name: str
) -> torch.Tensor:
    """`source`, interpolated where the shape of `target` is another."""
    if source.shape == target.shape:
        return source
    resized: torch.Tensor | None = None
    if key.endswith("position_embeddings") and source.ndim == 3:
        resized = _resized_positions(source, target, config)
    elif key.endswith("position_embedding.weight") and source.ndim == 2:
        # CLIP's and SigLIP's table is the same without the first axis.
        table = _resized_positions(source[None], target[None], config)
        resized = None if table is None else table[0]
    elif key.endswith("relative_position_bias_table"):
        resized = _resized_bias_table(source, config)
    if resized is None or resized.shape != target.shape:
        raise CheckpointError(
            f"checkpoint {name!r} ({config.model_type}) cannot take this image size: "
            f"{key} does not fit. Leave image_width and image_height at -1"
        )
    return resized


def _resized_positions(
    source: torch.Tensor, target: torch.Tensor, config: Any
) -> torch.Tensor | None:
    """(1, special + grid, D) position embeddings of a square grid for the new grid."""
    grid = _patch_grid(config)
    if grid is None:
        return None
    special = target.shape[1] - grid[0] * grid[1]
    side = round((source.shape[1] - special) ** 0.5)
    if special < 0 or side * side + special != source.shape[1]:
        return None
    patches = source[:, special:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    patches = functional.interpolate(patches, size=grid, mode="bicubic", align_corners=False)
    return torch.cat([source[:, :special], patches.flatten(2).transpose(1, 2)], 1)


def _resized_bias_table(source: torch.Tensor, config: Any) -> torch.Tensor | None:
    """BEiT's biases by relative position, (2h-1)(2w-1) + 3 rows, for the new window."""
    grid = _patch_grid(config)
    side = round((source.shape[0] - 3) ** 0.5)
    if grid is None or side * side + 3 != source.shape[0]:
        return None
    size = (2 * grid[0] - 1, 2 * grid[1] - 1)
    table = source[:-3].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    table = functional.interpolate(table, size=size, mode="bicubic", align_corners=False)
    return torch.cat([table.flatten(2)[0].T, source[-3:]])


def _patch_grid(config: Any) -> tuple[int, int] | None:
    size = getattr(config, "image_size", None)
    patch = getattr(config, "patch_size", None)
    if size is None or not isinstance(patch, int):
        return None
    height, width = (size, size) if isinstance(size, int) else size
    return height // patch, width // patch
