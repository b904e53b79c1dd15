"""Several classifiers of the same classes in one model, which answers with the mean of their probabilities.

On disk the files of each member, as it writes them itself, stand side by side under names that begin
with `member-<number>.`; config.json says how much each counts, and what it sees of the input.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import nn
from torch.nn import functional
from transformers import PretrainedConfig
from transformers.modeling_outputs import ImageClassifierOutput

from tintype.errors import CheckpointError
from tintype.images.preprocess import Preprocessor
from tintype.images.views import middle
from tintype.models.checkpoint import Checkpoint, classes_in, open_checkpoint_folder
from tintype.models.problem_types import problem_type_of, task_of_problem
from tintype.schemas.task import MULTILABEL, ClassificationTask
from tintype.schemas.view import View

__all__ = [
    "ENSEMBLE",
    "Ensemble",
    "Member",
    "ensemble_config",
    "is_ensemble",
    "new_ensemble",
    "read_members",
]

ENSEMBLE = "tintype_ensemble"
"""Its family."""

_ARCHITECTURE = "EnsembleForImageClassification"


@dataclass(frozen=True)
class Member:
    """What one classifier sees of the ensemble's input, and how much its answer counts."""

    weight: float
    """Of its probabilities in the mean; the weights of all members add up to 1."""

    height: int
    width: int
    """Of its own input in pixels."""

    scale: list[float]
    shift: list[float]
    """Its normalised pixels are the ensemble's times scale plus shift, by channel."""

    view: View = "whole"
    """How it is shown the picture."""


class Ensemble(nn.Module):
    """Used like transformers' image classifiers: `config`, `.logits`, saving."""

    def __init__(self, models: Sequence[nn.Module], members: Sequence[Member], config: Any) -> None:
        """Prefer `new_ensemble` and `load_classifier`."""
        super().__init__()
        self.models = nn.ModuleList(models)
        self.members = tuple(members)
        self.config = config

    def forward(self, pixel_values: torch.Tensor) -> ImageClassifierOutput:
        """pixel_values (n, 3, height, width) -> logits (n, classes) of the mean probabilities."""
        multilabel = task_of_problem(self.config.problem_type) == MULTILABEL
        present, absent = [], []
        for model, member in zip(self.models, self.members, strict=True):
            logits = model(pixel_values=_seen_by(member, pixel_values)).logits.float()
            share = math.log(member.weight)
            if multilabel:
                present.append(functional.logsigmoid(logits) + share)
                absent.append(functional.logsigmoid(-logits) + share)
            else:
                present.append(functional.log_softmax(logits, -1) + share)
        # Logarithms of means; of several labels each is there or not.
        mean = torch.stack(present).logsumexp(0)
        if multilabel:
            mean = mean - torch.stack(absent).logsumexp(0)
        return ImageClassifierOutput(logits=mean)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write every member and the config to `folder`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for number, model in enumerate(self.models):
            with tempfile.TemporaryDirectory(dir=folder) as temporary:
                model.save_pretrained(temporary)  # type: ignore[operator]
                for file in sorted(Path(temporary).iterdir()):
                    file.rename(folder / f"{_prefix(number)}{file.name}")
        labels = {str(code): name for code, name in self.config.id2label.items()}
        content = {
            "model_type": ENSEMBLE,
            "architectures": [_ARCHITECTURE],
            "members": [asdict(member) for member in self.members],
            "id2label": labels,
            "label2id": {name: int(code) for code, name in labels.items()},
            "problem_type": self.config.problem_type,
        }
        (folder / "config.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def is_ensemble(checkpoint: Checkpoint) -> bool:
    """Whether it was written by `Ensemble.save_pretrained`."""
    return checkpoint.family == ENSEMBLE


def new_ensemble(
    models: Sequence[nn.Module],
    preprocessors: Sequence[Preprocessor],
    weights: Sequence[float],
    *,
    task: ClassificationTask,
    classes: Sequence[str],
    views: Sequence[View] | None = None,
) -> tuple[Ensemble, Preprocessor]:
    """An ensemble of trained classifiers of `classes`.

    Args:
        weights: how much each counts; they need not add up to 1.
        views: how each is shown the picture; None: all of them whole.

    Returns:
        The ensemble, and its preprocessing: that of the member with the most pixels. The others see
        the same picture, scaled to their own size.
    """
    own = max(preprocessors, key=lambda one: one.input_size[0] * one.input_size[1])
    scale, shift = own.scale_and_shift()
    members = []
    shown: Sequence[View] = views or ["whole"] * len(weights)
    for preprocessor, weight, view in zip(preprocessors, weights, shown, strict=True):
        their_scale, their_shift = preprocessor.scale_and_shift()
        ratio = their_scale / scale
        height, width = preprocessor.input_size
        members.append(
            Member(
                weight / sum(weights),
                height,
                width,
                ratio.tolist(),
                (their_shift - shift * ratio).tolist(),
                view,
            )
        )
    return Ensemble(models, members, ensemble_config(task, classes)).eval(), own


def ensemble_config(task: ClassificationTask, classes: Sequence[str]) -> PretrainedConfig:
    """What transformers' own models have as `config`."""
    config = PretrainedConfig(
        id2label=dict(enumerate(classes)),
        label2id={name: code for code, name in enumerate(classes)},
        problem_type=problem_type_of(task),
    )
    config.model_type = ENSEMBLE  # type: ignore[misc]
    return config


def read_members(checkpoint: Checkpoint, folder: Path) -> list[tuple[Checkpoint, Member]]:
    """The members of the ensemble in `checkpoint`, each as a checkpoint in a folder below `folder`.

    Raises:
        CheckpointError: its config or a member is not what it should be.
    """
    try:
        members = [Member(**entry) for entry in checkpoint.config["members"]]
        if not members or any(not 0 < member.weight <= 1 for member in members):
            raise ValueError("members need weights above 0")
        if unknown := {member.view for member in members}.difference(get_args(View)):
            raise ValueError(f"there is no view {sorted(map(str, unknown))}")
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"checkpoint {checkpoint.name!r}: no ensemble: {error}") from None
    found = []
    for number, member in enumerate(members):
        prefix, own = _prefix(number), folder / str(number)
        own.mkdir()
        for file in sorted(checkpoint.folder.glob(f"{prefix}*")):
            _link(file.resolve(), own / file.name.removeprefix(prefix))
        opened = open_checkpoint_folder(own, f"{checkpoint.name}, member {number}")
        if opened.classes != classes_in(checkpoint.config.get("id2label") or {}):
            raise CheckpointError(f"checkpoint {opened.name!r} has other classes than the ensemble")
        found.append((opened, member))
    return found


def _prefix(number: int) -> str:
    return f"member-{number}."


def _link(file: Path, place: Path) -> None:
    try:
        place.symlink_to(file)
    except OSError:
        # Where links need a privilege: Windows.
        shutil.copyfile(file, place)


def _seen_by(member: Member, pixel_values: torch.Tensor) -> torch.Tensor:
    """What a member is given of the ensemble's input."""
    if member.view == "closer":
        # Fixed in a graph that is traced, as the size of the input is.
        height, width = (int(side) for side in pixel_values.shape[-2:])
        pixel_values = pixel_values[..., middle(height), middle(width)]
    if tuple(pixel_values.shape[-2:]) != (member.height, member.width):
        pixel_values = functional.interpolate(
            pixel_values, (member.height, member.width), mode="bilinear", align_corners=False
        )
    if member.view == "mirrored":
        pixel_values = pixel_values.flip(-1)
    kind = {"dtype": pixel_values.dtype, "device": pixel_values.device}
    scale = torch.tensor(member.scale, **kind).view(1, 3, 1, 1)  # type: ignore[arg-type]
    shift = torch.tensor(member.shift, **kind).view(1, 3, 1, 1)  # type: ignore[arg-type]
    return pixel_values * scale + shift
