"""The architectures of the published checkpoints, as their config.json on the Hub describe them.

Weights are random: none can be downloaded here. Sizes, and so speed and memory, are the real ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

# name -> (config class, arguments, model class, processor class, its arguments)
Published = tuple[str, dict[str, Any], str, str, dict[str, Any]]

_SQUARE = {"size": {"height": 224, "width": 224}}
_HALF = {**_SQUARE, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
_IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
_CROPPED = {
    "size": {"shortest_edge": 256},
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "do_convert_rgb": True,
    "resample": 3,
    **_IMAGENET,
}


def _vit(hidden: int, layers: int, heads: int, labels: int = 1000) -> dict[str, Any]:
    return {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": 4 * hidden,
        "num_labels": labels,
    }


def _dinov2(hidden: int, layers: int, heads: int, **more: Any) -> dict[str, Any]:
    return {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "image_size": 518,
        "patch_size": 14,
        **more,
    }


def _dinov3(hidden: int, layers: int, heads: int, **more: Any) -> dict[str, Any]:
    return {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": 4 * hidden,
        "num_register_tokens": 4,
        **more,
    }


def _clip(vision: dict[str, Any], text: dict[str, Any], projection: int) -> dict[str, Any]:
    return {
        "vision_config": {**vision, "projection_dim": projection},
        "text_config": {**text, "projection_dim": projection, "bos_token_id": 0, "eos_token_id": 2},
        "projection_dim": projection,
    }


def _siglip(version: int, tower: dict[str, Any], **vision: Any) -> dict[str, Any]:
    vocabulary = {1: 32_000, 2: 256_000}[version]
    return {
        "vision_config": {**tower, **vision},
        "text_config": {**tower, "vocab_size": vocabulary, "bos_token_id": 2, "eos_token_id": 1},
    }


_LARGE = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
}
_CLIP_L_TEXT = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12}
_SO400M = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
}


def _resnet(depths: list[int], kind: str) -> dict[str, Any]:
    sizes = [64, 128, 256, 512] if kind == "basic" else [256, 512, 1024, 2048]
    return {"depths": depths, "hidden_sizes": sizes, "layer_type": kind, "num_labels": 1000}


def _convnextv2(depths: list[int], sizes: list[int]) -> dict[str, Any]:
    return {"depths": depths, "hidden_sizes": sizes, "num_labels": 1000}


# DINOv3's own processor needs torchvision; this does the same.
_DINOV3_PROCESSOR = {**_SQUARE, "resample": 2, **_IMAGENET}
_RESNET_PROCESSOR = {"size": {"shortest_edge": 224}, "crop_pct": 0.875, **_IMAGENET}

PUBLISHED: dict[str, Published] = {
    "microsoft/beit-base-patch16-224-pt22k-ft22k": (
        "BeitConfig",
        {
            "num_labels": 21841,
            "use_relative_position_bias": True,
            "use_mean_pooling": True,
            "layer_scale_init_value": 0.1,
        },
        "BeitForImageClassification",
        "BeitImageProcessor",
        {**_HALF, "do_center_crop": False, "resample": 2},
    ),
    "google/vit-base-patch16-224": (
        "ViTConfig",
        _vit(768, 12, 12),
        "ViTForImageClassification",
        "ViTImageProcessor",
        _HALF,
    ),
    "google/vit-large-patch16-224": (
        "ViTConfig",
        _vit(1024, 24, 16),
        "ViTForImageClassification",
        "ViTImageProcessor",
        _HALF,
    ),
    "WinKawaks/vit-small-patch16-224": (
        "ViTConfig",
        _vit(384, 12, 6),
        "ViTForImageClassification",
        "ViTImageProcessor",
        _HALF,
    ),
    "facebook/deit-base-patch16-224": (
        "ViTConfig",
        _vit(768, 12, 12),
        "ViTForImageClassification",
        "DeiTImageProcessor",
        {
            "size": {"height": 256, "width": 256},
            "crop_size": {"height": 224, "width": 224},
            **_IMAGENET,
        },
    ),
    "microsoft/swinv2-base-patch4-window12-192-22k": (
        "Swinv2Config",
        {
            "image_size": 192,
            "embed_dim": 128,
            "depths": [2, 2, 18, 2],
            "num_heads": [4, 8, 16, 32],
            "window_size": 12,
            "num_labels": 21841,
        },
        "Swinv2ForImageClassification",
        "ViTImageProcessor",
        {"size": {"height": 192, "width": 192}, "resample": 3, **_IMAGENET},
    ),
    "facebook/dinov2-small": (
        "Dinov2Config",
        _dinov2(384, 12, 6),
        "Dinov2Model",
        "BitImageProcessor",
        _CROPPED,
    ),
    "facebook/dinov2-base": (
        "Dinov2Config",
        _dinov2(768, 12, 12),
        "Dinov2Model",
        "BitImageProcessor",
        _CROPPED,
    ),
    "microsoft/rad-dino": (
        "Dinov2Config",
        _dinov2(768, 12, 12),
        "Dinov2Model",
        "BitImageProcessor",
        {
            **_CROPPED,
            "size": {"shortest_edge": 518},
            "crop_size": {"height": 518, "width": 518},
            "image_mean": [0.5307] * 3,
            "image_std": [0.2583] * 3,
        },
    ),
    "facebook/dinov2-large": (
        "Dinov2Config",
        _dinov2(1024, 24, 16),
        "Dinov2Model",
        "BitImageProcessor",
        _CROPPED,
    ),
    "facebook/dinov2-giant": (
        "Dinov2Config",
        _dinov2(1536, 40, 24, use_swiglu_ffn=True),
        "Dinov2Model",
        "BitImageProcessor",
        _CROPPED,
    ),
    "facebook/dinov2-base-imagenet1k-1-layer": (
        "Dinov2Config",
        _dinov2(768, 12, 12, num_labels=1000),
        "Dinov2ForImageClassification",
        "BitImageProcessor",
        _CROPPED,
    ),
    "facebook/dinov3-vits16-pretrain-lvd1689m": (
        "DINOv3ViTConfig",
        _dinov3(384, 12, 6),
        "DINOv3ViTModel",
        "ViTImageProcessor",
        _DINOV3_PROCESSOR,
    ),
    "facebook/dinov3-vits16plus-pretrain-lvd1689m": (
        "DINOv3ViTConfig",
        _dinov3(384, 12, 6, use_gated_mlp=True),
        "DINOv3ViTModel",
        "ViTImageProcessor",
        _DINOV3_PROCESSOR,
    ),
    "facebook/dinov3-vitb16-pretrain-lvd1689m": (
        "DINOv3ViTConfig",
        _dinov3(768, 12, 12),
        "DINOv3ViTModel",
        "ViTImageProcessor",
        _DINOV3_PROCESSOR,
    ),
    "facebook/dinov3-vitl16-pretrain-lvd1689m": (
        "DINOv3ViTConfig",
        _dinov3(1024, 24, 16),
        "DINOv3ViTModel",
        "ViTImageProcessor",
        _DINOV3_PROCESSOR,
    ),
    "facebook/dinov3-vith16plus-pretrain-lvd1689m": (
        "DINOv3ViTConfig",
        _dinov3(1280, 32, 20, use_gated_mlp=True),
        "DINOv3ViTModel",
        "ViTImageProcessor",
        _DINOV3_PROCESSOR,
    ),
    "facebook/dinov3-convnext-tiny-pretrain-lvd1689m": (
        "DINOv3ConvNextConfig",
        {"depths": [3, 3, 9, 3], "hidden_sizes": [96, 192, 384, 768]},
        "DINOv3ConvNextModel",
        "ViTImageProcessor",
        _DINOV3_PROCESSOR,
    ),
    "facebook/dinov3-convnext-small-pretrain-lvd1689m": (
        "DINOv3ConvNextConfig",
        {"depths": [3, 3, 27, 3], "hidden_sizes": [96, 192, 384, 768]},
        "DINOv3ConvNextModel",
        "ViTImageProcessor",
        _DINOV3_PROCESSOR,
    ),
    "facebook/dinov3-convnext-base-pretrain-lvd1689m": (
        "DINOv3ConvNextConfig",
        {"depths": [3, 3, 27, 3], "hidden_sizes": [128, 256, 512, 1024]},
        "DINOv3ConvNextModel",
        "ViTImageProcessor",
        _DINOV3_PROCESSOR,
    ),
    "facebook/dinov3-convnext-large-pretrain-lvd1689m": (
        "DINOv3ConvNextConfig",
        {"depths": [3, 3, 27, 3], "hidden_sizes": [192, 384, 768, 1536]},
        "DINOv3ConvNextModel",
        "ViTImageProcessor",
        _DINOV3_PROCESSOR,
    ),
    "openai/clip-vit-base-patch32": (
        "CLIPConfig",
        _clip({"patch_size": 32}, {}, 512),
        "CLIPModel",
        "CLIPImageProcessor",
        {},
    ),
    "openai/clip-vit-large-patch14": (
        "CLIPConfig",
        _clip({**_LARGE, "patch_size": 14}, _CLIP_L_TEXT, 768),
        "CLIPModel",
        "CLIPImageProcessor",
        {},
    ),
    "openai/clip-vit-large-patch14-336": (
        "CLIPConfig",
        _clip({**_LARGE, "patch_size": 14, "image_size": 336}, _CLIP_L_TEXT, 768),
        "CLIPModel",
        "CLIPImageProcessor",
        {"size": {"shortest_edge": 336}, "crop_size": {"height": 336, "width": 336}},
    ),
    "google/siglip2-base-patch16-224": (
        "SiglipConfig",
        _siglip(2, {}),
        "SiglipModel",
        "SiglipImageProcessor",
        _SQUARE,
    ),
    "google/siglip2-large-patch16-256": (
        "SiglipConfig",
        _siglip(2, _LARGE, image_size=256),
        "SiglipModel",
        "SiglipImageProcessor",
        {"size": {"height": 256, "width": 256}},
    ),
    "google/siglip2-so400m-patch14-224": (
        "SiglipConfig",
        _siglip(2, _SO400M, patch_size=14),
        "SiglipModel",
        "SiglipImageProcessor",
        _SQUARE,
    ),
    "google/siglip-base-patch16-224": (
        "SiglipConfig",
        _siglip(1, {}),
        "SiglipModel",
        "SiglipImageProcessor",
        _SQUARE,
    ),
    "google/siglip-so400m-patch14-384": (
        "SiglipConfig",
        _siglip(1, _SO400M, image_size=384, patch_size=14),
        "SiglipModel",
        "SiglipImageProcessor",
        {"size": {"height": 384, "width": 384}},
    ),
    "microsoft/resnet-18": (
        "ResNetConfig",
        _resnet([2, 2, 2, 2], "basic"),
        "ResNetForImageClassification",
        "ConvNextImageProcessor",
        _RESNET_PROCESSOR,
    ),
    "microsoft/resnet-34": (
        "ResNetConfig",
        _resnet([3, 4, 6, 3], "basic"),
        "ResNetForImageClassification",
        "ConvNextImageProcessor",
        _RESNET_PROCESSOR,
    ),
    "microsoft/resnet-50": (
        "ResNetConfig",
        _resnet([3, 4, 6, 3], "bottleneck"),
        "ResNetForImageClassification",
        "ConvNextImageProcessor",
        _RESNET_PROCESSOR,
    ),
    "microsoft/resnet-101": (
        "ResNetConfig",
        _resnet([3, 4, 23, 3], "bottleneck"),
        "ResNetForImageClassification",
        "ConvNextImageProcessor",
        _RESNET_PROCESSOR,
    ),
    "microsoft/resnet-152": (
        "ResNetConfig",
        _resnet([3, 8, 36, 3], "bottleneck"),
        "ResNetForImageClassification",
        "ConvNextImageProcessor",
        _RESNET_PROCESSOR,
    ),
    "facebook/convnextv2-atto-1k-224": (
        "ConvNextV2Config",
        _convnextv2([2, 2, 6, 2], [40, 80, 160, 320]),
        "ConvNextV2ForImageClassification",
        "ConvNextImageProcessor",
        _RESNET_PROCESSOR,
    ),
    "facebook/convnextv2-nano-22k-224": (
        "ConvNextV2Config",
        _convnextv2([2, 2, 8, 2], [80, 160, 320, 640]),
        "ConvNextV2ForImageClassification",
        "ConvNextImageProcessor",
        _RESNET_PROCESSOR,
    ),
    "facebook/convnextv2-tiny-1k-224": (
        "ConvNextV2Config",
        _convnextv2([3, 3, 9, 3], [96, 192, 384, 768]),
        "ConvNextV2ForImageClassification",
        "ConvNextImageProcessor",
        _RESNET_PROCESSOR,
    ),
    "facebook/convnextv2-tiny-22k-224": (
        "ConvNextV2Config",
        _convnextv2([3, 3, 9, 3], [96, 192, 384, 768]),
        "ConvNextV2ForImageClassification",
        "ConvNextImageProcessor",
        _RESNET_PROCESSOR,
    ),
    "facebook/convnextv2-base-22k-224": (
        "ConvNextV2Config",
        _convnextv2([3, 3, 27, 3], [128, 256, 512, 1024]),
        "ConvNextV2ForImageClassification",
        "ConvNextImageProcessor",
        _RESNET_PROCESSOR,
    ),
    "facebook/convnextv2-large-22k-224": (
        "ConvNextV2Config",
        _convnextv2([3, 3, 27, 3], [192, 384, 768, 1536]),
        "ConvNextV2ForImageClassification",
        "ConvNextImageProcessor",
        _RESNET_PROCESSOR,
    ),
    "google/mobilenet_v2_1.0_224": (
        "MobileNetV2Config",
        {"num_labels": 1001},
        "MobileNetV2ForImageClassification",
        "MobileNetV2ImageProcessor",
        {
            "size": {"shortest_edge": 256},
            "crop_size": {"height": 224, "width": 224},
            "do_center_crop": True,
            "image_mean": [0.5] * 3,
            "image_std": [0.5] * 3,
        },
    ),
}


def count_published(name: str) -> int:
    """Parameters of the architecture, without allocating them."""
    import torch
    import transformers

    config_name, arguments, model_name, _, _ = PUBLISHED[name]
    with torch.device("meta"):
        model = getattr(transformers, model_name)(getattr(transformers, config_name)(**arguments))
    return sum(parameter.numel() for parameter in model.parameters())


def write_published(name: str, folder: Path) -> Path:
    """Save the architecture with random weights and its processor, in Hub format."""
    import torch
    import transformers
    from checkpoints import write_clip_tokenizer

    config_name, arguments, model_name, processor_name, processing = PUBLISHED[name]
    config = getattr(transformers, config_name)(**arguments)
    if config_name == "CLIPConfig":
        write_clip_tokenizer(folder, length=77)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = getattr(transformers, model_name)(config)
        for parameter in model.parameters() if "MobileNet" in model_name else ():
            # Its own small initial weights fade to nothing over fifty layers.
            if parameter.ndim == 4:
                torch.nn.init.kaiming_normal_(parameter)
        model.save_pretrained(folder)
    getattr(transformers, processor_name)(**processing).save_pretrained(folder)
    return folder
