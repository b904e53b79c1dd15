"""Image features of a backbone: which kinds a family has, and how each is taken from its output.

    cls         the [CLS] state after the last layer's normalisation (BEiT: without, it has none)
    mean        the mean over patches (BEiT, Swin: with the normalisation before their head; a
                convolutional network: its pooled map; timm: whatever its head takes, but [CLS])
    projection  CLIP's or SigLIP's image embedding, in the space it shares with text (SigLIP: its
                attention-pooled output)

The default of a family is what its documents use: [CLS] for ViT, DINOv2 and DINOv3, the mean for
BEiT, the projection for CLIP and SigLIP.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import nn

from tintype.errors import CheckpointError, UsageError
from tintype.models.checkpoint import Checkpoint
from tintype.models.timm_library import TIMM, timm_pooling
from tintype.models.weights import (
    LazyTensor,
    StoredTensor,
    one_tensor_at_a_time,
    refuse_nonfinite,
    stored_tensors,
)
from tintype.quiet import quiet_transformers

__all__ = [
    "POOLINGS",
    "Pooling",
    "features_of",
    "has_features",
    "load_backbone",
    "load_text_backbone",
    "pooling_for",
    "text_features_of",
]

Pooling = Literal["cls", "mean", "projection"]
POOLINGS: tuple[Pooling, ...] = ("cls", "mean", "projection")

# Tokens before the patches, [CLS] the first of them; None where the family gives its mean, or
# whatever its head takes, as pooler_output.
_FAMILIES: Mapping[str, int | None] = {
    "vit": 1,
    "beit": 1,
    "data2vec-vision": 1,
    "deit": 2,
    "dinov2": 1,
    "dinov2_with_registers": 1,
    "dinov3_vit": 1,
    "dinov3_convnext": None,
    "clip": 1,
    "clip_vision_model": 1,
    "siglip": 0,
    "siglip_vision_model": 0,
    "swin": None,
    "swinv2": None,
    "resnet": None,
    "convnext": None,
    "convnextv2": None,
    "mobilenet_v1": None,
    "mobilenet_v2": None,
    "regnet": None,
    "efficientnet": None,
    "efficientnet_lite": None,
    "timm_wrapper": None,
}

# With both towers, or the image tower alone.
_CLIP = ("clip", "clip_vision_model")
_SIGLIP = ("siglip", "siglip_vision_model")

# Their pooler is the normalised mean over patches, unless the config says [CLS].
_MEAN_POOLERS = ("beit", "data2vec-vision")


def has_features(checkpoint: Checkpoint) -> bool:
    """Whether the features of its family are known here."""
    return checkpoint.family in _FAMILIES


def pooling_for(checkpoint: Checkpoint, wanted: str = "auto") -> Pooling:
    """The pooling called `wanted`, or the family's own for "auto".

    Raises:
        CheckpointError: a family whose features are not known here.
        UsageError: no such pooling, or the family has none of that kind.
    """
    family = checkpoint.family
    if not has_features(checkpoint):
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r}: embeddings of the family {family!r} are not known; "
            f"known are {', '.join(sorted(_FAMILIES))}"
        )
    available: tuple[Pooling, ...] = ("cls", "mean") if _FAMILIES[family] else ("mean",)
    default: Pooling = available[0]
    if family == TIMM:
        default = timm_pooling(checkpoint.config)
        available = (default,)
    tower = checkpoint.config.get("vision_config") or checkpoint.config
    if family in _CLIP or (family in _SIGLIP and tower.get("vision_use_head", True)):
        available, default = (*available, "projection"), "projection"
    if family in _MEAN_POOLERS and checkpoint.config.get("use_mean_pooling", True):
        default = "mean"
    for pooling in available:
        if pooling == (default if wanted == "auto" else wanted):
            return pooling
    raise UsageError(f"pooling {wanted!r} of {family}: expected auto or {' or '.join(available)}")


def load_backbone(
    checkpoint: Checkpoint, pooling: Pooling, *, dtype: torch.dtype = torch.float32
) -> nn.Module:
    """The checkpoint's image backbone, on the CPU, in evaluation mode.

    In bf16 the weights are read piece by piece, so that the peak of memory is the model's own size.

    Raises:
        CheckpointError: damaged, incomplete or NaN weights.
    """
    from transformers import MODEL_MAPPING, CLIPVisionModelWithProjection, SiglipVisionModel

    config = checkpoint.transformers_config()
    if checkpoint.family == "siglip":
        return _load(checkpoint, SiglipVisionModel, config.vision_config, dtype)
    if checkpoint.family in _CLIP:
        if checkpoint.family == "clip":
            config.vision_config.projection_dim = config.projection_dim
            config = config.vision_config
        return _load(checkpoint, CLIPVisionModelWithProjection, config, dtype)
    return _load(checkpoint, MODEL_MAPPING[type(config)], config, dtype)


def load_text_backbone(checkpoint: Checkpoint) -> nn.Module:
    """The text tower with its projection, in float32, on the CPU, in evaluation mode.

    Args:
        checkpoint: of a family in `TEXT_AND_IMAGE`.

    Raises:
        CheckpointError: damaged, incomplete or NaN weights.
    """
    from transformers import CLIPTextModelWithProjection, SiglipTextModel

    config = checkpoint.transformers_config()
    if checkpoint.family == "siglip":
        return _load(checkpoint, SiglipTextModel, config.text_config, torch.float32)
    config.text_config.projection_dim = config.projection_dim
    return _load(checkpoint, CLIPTextModelWithProjection, config.text_config, torch.float32)


def features_of(model: nn.Module, pooling: Pooling, pixel_values: torch.Tensor) -> torch.Tensor:
    """Features (n, D) of `pixel_values` (n, 3, height, width) by a model of `load_backbone`."""
    outputs = model(pixel_values=pixel_values)
    config: Any = model.config
    family = config.model_type
    if pooling == "projection":
        return outputs.pooler_output if family in _SIGLIP else outputs.image_embeds
    states = outputs.last_hidden_state
    special = _FAMILIES[family]
    if special is None:
        return outputs.pooler_output.flatten(1)
    if pooling == "mean":
        if family in _MEAN_POOLERS and config.use_mean_pooling:
            return outputs.pooler_output
        return states[:, special + getattr(config, "num_register_tokens", 0) :].mean(1)
    if family in _CLIP:
        return model.vision_model.post_layernorm(states[:, 0])  # type: ignore[union-attr, operator]
    return states[:, 0]


def text_features_of(model: nn.Module, token_ids: torch.Tensor) -> torch.Tensor:
    """Text embeddings (n, D) of `token_ids` (n, length) by a model of `load_text_backbone`."""
    outputs = model(input_ids=token_ids)
    config: Any = model.config
    return (
        outputs.pooler_output if config.model_type == "siglip_text_model" else outputs.text_embeds
    )


def _load(checkpoint: Checkpoint, kind: Any, config: Any, dtype: torch.dtype) -> nn.Module:
    from safetensors import SafetensorError

    # Read piece by piece, the weights never lie in memory a second time.
    streamed = dtype != torch.float32
    tensors = stored_tensors(checkpoint.folder) if streamed else {}
    lazy = {
        name: LazyTensor(tensor, dtype) for name, tensor in tensors.items() if _is_float(tensor)
    }
    try:
        with quiet_transformers(), one_tensor_at_a_time(checkpoint.folder):
            model, information = kind.from_pretrained(
                None if streamed else str(checkpoint.folder),
                config=config,
                state_dict=lazy if streamed else None,
                dtype=dtype,
                use_safetensors=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, SafetensorError, RuntimeError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r} cannot be loaded: {reason}"
        ) from None
    gaps = [name for name in information["missing_keys"] if not _may_be_missing(config, name)]
    if gaps or information.get("mismatched_keys"):
        shown = sorted(gaps or [str(entry[0]) for entry in information["mismatched_keys"]])[0]
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r} lacks weights of a {checkpoint.family} backbone, or "
            f"has them in another shape: {shown}"
        )
    if not streamed:
        refuse_nonfinite(model, checkpoint.name)
    return model.eval()


def _is_float(tensor: StoredTensor) -> bool:
    # CLIP's older files hold position ids, which the architecture makes by itself.
    return tensor.dtype.startswith(("F", "BF"))


def _may_be_missing(config: Any, name: str) -> bool:
    """Whether no output reads the weight: ViT's pooler, which its classifiers come without."""
    return "pooler" in name and config.model_type not in _MEAN_POOLERS
