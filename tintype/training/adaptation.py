"""Which weights learn, and how fast: all of them, all but the first layers, low-rank adapters beside
them; each layer at its own rate."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from tintype.errors import UsageError
from tintype.models.classifier import head_of

__all__ = ["add_lora", "freeze_layers", "layer_scales", "layers_of", "merge_lora"]

# The attention projections that LoRA's paper adapts (Hu 2021, §4.2), as transformers' image
# models name them.
_QUERY_AND_VALUE = ("query", "value", "q_proj", "v_proj", "q_lin", "v_lin", "qkv")

# What an image passes first, as transformers and timm name it, and timm's rows of blocks or stages.
_STEMS = ("embeddings", "embedder", "conv_stem", "patch_embed", "stem", "conv1")
_TIMM_BLOCKS = ("blocks", "stages")

# timm's ResNets have their stages one by one.
_TIMM_STAGE = re.compile(r"layer\d+")

# The blocks inside a stage, as transformers and timm name them.
_INNER_BLOCKS = ("blocks", "layers")


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
    layers = layers_of(model)
    if count > len(layers):
        raise UsageError(
            f"layers_to_freeze {count}: {model.config.model_type!r} has {len(layers)} layers "
            "(the embedding and its blocks)"
        )
    for layer in layers[:count]:
        layer.requires_grad_(False)


def layer_scales(model: nn.Module, decay: float) -> dict[int, float]:
    """What the learning rate of each parameter is multiplied by, by `id(parameter)`.

    The head, and what stands between the last block and it, learn at the whole rate, each block
    before at `decay` times the rate of the one after it, and the stem or patch embedding slowest
    (ELECTRA, Clark et al. 2020; BEiT, Bao et al. 2021). Blocks of a network in stages count one by
    one, through all stages.

    Args:
        model: a classifier, or one with LoRA's adapters, which have the rates of their layers.
    """
    whole: Any = model
    plain = whole.get_base_model() if hasattr(whole, "get_base_model") else whole
    parts: list[list[nn.Module]] = []
    for place, layer in enumerate(layers_of(plain)):
        parts.extend(_parts(layer) if place else [[layer]])
    scales = {id(parameter): 1.0 for parameter in model.parameters()}
    # Backwards: a stem that lies inside the first stage (DINOv3's ConvNeXt) stays a stem.
    for depth, modules in reversed(list(enumerate(parts))):
        for module in modules:
            for parameter in module.parameters():
                scales[id(parameter)] = decay ** (len(parts) - depth)
    backbone = _backbone(plain)
    beside = [p for name, p in backbone.named_parameters(recurse=False) if _is_stem(name)]
    first_block = {id(p) for layer in layers_of(plain)[1:2] for p in layer.parameters()}
    for child in backbone.children():
        # What stands before the first block goes with the stem, such as timm's first normalisation.
        if not first_block or any(id(p) in first_block for p in child.parameters()):
            break
        beside += list(child.parameters())
    for parameter in beside:
        scales[id(parameter)] = decay ** len(parts)
    return scales


def _parts(layer: nn.Module) -> list[list[nn.Module]]:
    """A block as it is; a stage by its blocks, each with what stands before the first or after the
    last of them."""
    children = dict(layer.named_children())
    inner: nn.Module | None = next(
        (children[name] for name in _INNER_BLOCKS if name in children), None
    )
    if isinstance(layer, nn.Sequential) and inner is None:
        return [[block] for block in layer.children()] or [[layer]]
    if not isinstance(inner, nn.ModuleList | nn.Sequential) or not len(inner):
        return [[layer]]
    blocks = [[block] for block in inner]
    place = 0
    for child in children.values():
        if child is inner:
            place = -1
        else:
            blocks[place].append(child)
    return blocks


def _is_stem(name: str) -> bool:
    """Whether a parameter of the backbone itself is added to the patches: timm's ViTs have [CLS] and
    position embeddings beside their patch embedding."""
    return "token" in name or "embed" in name


def _backbone(model: PreTrainedModel) -> nn.Module:
    """The network without its head."""
    backbone: nn.Module = model.base_model
    # CLIP's and SigLIP's image tower lies one deeper; a head of ours stands on transformers'
    # wrapper of timm's network.
    for inner in ("vision_model", "timm_model"):
        backbone = getattr(backbone, inner, backbone)
    return backbone


def layers_of(model: PreTrainedModel) -> list[nn.Module]:
    """The stem and then the blocks of the backbone, in the order an image passes them."""
    backbone = _backbone(model)
    stem = next(
        (module for name, module in backbone.named_children() if name in _STEMS),
        None,
    )
    stages = [m for name, m in backbone.named_children() if _TIMM_STAGE.fullmatch(name)]
    # The outermost list of layers is the sequence of blocks (ViT) or stages (Swin, ResNet).
    blocks: Any = stages or next(
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
