"""Models of a sweep averaged into one model folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tintype.images.preprocess import Preprocessor
from tintype.models.classifier import load_classifier
from tintype.models.ensemble import new_ensemble
from tintype.models.model_folder import open_model_folder, write_model_folder
from tintype.schemas.task import ClassificationTask

__all__ = ["write_ensemble"]

# What is kept of each member's card.
_TOLD = ("base_checkpoint", "family", "training", "temperature")


def write_ensemble(
    path: Path,
    members: Sequence[Path],
    weights: Sequence[float],
    *,
    task: ClassificationTask,
    classes: Sequence[str],
    card: Mapping[str, Any],
) -> None:
    """Write the ensemble of the model folders `members` to `path`.

    Args:
        weights: how much each counts; they need not add up to 1.
        card: what its card says besides who takes part.

    Raises:
        CheckpointError: a member cannot be loaded.
        OutputError: the folder cannot be written.
    """
    folders = [open_model_folder(member) for member in members]
    model, preprocessor = new_ensemble(
        [load_classifier(folder.checkpoint) for folder in folders],
        [Preprocessor.from_folder(folder.checkpoint.folder) for folder in folders],
        weights,
        task=task,
        classes=classes,
    )
    told = [
        {"weight": weight, **{key: folder.card.get(key) for key in _TOLD}}
        for weight, folder in zip(weights, folders, strict=True)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_model_folder(
        path,
        model=model,  # type: ignore[arg-type]
        preprocessor=preprocessor,
        task=task,
        classes=classes,
        card={"training": {"method": "ensemble"}, "members": told, **card},
    )
