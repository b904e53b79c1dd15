"""From a checkpoint to a torch classifier for given classes, and the way into its head."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import (
    MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING,
    AutoModelForImageClassification,
    PreTrainedModel,
)

from tintype.errors import CheckpointError
from tintype.models.backbone_classifier import (
    is_backbone_classifier,
    load_backbone_classifier,
    new_backbone_classifier,
)
from tintype.models.checkpoint import Checkpoint, classes_in
from tintype.models.ensemble import Ensemble, ensemble_config, is_ensemble, read_members
from tintype.models.features import has_features
from tintype.models.heads import NeighboursHead, logit_factors
from tintype.models.image_size import with_image_size
from tintype.models.problem_types import problem_type_of, task_of_problem
from tintype.models.weights import refuse_nonfinite
from tintype.quiet import quiet_transformers
from tintype.schemas.task import MULTICLASS, ClassificationTask

__all__ = [
    "head_features",
    "head_of",
    "labels_of",
    "load_classifier",
    "scale_logits",
    "task_of",
]

_HEADS = ("classifier", "cls_classifier", "head", "fc")


def load_classifier(
    checkpoint: Checkpoint,
    *,
    task: ClassificationTask | None = None,
    classes: Sequence[str] | None = None,
    image_size: tuple[int, int] | None = None,
    seed: int = 0,
    learns: bool = False,
) -> PreTrainedModel:
    """The checkpoint as an image classifier in float32, on the CPU, in evaluation mode.

    Args:
        task, classes: None keeps the checkpoint's own. Other classes than its own get a new head
            (weights from a truncated normal of deviation 0.02, biases 0), drawn by `seed`; where
            transformers has no classifier of the family, a linear layer of zeros on its features.
        image_size: (height, width) of the input. Where it differs from the checkpoint's, learned
            position embeddings and relative position biases are interpolated (bicubic).
        learns: whether it will be trained: a head that cannot be, of neighbours, gives way to a
            linear layer of zeros.

    Raises:
        CheckpointError: damaged or incomplete weights, not a classifier, or an architecture that
            cannot take that size.
    """
    if is_ensemble(checkpoint):
        return _ensemble(checkpoint, classes, image_size, learns=learns)
    if is_backbone_classifier(checkpoint):
        return _with_own_head(checkpoint, task, classes, image_size, learns=learns)
    config = checkpoint.transformers_config()
    if type(config) not in MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING and has_features(checkpoint):
        return _linear_on_backbone(checkpoint, task, classes, image_size)
    own_labels = classes_in(config.id2label)
    keep_head = classes is None or tuple(classes) == own_labels
    if classes is not None and not keep_head:
        config.id2label = dict(enumerate(classes))
        config.label2id = {name: code for code, name in enumerate(classes)}
    if task is not None:
        config.problem_type = problem_type_of(task)
    model, information = _load(checkpoint, config, seed)
    head = head_of(model)
    head_name = next(name for name, module in model.named_modules() if module is head)
    _complete(checkpoint, model, information, head_name, keep_head)
    if not keep_head:
        _draw_head(head, seed)
    refuse_nonfinite(model, checkpoint.name)
    if image_size is not None:
        model = with_image_size(model, image_size, checkpoint.name)
    return model.eval()


def _ensemble(
    checkpoint: Checkpoint,
    classes: Sequence[str] | None,
    image_size: tuple[int, int] | None,
    *,
    learns: bool,
) -> Any:
    """Several classifiers of one set of classes, as they were trained."""
    with tempfile.TemporaryDirectory(prefix="tintype-members-") as folder:
        members = read_members(checkpoint, Path(folder))
        models = [load_classifier(opened) for opened, _ in members]
    fits = classes is None or tuple(classes) == checkpoint.classes
    if learns or not fits or image_size is not None:
        bases = ", ".join(sorted({type(model).__name__ for model in models}))
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r} is an ensemble of {len(models)} trained models ({bases}), "
            "which cannot be trained further as one: fine-tune a checkpoint that they came from "
            "(base_checkpoint in its card.yaml)"
        )
    config = ensemble_config(
        task_of_problem(checkpoint.config.get("problem_type")), checkpoint.classes
    )
    return Ensemble(models, [member for _, member in members], config).eval()


def _with_own_head(
    checkpoint: Checkpoint,
    task: ClassificationTask | None,
    classes: Sequence[str] | None,
    image_size: tuple[int, int] | None,
    *,
    learns: bool,
) -> Any:
    """A checkpoint with a head of ours: it is used as transformers' own models are."""
    model = load_backbone_classifier(checkpoint, image_size=image_size)
    own = classes_in(model.config.id2label)
    fits = classes is None or tuple(classes) == own
    if fits and not (learns and isinstance(model.classifier, NeighboursHead)):
        return model
    return new_backbone_classifier(
        checkpoint,
        model.pooling,
        task=task or task_of(model),
        classes=own if classes is None else classes,
        image_size=image_size,
    )


def _linear_on_backbone(
    checkpoint: Checkpoint,
    task: ClassificationTask | None,
    classes: Sequence[str] | None,
    image_size: tuple[int, int] | None,
) -> Any:
    """A new linear head on the features of a family that transformers has no classifier of."""
    if classes is None:
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r} has no trained classification head "
            f"({checkpoint.family} is a backbone): fine-tune it before predicting with it, or ask "
            "it for embeddings"
        )
    return new_backbone_classifier(
        checkpoint, "auto", task=task or MULTICLASS, classes=classes, image_size=image_size
    )


def head_of(model: nn.Module) -> nn.Module:
    """The module that turns features into logits.

    Raises:
        CheckpointError: the architecture has none under a known name.
    """
    timm: Any = getattr(model, "timm_model", None)
    if timm is not None:
        # A network of timm's says itself which it is.
        return timm.get_classifier()
    for name in _HEADS:
        head = getattr(model, name, None)
        if isinstance(head, nn.Module) and not isinstance(head, nn.Identity):
            return head
    raise CheckpointError(f"{type(model).__name__} has no classification head that Tintype knows")


def head_features(model: PreTrainedModel, pixel_values: torch.Tensor) -> torch.Tensor:
    """What `model` feeds its head for `pixel_values` (n, 3, height, width): (n, D, ...).

    That is the [CLS] state for ViT, the mean of the patch states for BEiT and Swin, both joined
    for DINOv2, the pooled map for a convolutional network: what the architecture itself uses.
    """
    captured: list[torch.Tensor] = []
    hook = head_of(model).register_forward_pre_hook(
        lambda module, arguments: captured.append(arguments[0])
    )
    try:
        model(pixel_values=pixel_values)
    finally:
        hook.remove()
    return captured[0]


@torch.no_grad()
def scale_logits(model: nn.Module, factor: float) -> bool:
    """Multiply all logits of `model` by `factor`, in the tensors of its head.

    Returns:
        False, with the model as it was, where the head neither ends in a linear layer nor is of
        neighbours.
    """
    heads = [head_of(model)]
    # DeiT with its teacher's token answers with the mean of two heads.
    if isinstance(second := getattr(model, "distillation_classifier", None), nn.Module):
        heads.append(second)
    factors = [logit_factors(head) for head in heads]
    if not all(factors):
        return False
    for tensor in (tensor for tensors in factors for tensor in tensors):
        tensor.mul_(factor)
    return True


def labels_of(model: Any) -> tuple[str, ...]:
    """The model's labels in the order of its logits."""
    return classes_in(model.config.id2label)


def task_of(model: Any) -> ClassificationTask:
    """Multi-label where the config says so, else multi-class."""
    return task_of_problem(model.config.problem_type)


def _load(checkpoint: Checkpoint, config: Any, seed: int) -> tuple[PreTrainedModel, dict[str, Any]]:
    try:
        with quiet_transformers(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model, information = AutoModelForImageClassification.from_pretrained(
                str(checkpoint.folder),
                config=config,
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, SafetensorError, RuntimeError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if "Unrecognized configuration class" in reason:
            reason = f"{checkpoint.family!r} is not an image-classification architecture"
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r} cannot be loaded: {reason}"
        ) from None
    return model, information


def _complete(
    checkpoint: Checkpoint,
    model: PreTrainedModel,
    information: dict[str, Any],
    head_name: str,
    keep_head: bool,
) -> None:
    """Refuse any gap outside the head, and inside where it is kept."""
    mismatched = {str(entry[0]) for entry in information.get("mismatched_keys", ())}
    missing = {str(name) for name in information.get("missing_keys", ())}
    in_head = {name for name in mismatched | missing if name.startswith(f"{head_name}.")}
    for entry in information.get("mismatched_keys", ()):
        if str(entry[0]) in in_head and keep_head:
            raise CheckpointError(
                f"checkpoint {checkpoint.name!r}: config.json names {len(labels_of(model))} labels, "
                f"but {entry[0]} has the shape {list(entry[1])}; put right id2label and label2id"
            )
    if in_head and keep_head:
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r} has no trained classification head (it lacks "
            f"{sorted(in_head)[0]}): fine-tune it before predicting with it"
        )
    for name in sorted(mismatched - in_head):
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r}: {name} has another shape than config.json says"
        )
    # A backbone pretrained without a classifier lacks the normalisation before the head.
    gaps = sorted(
        name for name in missing - in_head if "layernorm" not in name and "pooler" not in name
    )
    if gaps:
        raise CheckpointError(
            f"checkpoint {checkpoint.name!r} lacks {len(gaps)} weights of a {checkpoint.family} "
            f"classifier, such as {gaps[0]}"
        )


@torch.no_grad()
def _draw_head(head: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for module in head.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.trunc_normal_(module.weight, std=0.02, a=-0.04, b=0.04, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
