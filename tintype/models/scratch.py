"""Small architectures with random weights, in Hub format: for training without any checkpoint.

They learn from a few hundred images upwards in a minute or so on two CPU cores. Where pretrained
weights can be had, fine-tuning those is better.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tintype.files import atomic_folder
from tintype.quiet import quiet_transformers

__all__ = ["SCRATCH_NAMES", "write_scratch_checkpoint"]

# Any change to what is written below needs a new number: folders are made once and kept.
_VERSION = 1


def _resnet_small() -> tuple[Any, Any]:
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        embedding_size=32,
        hidden_sizes=[32, 64, 128, 256],
        depths=[2, 2, 2, 2],
        layer_type="basic",
    )
    return ResNetForImageClassification(config), 64


def _vit_small() -> tuple[Any, Any]:
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=192,
        num_hidden_layers=6,
        num_attention_heads=3,
        intermediate_size=768,
        image_size=64,
        patch_size=8,
    )
    return ViTForImageClassification(config), 64


_MAKERS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "tintype/resnet-small": _resnet_small,
    "tintype/vit-small": _vit_small,
}

SCRATCH_NAMES = tuple(_MAKERS)


def write_scratch_checkpoint(name: str, folder: Path) -> Path:
    """Write the architecture called `name` below `folder`, once, and return its own folder.

    The weights are random but always the same; training draws its own head.

    Raises:
        OutputError: the folder cannot be written.
    """
    import torch

    path = folder / f"{name.replace('/', '--')}-v{_VERSION}"
    if (path / "config.json").is_file():
        return path
    with quiet_transformers(), torch.random.fork_rng(devices=[]), atomic_folder(path) as temporary:
        from transformers import ViTImageProcessor

        torch.manual_seed(0)
        model, side = _MAKERS[name]()
        model.save_pretrained(temporary)
        ViTImageProcessor(
            size={"height": side, "width": side}, image_mean=[0.5] * 3, image_std=[0.5] * 3
        ).save_pretrained(temporary)
    return path
