"""One trial of a sweep: a fine-tuning whose data the sweep has split."""

from __future__ import annotations

import shutil
import time
from typing import Any

import numpy as np

from tintype.files import write_json
from tintype.jobs.automl.other_views import probabilities_of_other_views
from tintype.jobs.automl.predictions import predictions_file, view_file
from tintype.jobs.automl.tables import tables_of_sweep
from tintype.jobs.event_log import log_event
from tintype.jobs.kind import Result
from tintype.jobs.run import Run
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.finetuning_job import FinetuningJob
from tintype.schemas.trial_job import TrialJob
from tintype.tasks import TaskContext
from tintype.workspace.registry import resolve_model

__all__ = ["execute"]


def execute(trial: TrialJob, run: Run, context: TaskContext) -> Result:
    """See `JobKind.execute`. Sends {"interval": number, "value": metric} after every evaluation.

    Returns:
        {"metric": ..., "metrics": {...}, "epoch_seconds": ... or None}
    """
    from tintype.evaluation.metrics import compute_metrics
    from tintype.training.finetuning import finetune

    sweep = AutomlJob.model_validate(run.sibling(trial.job).document)
    tables = tables_of_sweep(sweep)
    job = trial.finetuning
    epochs: list[tuple[float, float]] = []
    """When training began, and each evaluation: (epoch, time)."""
    tags = {"mlflow.parentRunId": trial.parent_mlflow_run}
    with run.tracked(trial.experiment_name, tags) as tracking:
        tracking.log_params({"model_name": trial.model, **trial.point})

        def log(event: dict[str, Any]) -> None:
            log_event(event, tracking)
            if event["event"] in ("plan", "resumed", "evaluation"):
                epochs.append((event.get("epoch", 0.0), time.monotonic()))
            if event["event"] == "evaluation":
                context.send({"interval": event["step"], "value": float(event[sweep.metric])})

        result = finetune(
            checkpoint=resolve_model(job.model_name),
            train=tables.train,
            validation=tables.validation,
            task=job.task,
            parameters=job.hyperparameters,
            output_folder=run.outputs,
            checkpoint_folder=run.folder / "checkpoints",
            resume=True,
            log=log,
            cancelled=lambda: context.stop() in ("cancel", "terminate"),
            finish=lambda: context.stop() == "finish",
        )
        targets = tables.held_out.targets()
        metrics = compute_metrics(
            job.task,
            result.validation_probabilities,
            targets,
            threshold=0.5 if result.thresholds is None else result.thresholds,
        )
        np.save(predictions_file(run), result.validation_probabilities)
        # An ensemble may be made of them; where the time is up already, none is.
        if sweep.mode == "automatic" and context.stop() is None:
            others = probabilities_of_other_views(result.model_folder, tables.held_out)
            for view, probabilities in others.items():
                np.save(view_file(predictions_file(run), view), probabilities)
        write_json(run.outputs / "history.json", result.history)
        tracking.log_metrics(metrics, step=result.best_step)
        tracking.set_tag("tintype.model_folder", str(result.model_folder))
        run.update(metrics=metrics)
    _remove_checkpoints(run, job)
    metric = metrics[sweep.metric]
    print(f"Completed: {sweep.metric} {metric:.4f}; the model is in {result.model_folder}")
    return {"metric": metric, "metrics": metrics, "epoch_seconds": _epoch_seconds(epochs)}


def _epoch_seconds(epochs: list[tuple[float, float]]) -> float | None:
    """Seconds of one epoch with its evaluation, of those that were trained here."""
    # Before the first evaluation images are decoded for the cache.
    measured = epochs[1:] if len(epochs) > 2 else epochs
    if len(measured) < 2 or measured[-1][0] <= measured[0][0]:
        return None
    (first, begun), (last, ended) = measured[0], measured[-1]
    return (ended - begun) / (last - first)


def _remove_checkpoints(run: Run, job: FinetuningJob) -> None:
    """A finished trial is never resumed; only what was asked for is kept."""
    if job.hyperparameters.checkpoint_frequency is None:
        shutil.rmtree(run.folder / "checkpoints", ignore_errors=True)
