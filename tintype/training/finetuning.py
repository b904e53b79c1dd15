"""Fine-tuning from two image tables to a model folder: read it from top to bottom."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tintype.data.checks import check_training_table, check_validation_table
from tintype.data.digests import content_digests
from tintype.data.image_table import ImageTable
from tintype.data.splits import classes_left_out, split_validation
from tintype.files import locked_folder
from tintype.images.near_duplicates import keep_near_duplicates_together
from tintype.images.preprocess import Preprocessor
from tintype.models.backbone_classifier import has_neighbours_head, new_backbone_classifier
from tintype.models.checkpoint import Checkpoint, resolve_checkpoint
from tintype.models.classifier import load_classifier
from tintype.models.hardware import pick_device
from tintype.schemas.finetuning import FinetuningParameters
from tintype.schemas.task import ClassificationTask
from tintype.scoring.calibration import temperature_of, thresholds_of
from tintype.settings import get_settings
from tintype.training.checkpoints import TrainerState, prune_checkpoints
from tintype.training.finishing import finish_model
from tintype.training.head_training import HEAD_FOLDER, train_head
from tintype.training.image_sizes import preprocessor_for
from tintype.training.network_training import train_network
from tintype.training.plan import TrainingPlan, make_plan
from tintype.training.training_job import TrainingJob

__all__ = ["FinetuneResult", "finetune"]


@dataclass(frozen=True)
class FinetuneResult:
    """What fine-tuning gives."""

    model_folder: Path
    classes: tuple[str, ...]
    best_metric: float
    """The value of `metric_for_best_model` at the best evaluation."""

    best_step: int
    """Optimizer steps after which that evaluation was made."""

    history: list[dict[str, Any]]
    """One entry per evaluation: step, epoch and every validation metric."""

    validation: ImageTable
    validation_probabilities: np.ndarray
    """float32 (n, classes), of `validation` by the best weights, calibrated where the model is."""

    thresholds: np.ndarray | None = None
    """Multi-label: float64 (classes,), from which probability on the model predicts each label, where
    that was tuned."""

    temperature: float = 1.0
    """What the finished model's logits are divided by, in the weights of its head."""

    plan: dict[str, Any] = field(default_factory=dict)
    """Every training parameter after "auto" was resolved."""


def finetune(
    *,
    checkpoint: str,
    train: ImageTable,
    validation: ImageTable | None = None,
    task: ClassificationTask,
    parameters: FinetuningParameters | None = None,
    output_folder: Path,
    checkpoint_folder: Path | None = None,
    resume: bool = False,
    log: Callable[[dict[str, Any]], None] = lambda event: None,
    cancelled: Callable[[], bool] = lambda: False,
    finish: Callable[[], bool] = lambda: False,
    calibrated_as: Mapping[str, Any] | None = None,
) -> FinetuneResult:
    """Fine-tune `checkpoint` on `train` and write `output_folder/mlflow-model`.

    Args:
        checkpoint: Hub id, local folder, model folder, or a scratch name such as
            `tintype/resnet-small`.
        validation: None splits it off `train` (see `split_validation`).
        parameters: None takes every default.
        output_folder: receives `mlflow-model/` at the end.
        checkpoint_folder: receives training checkpoints; None: `output_folder/checkpoints`.
        resume: go on from the last training checkpoint, if there is one. Without it, checkpoints
            of an earlier run are removed.
        log: receives a dict per evaluation, logging event and notice, each with its `event` name.
        cancelled: asked before every step; True ends the run with `RunCancelled`.
        finish: asked before every step; True ends the training with the best found so far.
        calibrated_as: the card of a model whose temperature and thresholds the new one takes, where
            `validation` cannot tell them; None: it does.

    Raises:
        DataError: the tables cannot be trained on, or an image cannot be read.
        CheckpointError: the checkpoint is missing or unsafe.
        OutputError: the output folder cannot be written, or another job is writing it.
        RunCancelled, RunFailed: see `TrainingLoop.run`.
    """
    settings = get_settings()
    parameters = parameters or FinetuningParameters()
    output_folder = Path(output_folder)
    device = pick_device("auto")

    check_training_table(train)
    if validation is None:
        train, validation = _split(train, parameters, log)
    validation = check_validation_table(train, validation)

    source = resolve_checkpoint(checkpoint)
    preprocessor = preprocessor_for(source, parameters)
    model = _initial_model(source, preprocessor, parameters, task, train.classes)
    if has_neighbours_head(source):
        said = f"the head of {source.name} is of nearest neighbours, which cannot be trained: "
        log({"event": "notice", "message": f"{said}a new linear layer takes its place"})
    fitted_head = _has_fitted_head(source, train.classes)
    plan = make_plan(
        parameters,
        task=task,
        rows=len(train),
        from_scratch=source.from_scratch,
        model_parameters=sum(parameter.numel() for parameter in model.parameters()),
        device=device,
        fitted_head=fitted_head,
    )
    rows = {"training_rows": len(train), "validation_rows": len(validation)}
    log({"event": "plan", "device": device.type, **rows, **plan.summary()})

    checkpoints = checkpoint_folder or output_folder / "checkpoints"
    with locked_folder(checkpoints):
        digests = content_digests(train), content_digests(validation)
        run = train_head if parameters.method == "head" else train_network
        if not (resume or parameters.resume_from_checkpoint):
            prune_checkpoints(checkpoints, keep=0)
            shutil.rmtree(checkpoints / HEAD_FOLDER, ignore_errors=True)
        job = TrainingJob(
            plan,
            source,
            preprocessor,
            train,
            validation,
            digests,
            device,
            fitted_head,
            settings,
            checkpoints,
            log,
            cancelled,
            finish,
        )
        trained = run(job, model)
        state = trained.state
        finished = finish_model(
            output_folder / "mlflow-model",
            trained,
            preprocessor,
            validation,
            plan=plan,
            card=_card(source, plan, state, train, validation),
            calibrated_as=calibrated_as,
        )
    assert state.best_metric is not None
    return FinetuneResult(
        model_folder=finished.folder.path,
        classes=train.classes,
        best_metric=state.best_metric,
        best_step=state.best_step,
        history=state.history,
        validation=validation,
        validation_probabilities=finished.probabilities,
        temperature=temperature_of(finished.folder.card),
        thresholds=thresholds_of(finished.folder.card, train.classes),
        plan=plan.summary(),
    )


def _split(
    table: ImageTable, parameters: FinetuningParameters, log: Callable[[dict[str, Any]], None]
) -> tuple[ImageTable, ImageTable]:
    """Training and validation rows of `table`."""
    notices = []
    if parameters.near_duplicates_together and not table.looked_for_near_duplicates:
        table, sentence = keep_near_duplicates_together(table)
        notices.append(sentence)
    train, validation = split_validation(
        table,
        fraction=parameters.validation_data_size,
        seed=parameters.random_seed,
        stratified=parameters.stratified_split,
    )
    if missing := classes_left_out(train, validation):
        notices.append(f"validation: {missing}")
    for notice in filter(None, notices):
        log({"event": "notice", "message": notice})
    return train, validation


def _has_fitted_head(source: Checkpoint, classes: tuple[str, ...]) -> bool:
    """Whether the checkpoint's own head, which is kept, was fitted to `classes`."""
    fits = source.classes == classes and not source.from_scratch
    return fits and not has_neighbours_head(source)


def _initial_model(
    source: Checkpoint,
    preprocessor: Preprocessor,
    parameters: FinetuningParameters,
    task: ClassificationTask,
    classes: tuple[str, ...],
) -> Any:
    """The checkpoint with a head for `classes`: the architecture's own, or a linear layer on the
    features asked for."""
    if parameters.pooling != "auto":
        return new_backbone_classifier(
            source,
            parameters.pooling,
            task=task,
            classes=classes,
            image_size=preprocessor.input_size,
        )
    return load_classifier(
        source,
        task=task,
        classes=classes,
        image_size=preprocessor.input_size,
        seed=parameters.random_seed,
        learns=True,
    )


def _card(
    source: Checkpoint,
    plan: TrainingPlan,
    state: TrainerState,
    train: ImageTable,
    validation: ImageTable,
) -> dict[str, Any]:
    """What the model folder tells of its making."""
    return {
        "base_checkpoint": source.name,
        "base_revision": source.revision,
        "training": plan.summary(),
        "training_images": len(train),
        "validation_images": len(validation),
        "best_step": state.best_step,
        "validation_metrics": state.best_metrics,
        **({"average_of": state.averaged} if state.averaged else {}),
    }
