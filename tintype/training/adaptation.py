"""Which weights learn: all of them, all but the first layers, or low-rank adapters beside them."""

from __future__ import annotations

import torch
from torch import nn
from transformers import PreTrainedModel

from tintype.errors import UsageError
from tintype.models.classifier import head_of

__all__ = ["add_lora", "freeze_layers", "merge_lora"]

# The attention projections that LoRA's paper adapts (Hu 2021, §4.2), as transformers' image
# models name them.
_QUERY_AND_VALUE = ("query", "value", "q_proj", "v_proj", "q_lin", "v_lin", "qkv")

# What an image passes first, as transformers and timm name it, and timm's rows of blocks or stages.
_STEMS = ("embeddings", "embedder", "conv_stem", "patch_embed", "stem", "conv1")
_TIMM_BLOCKS = ("blocks", "stages")


def add_lora(
    model: PreTrainedModel, *, rank: int, alpha: int, dropout: float, seed: int
) -> nn.Module:
    """Freeze `model`, add adapters to every query and value projection, and let the head learn.

    Raises:
        UsageError: the architecture has no attention projections (a convolutional network).
    """
    from peft import LoraConfig, get_peft_model

    targets = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.rsplit(".", 1)[-1] in _QUERY_AND_VALUE
    ]
    if not targets:
        raise UsageError(
            f"method 'lora' adapts attention layers, and {model.config.model_type!r} has none; "
            "use method: full or method: head"
        )
    head = head_of(model)
    head_name = next(name for name, module in model.named_modules() if module is head)
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=targets,
        modules_to_save=[head_name],
    )
    # The adapters' first weights are random: a resumed run must draw the same.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return get_peft_model(model, config)


def merge_lora(model: nn.Module) -> PreTrainedModel:
    """The plain model with its adapters added into the weights."""
    return model.merge_and_unload()  # type: ignore[operator]


def freeze_layers(model: PreTrainedModel, count: int) -> None:
    """Stop the first `count` layers from learning: the patch embedding (or stem), then blocks.

    Raises:
        UsageError: the model has fewer layers than that.
    """
    if count == 0:
        return
    layers = _layers(model)
    if count > len(layers):
        raise UsageError(
            f"layers_to_freeze {count}: {model.config.model_type!r} has {len(layers)} layers "
            "(the embedding and its blocks)"
        )
    for layer in layers[:count]:
        layer.requires_grad_(False)


def _layers(model: PreTrainedModel) -> list[nn.Module]:
    """The stem and then the blocks of the backbone, in the order an image passes them."""
    backbone: nn.Module = model.base_model
    # A linear head of ours stands on transformers' wrapper of timm's network.
    backbone = getattr(backbone, "timm_model", backbone)
    stem = next(
        (module for name, module in backbone.named_children() if name in _STEMS),
        None,
    )
    # The outermost list of layers is the sequence of blocks (ViT) or stages (Swin, ResNet).
    blocks = next(
        (
            module
            for name, module in backbone.named_modules()
            if (isinstance(module, nn.ModuleList) or name in _TIMM_BLOCKS) and len(module) > 1
        ),
        nn.ModuleList(),
    )
    if stem is None and blocks and hasattr(blocks[0], "downsample_layers"):
        # DINOv3's ConvNeXt has its stem inside its first stage.
        stem = blocks[0].get_submodule("downsample_layers")
    first = [] if stem is None else [stem]
    if stem is not None and hasattr(stem, "first_conv"):
        # MobileNetV2, counted as torchvision's `features` are: its stem is the first two of 19.
        rest = [module for name, module in stem.named_children() if name != "first_conv"]
        first = [stem.get_submodule("first_conv"), nn.ModuleList(rest)]
    last = [backbone.get_submodule("conv_1x1")] if hasattr(backbone, "conv_1x1") else []
    return [*first, *blocks, *last]
