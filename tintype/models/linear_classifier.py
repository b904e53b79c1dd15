"""A linear layer on one kind of features of any backbone, where transformers has no such class.

On disk it is the backbone in Hub format, which transformers loads as it is, with
`linear_head.safetensors` beside it and `tintype_head: {pooling: ...}` in its config.json.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers.modeling_outputs import ImageClassifierOutput

from tintype.errors import CheckpointError
from tintype.models.checkpoint import Checkpoint
from tintype.models.features import POOLINGS, Pooling, features_of, load_backbone, pooling_for
from tintype.models.image_size import with_image_size
from tintype.models.timm_library import TIMM, timm_input_size
from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["LinearClassifier", "has_linear_head", "load_linear_classifier", "new_linear_classifier"]

_KEY = "tintype_head"
_FILE = "linear_head.safetensors"


class LinearClassifier(nn.Module):
    """Used like transformers' image classifiers: `config`, `classifier`, `.logits`, saving."""

    base_model_prefix = "backbone"
    """What peft and we find the backbone by, as in transformers' models."""

    def __init__(self, backbone: nn.Module, pooling: Pooling, config: Any, features: int) -> None:
        """Prefer `new_linear_classifier` and `load_linear_classifier`."""
        super().__init__()
        self.backbone = backbone
        self.pooling = pooling
        self.config = config
        self.classifier = nn.Linear(features, config.num_labels)

    @property
    def base_model(self) -> nn.Module:
        """The backbone, by the name transformers' models have for it."""
        return self.backbone

    def forward(self, pixel_values: torch.Tensor) -> ImageClassifierOutput:
        """pixel_values (n, 3, height, width) -> logits (n, classes)."""
        features = features_of(self.backbone, self.pooling, pixel_values)
        return ImageClassifierOutput(logits=self.classifier(features))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the backbone, the linear layer and the config to `folder`."""
        folder = Path(folder)
        self.backbone.save_pretrained(folder)  # type: ignore[operator]
        head = {name: value.contiguous() for name, value in self.classifier.state_dict().items()}
        save_file(head, folder / _FILE, metadata={"format": "pt"})
        content = json.loads((folder / "config.json").read_text("utf-8"))
        labels = {str(code): name for code, name in self.config.id2label.items()}
        content |= {
            _KEY: {"pooling": self.pooling},
            "id2label": labels,
            "label2id": {name: int(code) for code, name in labels.items()},
            "problem_type": self.config.problem_type,
        }
        (folder / "config.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def has_linear_head(checkpoint: Checkpoint) -> bool:
    """Whether it was written by `LinearClassifier.save_pretrained`."""
    return _KEY in checkpoint.config


def new_linear_classifier(
    checkpoint: Checkpoint,
    pooling: str,
    *,
    task: ClassificationTask,
    classes: Sequence[str],
    image_size: tuple[int, int] | None = None,
) -> LinearClassifier:
    """A linear layer of zeros on `checkpoint`'s features, for `classes`.

    Args:
        image_size: (height, width) of the input; None keeps the checkpoint's.

    Raises:
        CheckpointError: damaged weights, a family whose features are not known, or one that cannot
            take that size.
        UsageError: the family has no such pooling.
    """
    chosen = pooling_for(checkpoint, pooling)
    backbone = _backbone(checkpoint, chosen, image_size)
    model = LinearClassifier(
        backbone, chosen, _config(backbone, task, classes), _width(backbone, chosen)
    )
    nn.init.zeros_(model.classifier.weight)
    nn.init.zeros_(model.classifier.bias)
    return model.eval()


def load_linear_classifier(
    checkpoint: Checkpoint, *, image_size: tuple[int, int] | None = None
) -> LinearClassifier:
    """The classifier that `LinearClassifier.save_pretrained` wrote.

    Args:
        image_size: (height, width) of the input; None keeps the checkpoint's.

    Raises:
        CheckpointError: damaged or incomplete, or it cannot take that size.
    """
    content = checkpoint.config[_KEY]
    pooling = content.get("pooling") if isinstance(content, dict) else None
    if pooling not in POOLINGS:
        raise CheckpointError(f"checkpoint {checkpoint.name!r}: {_KEY} names no known pooling")
    backbone = _backbone(checkpoint, pooling, image_size)
    try:
        head = load_file(checkpoint.folder / _FILE)
        labels = {int(code): str(name) for code, name in checkpoint.config["id2label"].items()}
        weight, bias = head["weight"], head["bias"]
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise CheckpointError(f"checkpoint {checkpoint.name!r}: no linear head: {error}") from None
    if weight.shape != (len(labels), _width(backbone, pooling)) or bias.shape != (len(labels),):
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r}: config.json names {len(labels)} labels, but the "
            f"linear head has the shape {list(weight.shape)}"
        )
    config: Any = copy.deepcopy(backbone.config)
    config.id2label = labels
    config.problem_type = checkpoint.config.get("problem_type")
    model = LinearClassifier(backbone, pooling, config, weight.shape[1])
    model.classifier.load_state_dict({"weight": weight, "bias": bias})
    return model.eval()


def _backbone(
    checkpoint: Checkpoint, pooling: Pooling, image_size: tuple[int, int] | None
) -> nn.Module:
    backbone = load_backbone(checkpoint, pooling)
    if image_size is None:
        return backbone
    resized: nn.Module = with_image_size(backbone, image_size, checkpoint.name)
    return resized


def _config(backbone: nn.Module, task: ClassificationTask, classes: Sequence[str]) -> Any:
    config: Any = copy.deepcopy(backbone.config)
    config.id2label = dict(enumerate(classes))
    config.label2id = {name: code for code, name in enumerate(classes)}
    config.problem_type = (
        "multi_label_classification" if task == MULTILABEL else "single_label_classification"
    )
    return config


def _width(backbone: nn.Module, pooling: Pooling) -> int:
    config: Any = backbone.config
    size = getattr(config, "image_size", None) or 64
    if config.model_type == TIMM:
        size = timm_input_size(config)
    height, width = (size, size) if isinstance(size, int) else size
    with torch.no_grad():
        return int(features_of(backbone, pooling, torch.zeros(1, 3, height, width)).shape[1])
