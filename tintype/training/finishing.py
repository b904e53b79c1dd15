"""From trained weights to a finished model: calibrated on validation, written with its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tintype.data.image_table import ImageTable
from tintype.images.preprocess import Preprocessor
from tintype.models.classifier import scale_logits
from tintype.models.model_folder import ModelFolder, write_model_folder
from tintype.schemas.task import MULTILABEL, ClassificationTask
from tintype.scoring.calibration import probabilities_of, temperature_of, with_temperature
from tintype.training.calibration import choose_temperature
from tintype.training.plan import TrainingPlan
from tintype.training.thresholds import choose_thresholds
from tintype.training.training_job import Trained

__all__ = ["FinishedModel", "finish_model", "tuned_thresholds"]


# What a card says of calibration.
_CALIBRATION = ("temperature", "calibration", "thresholds", "threshold_tuning")


@dataclass(frozen=True)
class FinishedModel:
    """A model folder, and what the model says of the validation images."""

    folder: ModelFolder
    probabilities: np.ndarray
    """float32 (n, classes)."""


def finish_model(
    path: Path,
    trained: Trained,
    preprocessor: Preprocessor,
    validation: ImageTable,
    *,
    plan: TrainingPlan,
    card: dict[str, Any],
    calibrated_as: Mapping[str, Any] | None = None,
) -> FinishedModel:
    """Calibrate what was trained on `validation` and write it to `path`.

    Where a temperature lowers the cross-validated log loss, it goes into the weights of the head,
    so that every runtime, export and file of this model has it, and none needs to know of it.
    Thresholds of a multi-label model are put into the card, where they raise the metric likewise.

    Args:
        card: facts about the making; what was found here is added.
        calibrated_as: the card of a model whose temperature and thresholds this one takes; None: what
            `validation` tells.

    Raises:
        OutputError: the folder cannot be written or the disk is full.
    """
    task, seed = plan.task, plan.parameters.random_seed
    targets = validation.targets()
    probabilities = probabilities_of(trained.logits, task)
    if calibrated_as is not None:
        temperature = temperature_of(calibrated_as)
        if scale_logits(trained.model, 1 / temperature):
            probabilities = with_temperature(probabilities, temperature, task)
        card = card | {key: calibrated_as[key] for key in _CALIBRATION if key in calibrated_as}
    elif plan.parameters.temperature_scaling:
        found = choose_temperature(probabilities, targets, task, seed=seed)
        if found is not None and scale_logits(trained.model, 1 / found.temperature):
            probabilities = with_temperature(probabilities, found.temperature, task)
            card = {
                **card,
                "temperature": found.temperature,
                "calibration": {
                    "method": "temperature scaling (Guo et al. 2017); the head's weights hold it "
                    "already, so nothing is left to divide",
                    "rows": len(targets),
                    "log_loss_before": found.log_loss_before,
                    "log_loss_after_cross_validated": found.log_loss_after,
                },
            }
    if calibrated_as is None and plan.parameters.multilabel_threshold is None:
        tuned = tuned_thresholds(
            task, probabilities, targets, validation.classes, metric=plan.metric, seed=seed
        )
        card = {**card, **tuned}
    folder = write_model_folder(
        path,
        model=trained.model,
        preprocessor=preprocessor,
        task=task,
        classes=validation.classes,
        card=card,
        input_example=None,
    )
    return FinishedModel(folder, probabilities)


def tuned_thresholds(
    task: ClassificationTask,
    probabilities: np.ndarray,
    targets: np.ndarray,
    classes: Sequence[str],
    *,
    metric: str,
    seed: int,
) -> dict[str, Any]:
    """What the card of a multi-label model says of its thresholds; nothing where 0.5 is as good.

    Args:
        probabilities, targets: (n, classes), of the validation images.
    """
    if task != MULTILABEL or not len(targets):
        return {}
    tuned = choose_thresholds(probabilities, targets, metric=metric, seed=seed)
    if tuned is None:
        return {}
    return {
        "thresholds": dict(zip(classes, tuned.values.round(6).tolist(), strict=True)),
        "threshold_tuning": {
            "metric": tuned.metric,
            "at_0.5": tuned.before,
            "tuned_cross_validated": tuned.after,
        },
    }
