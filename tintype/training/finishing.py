"""From trained weights to a finished model: scored on validation, calibrated, written with its card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from tintype.data.image_table import ImageTable
from tintype.images.preprocess import Preprocessor
from tintype.models.classifier import scale_logits
from tintype.models.model_folder import ModelFolder, write_model_folder
from tintype.models.networks import ImageNetwork
from tintype.models.runtimes.choice import choose_runtime
from tintype.models.runtimes.torch_runtime import TorchRuntime
from tintype.schemas.scorer_options import ScorerOptions
from tintype.schemas.task import MULTILABEL, ClassificationTask
from tintype.scoring.calibration import with_temperature
from tintype.scoring.loading import LoadedModel
from tintype.scoring.results import TableScores
from tintype.scoring.scorer import Scorer
from tintype.training.calibration import choose_temperature
from tintype.training.plan import TrainingPlan
from tintype.training.thresholds import choose_thresholds

__all__ = ["FinishedModel", "finish_model", "tuned_thresholds"]


@dataclass(frozen=True)
class FinishedModel:
    """A model folder, and what the model says of the validation images."""

    folder: ModelFolder
    scores: TableScores


def finish_model(
    path: Path,
    model: PreTrainedModel,
    preprocessor: Preprocessor,
    validation: ImageTable,
    *,
    plan: TrainingPlan,
    device: torch.device,
    card: dict[str, Any],
) -> FinishedModel:
    """Calibrate `model` on `validation` and write it to `path`.

    Where a temperature lowers the cross-validated log loss, it goes into the weights of the head,
    so that every runtime, export and file of this model has it, and none needs to know of it.
    Thresholds of a multi-label model are put into the card, where they raise the metric likewise.

    Args:
        card: facts about the making; what was found here is added.

    Raises:
        OutputError: the folder cannot be written or the disk is full.
    """
    task = plan.task
    scores = _scorer(model, preprocessor, validation.classes, plan, device).score_table(validation)
    targets = validation.targets(scores.rows)
    probabilities = scores.probabilities
    if plan.parameters.temperature_scaling and len(scores.rows):
        found = choose_temperature(probabilities, targets, task, seed=plan.parameters.random_seed)
        if found is not None and scale_logits(model, 1 / found.temperature):
            probabilities = with_temperature(probabilities, found.temperature, task)
            card = {
                **card,
                "temperature": found.temperature,
                "calibration": {
                    "method": "temperature scaling (Guo et al. 2017); the head's weights hold it "
                    "already, so nothing is left to divide",
                    "rows": len(scores.rows),
                    "log_loss_before": found.log_loss_before,
                    "log_loss_after_cross_validated": found.log_loss_after,
                },
            }
    if plan.parameters.multilabel_threshold is None:
        seed = plan.parameters.random_seed
        tuned = tuned_thresholds(
            task, probabilities, targets, validation.classes, metric=plan.metric, seed=seed
        )
        card = {**card, **tuned}
    folder = write_model_folder(
        path,
        model=model,
        preprocessor=preprocessor,
        task=task,
        classes=validation.classes,
        card=card,
        input_example=None,
    )
    return FinishedModel(folder, TableScores(scores.rows, probabilities, scores.failures))


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


def _scorer(
    model: PreTrainedModel,
    preprocessor: Preprocessor,
    classes: tuple[str, ...],
    plan: TrainingPlan,
    device: torch.device,
) -> Scorer:
    """A Scorer of the weights as they are, without writing or converting them."""
    choice = choose_runtime("torch", "auto", device.type)
    network = ImageNetwork(model, preprocessor, "logits")
    loaded = LoadedModel(
        TorchRuntime(network, device, choice.precision, own=False),
        preprocessor,
        plan.task,
        choice,
        classes=classes,
    )
    return Scorer(loaded, ScorerOptions(batch_size=plan.validation_batch_size))
