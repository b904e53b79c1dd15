"""EfficientNet-Lite0 as timm has it (`tf_efficientnet_lite0`), with the weights of the package that
Tintype's `tintype/efficientnet-lite0` is made of: peers that know timm start from the same network.
"""

from __future__ import annotations

from pathlib import Path

from timm_folder import write_timm_folder

# Of the seven stages: how many blocks.
_BLOCKS = (1, 2, 2, 3, 3, 4, 1)


def write_timm_lite0(folder: Path) -> Path:
    """Write config.json and weights to `folder`, as timm reads a local folder; it is returned."""
    from tintype.models.checkpoint import resolve_checkpoint
    from tintype.models.classifier import load_classifier

    if (folder / "config.json").exists():
        return folder
    model = load_classifier(resolve_checkpoint("tintype/efficientnet-lite0"))
    # Without the head: timm makes a new one.
    state = {
        _timm_name(name.removeprefix("efficientnet_lite.")): tensor.clone()
        for name, tensor in model.state_dict().items()
        if not name.startswith("classifier.")
    }
    write_timm_folder(
        folder,
        "tf_efficientnet_lite0",
        state,
        features=1280,
        input_size=[3, 224, 224],
        interpolation="bicubic",
        crop_pct=0.875,
        first_conv="conv_stem",
        classifier="classifier",
    )
    return folder


def _timm_name(name: str) -> str:
    """Our name of a tensor -> timm's."""
    parts = name.split(".")
    convolution = parts[-2] == "convolution"
    if parts[0] in ("stem", "top"):
        names = {"stem": ("conv_stem", "bn1"), "top": ("conv_head", "bn2")}[parts[0]]
        return f"{names[0 if convolution else 1]}.{parts[-1]}"
    number, part = int(parts[1]), parts[2]
    stage = 0
    while number >= _BLOCKS[stage]:
        number -= _BLOCKS[stage]
        stage += 1
    # The first stage expands nothing: its projection is what timm calls its pointwise convolution.
    inner = (
        {"depthwise": ("conv_dw", "bn1"), "project": ("conv_pw", "bn2")}
        if stage == 0
        else {
            "expand": ("conv_pw", "bn1"),
            "depthwise": ("conv_dw", "bn2"),
            "project": ("conv_pwl", "bn3"),
        }
    )[part]
    return f"blocks.{stage}.{number}.{inner[0 if convolution else 1]}.{parts[-1]}"
