"""Weights as timm reads them from a local folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch


def write_timm_folder(
    folder: Path, architecture: str, state: dict[str, torch.Tensor], *, features: int, **seen: Any
) -> None:
    """Write config.json and weights of `architecture` to `folder`.

    Args:
        features: that its classifier takes.
        seen: what its pretraining saw, as timm's `pretrained_cfg` names it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # timm, in the peer's own environment, reads nothing else from a local folder.
    torch.save(state, folder / "pytorch_model.bin")  # noqa: TID251
    config = {
        "architecture": architecture,
        "num_classes": 1000,
        "num_features": features,
        "pretrained_cfg": {
            "fixed_input_size": False,
            "mean": [0.5] * 3,
            "std": [0.5] * 3,
            "num_classes": 1000,
            "architecture": architecture,
            **seen,
        },
    }
    (folder / "config.json").write_text(json.dumps(config))
