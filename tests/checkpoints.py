"""Small checkpoints in real Hub format, made by transformers itself, one per architecture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tintype.models import efficientnet_lite

efficientnet_lite.register_efficientnet_lite()

VIT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "image_size": 32,
    "patch_size": 8,
}
SWIN = {
    "image_size": 32,
    "patch_size": 4,
    "embed_dim": 16,
    "depths": [1, 1],
    "num_heads": [2, 2],
    "window_size": 4,
}


def _square(name: str) -> Callable[[Any], Any]:
    return lambda library: getattr(library, name)(size={"height": 32, "width": 32})


def _cropped(name: str) -> Callable[[Any], Any]:
    return lambda library: getattr(library, name)(
        size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32}, do_center_crop=True
    )


def _convnext(library: Any) -> Any:
    return library.ConvNextImageProcessor(size={"shortest_edge": 32}, crop_pct=0.875)


# family -> (config class, its arguments, model class, processor)
ARCHITECTURES: dict[str, tuple[str, dict[str, Any], str, Callable[[Any], Any]]] = {
    "vit": ("ViTConfig", VIT, "ViTForImageClassification", _square("ViTImageProcessor")),
    "beit": (
        "BeitConfig",
        {**VIT, "use_relative_position_bias": True, "use_mean_pooling": True},
        "BeitForImageClassification",
        _square("BeitImageProcessor"),
    ),
    "deit": (
        "DeiTConfig",
        VIT,
        "DeiTForImageClassification",
        lambda library: library.DeiTImageProcessor(
            size={"height": 36, "width": 36}, crop_size={"height": 32, "width": 32}
        ),
    ),
    "dinov2": ("Dinov2Config", VIT, "Dinov2ForImageClassification", _cropped("BitImageProcessor")),
    "swin": ("SwinConfig", SWIN, "SwinForImageClassification", _square("ViTImageProcessor")),
    "swinv2": ("Swinv2Config", SWIN, "Swinv2ForImageClassification", _square("ViTImageProcessor")),
    "convnext": (
        "ConvNextConfig",
        {"hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1, 1]},
        "ConvNextForImageClassification",
        _convnext,
    ),
    "convnextv2": (
        "ConvNextV2Config",
        {"hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1, 1]},
        "ConvNextV2ForImageClassification",
        _convnext,
    ),
    "resnet": (
        "ResNetConfig",
        {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]},
        "ResNetForImageClassification",
        _convnext,
    ),
    "efficientnet_lite": (
        "EfficientNetLiteConfig",
        {
            "width_coefficient": 0.25,
            "depth_coefficient": 0.3,
            "stem_channels": 8,
            "hidden_size": 32,
        },
        "EfficientNetLiteForImageClassification",
        _cropped("BitImageProcessor"),
    ),
    "mobilenet_v2": (
        "MobileNetV2Config",
        {"image_size": 32, "depth_multiplier": 0.25},
        "MobileNetV2ForImageClassification",
        _cropped("MobileNetV2ImageProcessor"),
    ),
}

FAMILIES = tuple(ARCHITECTURES)

_CLIP_WORDS = ("a", "photo", "of", "cat", "dog", "can", "carton", "red", "blue")


def write_checkpoint(
    folder: Path,
    family: str = "vit",
    *,
    labels: tuple[str, ...] = ("can", "carton", "jug"),
    multilabel: bool = False,
) -> Path:
    """Save a random but always equal model of `family` with its processor; returns `folder`."""
    import transformers

    config_name, arguments, model_name, processor = ARCHITECTURES[family]
    # One network is our own; its names are not transformers'.
    home = efficientnet_lite if hasattr(efficientnet_lite, model_name) else transformers
    config = getattr(home, config_name)(
        **arguments,
        id2label=dict(enumerate(labels)),
        label2id={label: code for code, label in enumerate(labels)},
        problem_type="multi_label_classification" if multilabel else None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = getattr(home, model_name)(config)
        # Larger weights than a fresh model's, so that predictions differ between images.
        for name, parameter in model.named_parameters():
            if "classifier" in name and parameter.ndim > 1:
                parameter.data.normal_(0, 0.5)
            elif family in ("mobilenet_v2", "efficientnet_lite") and parameter.ndim == 4:
                # Its own small initial weights fade to nothing over fifty layers.
                torch.nn.init.kaiming_normal_(parameter)
        model.save_pretrained(folder)
    processor(transformers).save_pretrained(folder)
    return folder


def write_clip(folder: Path, *, tokenizer_file: bool = True, side: int = 32) -> Path:
    """Save a random but always equal CLIP with processor and tokenizer; returns `folder`.

    Args:
        tokenizer_file: False leaves only vocab.json and merges.txt, as older repositories do.
    """
    import transformers

    tower = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    }
    vocabulary = write_clip_tokenizer(folder, length=16, tokenizer_file=tokenizer_file)
    config = transformers.CLIPConfig(
        text_config={
            **tower,
            "vocab_size": len(vocabulary),
            "max_position_embeddings": 16,
            "bos_token_id": vocabulary["<|startoftext|>"],
            "eos_token_id": vocabulary["<|endoftext|>"],
            "pad_token_id": vocabulary["<|endoftext|>"],
        },
        vision_config={**tower, "image_size": side, "patch_size": 8},
        projection_dim=24,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.CLIPModel(config)
        enlarge_weights(model, 0.15, but="position")
        model.save_pretrained(folder)
    transformers.CLIPImageProcessor(
        size={"shortest_edge": side}, crop_size={"height": side, "width": side}
    ).save_pretrained(folder)
    return folder


def enlarge_weights(model: torch.nn.Module, deviation: float, *, but: str) -> None:
    """Draw larger weights than a fresh model's, so that inputs do not all look alike.

    Args:
        but: parameters with this in their name, and vectors, stay as they are.
    """
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1 and but not in name:
            parameter.data.normal_(0, deviation)


def write_clip_tokenizer(
    folder: Path, *, length: int, tokenizer_file: bool = True
) -> dict[str, int]:
    """Save a tokenizer of CLIP's kind that knows a few whole words; returns its vocabulary."""
    import json

    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(code) for code in range(ord("!"), ord("~") + 1)]
    merges: list[str] = []
    for word in _CLIP_WORDS:
        parts = [*word[:-1], f"{word[-1]}</w>"]
        while len(parts) > 1:
            merge = f"{parts[0]} {parts[1]}"
            if merge not in merges:
                merges.append(merge)
            parts = [parts[0] + parts[1], *parts[2:]]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    tokens += [merge.replace(" ", "") for merge in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: code for code, token in enumerate(dict.fromkeys(tokens))}

    def write_parts() -> None:
        (folder / "vocab.json").write_text(json.dumps(vocabulary))
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")

    write_parts()
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = length
    tokenizer.save_pretrained(folder)
    if not tokenizer_file:
        (folder / "tokenizer.json").unlink()
        write_parts()
    return vocabulary
