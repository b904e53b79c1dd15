"""A head of ours on one kind of features of any backbone, where transformers has no such class.

On disk it is the backbone in Hub format, which transformers loads as it is, with the head beside it
in `linear_head.safetensors`, `mlp_head.safetensors` or `neighbours_head.safetensors`, and
`tintype_head: {pooling: ..., kind: ...}` in its config.json; without a kind it is linear.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from transformers.modeling_outputs import ImageClassifierOutput

from tintype.errors import CheckpointError
from tintype.models.checkpoint import Checkpoint
from tintype.models.features import POOLINGS, Pooling, features_of, load_backbone, pooling_for
from tintype.models.heads import HEAD_KINDS, head_settings, head_tensors, make_head
from tintype.models.image_size import with_image_size
from tintype.models.problem_types import problem_type_of, task_of_problem
from tintype.models.timm_library import TIMM, timm_input_size
from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = [
    "BackboneClassifier",
    "has_neighbours_head",
    "is_backbone_classifier",
    "load_backbone_classifier",
    "new_backbone_classifier",
]

_KEY, _FILE = "tintype_head", "{}_head.safetensors"


class BackboneClassifier(nn.Module):
    """Used like transformers' image classifiers: `config`, `classifier`, `.logits`, saving."""

    base_model_prefix = "backbone"
    """What peft and we find the backbone by, as in transformers' models."""

    def __init__(self, backbone: nn.Module, pooling: Pooling, config: Any, head: nn.Module) -> None:
        """Prefer `new_backbone_classifier` and `load_backbone_classifier`."""
        super().__init__()
        self.backbone = backbone
        self.pooling = pooling
        self.config = config
        self.classifier = head

    @property
    def base_model(self) -> nn.Module:
        """The backbone, by the name transformers' models have for it."""
        return self.backbone

    def forward(self, pixel_values: torch.Tensor) -> ImageClassifierOutput:
        """pixel_values (n, 3, height, width) -> logits (n, classes)."""
        features = features_of(self.backbone, self.pooling, pixel_values)
        return ImageClassifierOutput(logits=self.classifier(features))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the backbone, the head and the config to `folder`."""
        folder = Path(folder)
        self.backbone.save_pretrained(folder)  # type: ignore[operator]
        settings = head_settings(self.classifier)
        path = folder / _FILE.format(settings["kind"])
        save_file(head_tensors(self.classifier), path, metadata={"format": "pt"})
        content = json.loads((folder / "config.json").read_text("utf-8"))
        labels = {str(code): name for code, name in self.config.id2label.items()}
        content |= {
            _KEY: {"pooling": self.pooling, **settings},
            "id2label": labels,
            "label2id": {name: int(code) for code, name in labels.items()},
            "problem_type": self.config.problem_type,
        }
        (folder / "config.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def is_backbone_classifier(checkpoint: Checkpoint) -> bool:
    """Whether it was written by `BackboneClassifier.save_pretrained`."""
    return _KEY in checkpoint.config


def has_neighbours_head(checkpoint: Checkpoint) -> bool:
    """Whether its head is of nearest neighbours, which cannot be trained."""
    settings = checkpoint.config.get(_KEY)
    return isinstance(settings, dict) and settings.get("kind") == "neighbours"


def new_backbone_classifier(
    checkpoint: Checkpoint,
    pooling: str,
    *,
    task: ClassificationTask,
    classes: Sequence[str],
    image_size: tuple[int, int] | None = None,
    head: nn.Module | None = None,
) -> BackboneClassifier:
    """`head` on `checkpoint`'s features, for `classes`.

    Args:
        image_size: (height, width) of the input; None keeps the checkpoint's.
        head: one of `models.heads`; None: a linear layer of zeros.

    Raises:
        CheckpointError: damaged weights, a family whose features are not known, or one that cannot
            take that size.
        UsageError: the family has no such pooling.
    """
    chosen = pooling_for(checkpoint, pooling)
    backbone = _backbone(checkpoint, chosen, image_size)
    if head is None:
        head = nn.Linear(_width(backbone, chosen), len(classes))
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
    config = _config(backbone, task, classes)
    return BackboneClassifier(backbone, chosen, config, head).eval()


def load_backbone_classifier(
    checkpoint: Checkpoint, *, image_size: tuple[int, int] | None = None
) -> BackboneClassifier:
    """The classifier that `BackboneClassifier.save_pretrained` wrote.

    Args:
        image_size: (height, width) of the input; None keeps the checkpoint's.

    Raises:
        CheckpointError: damaged or incomplete, or it cannot take that size.
    """
    settings = checkpoint.config[_KEY]
    pooling = settings.get("pooling") if isinstance(settings, dict) else None
    if pooling not in POOLINGS:
        raise CheckpointError(f"checkpoint {checkpoint.name!r}: {_KEY} names no known pooling")
    kind = settings.get("kind", "linear")
    if kind not in HEAD_KINDS:
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r}: {_KEY} has the kind {kind!r}; expected one of "
            f"{', '.join(HEAD_KINDS)}"
        )
    backbone = _backbone(checkpoint, pooling, image_size)
    config: Any = copy.deepcopy(backbone.config)
    config.problem_type = checkpoint.config.get("problem_type")
    try:
        labels = {int(code): str(name) for code, name in checkpoint.config["id2label"].items()}
        head = make_head(
            kind,
            settings,
            load_file(checkpoint.folder / _FILE.format(kind)),
            features=_width(backbone, pooling),
            classes=len(labels),
            multilabel=task_of_problem(config.problem_type) == MULTILABEL,
        )
    except (OSError, ValueError, KeyError, AttributeError, SafetensorError) as error:
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r}: its head cannot be used: {error}"
        ) from None
    config.id2label = labels
    return BackboneClassifier(backbone, pooling, config, head).eval()


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
    config.problem_type = problem_type_of(task)
    return config


def _width(backbone: nn.Module, pooling: Pooling) -> int:
    config: Any = backbone.config
    size = getattr(config, "image_size", None) or 64
    if config.model_type == TIMM:
        size = timm_input_size(config)
    height, width = (size, size) if isinstance(size, int) else size
    with torch.no_grad():
        return int(features_of(backbone, pooling, torch.zeros(1, 3, height, width)).shape[1])
