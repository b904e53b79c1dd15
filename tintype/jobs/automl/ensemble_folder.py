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
from tintype.schemas.trial_job import EnsembleMember

__all__ = ["write_ensemble"]

# What is kept of each member's card.
_TOLD = ("base_checkpoint", "family", "training", "temperature")


def write_ensemble(
    path: Path,
    members: Sequence[EnsembleMember],
    folders: Sequence[Path],
    *,
    task: ClassificationTask,
    classes: Sequence[str],
    card: Mapping[str, Any],
) -> None:
    """Write the ensemble of the model folders `folders` to `path`.

    Args:
        members: how each takes part; its own folder does not count.
        card: what its card says besides who takes part.

    Raises:
        CheckpointError: a member cannot be loaded.
        OutputError: the folder cannot be written.
    """
    opened = [open_model_folder(folder) for folder in folders]
    model, preprocessor = new_ensemble(
        [load_classifier(folder.checkpoint) for folder in opened],
        [Preprocessor.from_folder(folder.checkpoint.folder) for folder in opened],
        [member.weight for member in members],
        task=task,
        classes=classes,
        views=[member.view for member in members],
    )
    told = [
        {
            "weight": member.weight,
            **({} if member.view == "whole" else {"view": member.view}),
            **{key: folder.card.get(key) for key in _TOLD},
        }
        for member, folder in zip(members, opened, strict=True)
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
