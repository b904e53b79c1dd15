"""One training: its plan, model, images and where it goes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tintype.data.image_table import ImageTable
from tintype.images.preprocess import Preprocessor
from tintype.models.checkpoint import Checkpoint
from tintype.settings import Settings
from tintype.training.checkpoints import TrainerState
from tintype.training.inputs import Inputs
from tintype.training.loop import TrainingLoop
from tintype.training.losses import make_loss
from tintype.training.mixing import make_mixer
from tintype.training.plan import TrainingPlan
from tintype.training.validation import Split

__all__ = ["Trained", "TrainingJob"]


@dataclass(frozen=True)
class Trained:
    """What came of a training."""

    model: Any
    """With the weights that did best."""
    state: TrainerState
    logits: np.ndarray
    """float32 (n, classes) of the validation images, by these weights."""


@dataclass(frozen=True)
class TrainingJob:
    """What every way of training needs."""

    plan: TrainingPlan
    source: Checkpoint
    preprocessor: Preprocessor
    train: ImageTable
    validation: ImageTable
    digests: tuple[list[str], list[str]]
    device: torch.device
    fitted_head: bool
    """Whether the checkpoint's head was fitted to these classes already."""
    settings: Settings
    checkpoints: Path
    log: Callable[[dict[str, Any]], None]
    cancelled: Callable[[], bool]
    finish: Callable[[], bool]

    def loop(
        self,
        learner: nn.Module,
        inputs: tuple[Inputs, Inputs],
        forward: Callable[[nn.Module, torch.Tensor], torch.Tensor],
        *,
        keep_statistics: bool = False,
    ) -> TrainingLoop:
        """The training of `learner` on (training, validation) inputs."""
        return TrainingLoop(
            learner,
            self.plan,
            train=Split(inputs[0], self.train.targets()),
            validation=Split(inputs[1], self.validation.targets()),
            loss=make_loss(self.plan, self.train.targets(), len(self.train.classes)),
            forward=forward,
            device=self.device,
            folder=self.checkpoints,
            fingerprint=self.fingerprint(),
            log=self.log,
            cancelled=self.cancelled,
            finish=self.finish,
            keep_statistics=keep_statistics,
            mixer=make_mixer(self.plan, len(self.train.classes)),
        )

    def fingerprint(self) -> str:
        """Digest of all that decides the result; a resumed run must have the same."""
        hasher = hashlib.blake2b(digest_size=16)
        hasher.update(json.dumps(self.plan.summary(), sort_keys=True).encode())
        # These change nothing in what is learnt.
        settled = self.plan.parameters.model_dump_json(
            exclude={
                "resume_from_checkpoint",
                "number_of_workers",
                "save_total_limit",
                "temperature_scaling",
            }
        )
        hasher.update(settled.encode())
        hasher.update(json.dumps([self.train.classes, self.source.name]).encode())
        for table, digests in zip((self.train, self.validation), self.digests, strict=True):
            hasher.update("".join(digests).encode())
            hasher.update(table.targets().tobytes())
        return hasher.hexdigest()
