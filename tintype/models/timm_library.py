"""timm's checkpoints: what they need, and what their config.json says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tintype.errors import CheckpointError

__all__ = [
    "TIMM",
    "has_timm_labels",
    "require_timm",
    "require_timm_for",
    "timm_input_size",
    "timm_pooling",
]

TIMM = "timm_wrapper"
"""The family's name in transformers, whatever the architecture inside."""

# Who owns its checkpoints on the Hub.
_OWNER = "timm/"

# Numbers of classes that timm knows the labels of (timm.data.imagenet_info). Others may be the width
# of an embedding: CLIP's and PE's towers have their projection in the classifier's place.
_LABELLED = (1000, 11221, 11821, 21841, 21842, 21843)


def require_timm(name: str) -> None:
    """
    Raises:
        CheckpointError: timm, which the checkpoint `name` needs, cannot be imported.
    """
    try:
        import timm  # noqa: F401
    except Exception as error:
        # A torchvision of another build than torch fails with errors of every kind.
        import torch

        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f"checkpoint {name!r} is timm's, and timm cannot be imported ({reason}): pip install "
            f"'tintype[timm]', with a torchvision of the same build as torch {torch.__version__}. "
            "torch's CPU build comes without torchvision, and PyPI's is made for its CUDA build: "
            "take both from one index"
        ) from None


def require_timm_for(hub_id: str) -> None:
    """`require_timm` where the Hub id is one of timm's: before gigabytes are fetched in vain.

    Raises:
        CheckpointError: timm is needed, and cannot be imported.
    """
    if hub_id.startswith(_OWNER):
        require_timm(hub_id)


def has_timm_labels(config: Mapping[str, Any]) -> bool:
    """Whether timm's `config` is a classifier's, with labels of its own."""
    return bool(config.get("label_names")) or config.get("num_classes") in _LABELLED


def timm_input_size(config: Any) -> tuple[int, int]:
    """(height, width) in pixels that timm's architecture was pretrained at.

    Args:
        config: transformers' of the model.
    """
    height, width = (config.pretrained_cfg.get("input_size") or (3, 224, 224))[1:]
    return int(height), int(width)


def timm_pooling(config: Mapping[str, Any]) -> Literal["cls", "mean"]:
    """What timm's architecture feeds its head: "cls" for its [CLS] state, else "mean"."""
    return "cls" if config.get("global_pool") == "token" else "mean"
