"""One trial of a sweep, in a worker process: a fine-tuning run whose data the sweep has split."""

from __future__ import annotations

import contextlib
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tintype.compute.tasks import TaskContext
from tintype.errors import RunCancelled, TintypeError
from tintype.files import locked_folder, write_json
from tintype.jobs.event_log import log_event
from tintype.jobs.sweep_tables import load_sweep_tables
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.finetuning_job import FinetuningJob
from tintype.workspace.registry import resolve_model
from tintype.workspace.runs import RunStore, now
from tintype.workspace.tracking import MlflowRun

__all__ = ["end_trial", "logged_to", "run_trial"]


def run_trial(document: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Train the run `document["run"]`, a trial of the AutoML job `document["job"]`.

    Sends {"interval": number, "value": metric} after every evaluation.

    Returns:
        {"state": completed, stopped, canceled or failed, "metric": ..., "seconds": ...} and, of a
        failed one, its "error". Nothing is raised: a trial's fault is that trial's alone.
    """
    if "backbones" in document:
        from tintype.jobs.ranking_trial import run_ranking

        return run_ranking(document, context)
    name = document["run"]
    store = RunStore()
    started = time.monotonic()
    with logged_to(store.path(name) / "log.txt"):
        try:
            with locked_folder(store.path(name)):
                result = _train(document, store, context)
        except MemoryError:
            result = {"state": "failed", "error": "memory ran out; lower training_batch_size"}
        except TintypeError as error:
            result = {"state": "failed", "error": str(error)}
        except Exception as error:
            traceback.print_exc()
            result = {"state": "failed", "error": f"{type(error).__name__}: {error}"}
        if "error" in result:
            print(f"error: {result['error']}", flush=True)
    end_trial(store, name, result)
    return {**result, "seconds": time.monotonic() - started}


def _train(document: dict[str, Any], store: RunStore, context: TaskContext) -> dict[str, Any]:
    from tintype.evaluation.metrics import compute_metrics
    from tintype.training.finetuning import finetune

    name = document["run"]
    _take_gpu_share()
    sweep = AutomlJob.model_validate(store.document(document["job"]))
    trial = FinetuningJob.model_validate(store.document(name))
    tables = load_sweep_tables(sweep)
    run = MlflowRun.start(
        trial.experiment_name,
        name,
        tags={"tintype.job": name, "mlflow.parentRunId": document["parent_mlflow_run"]},
        run_id=store.get(name).mlflow_run_id,
    )
    store.update(name, status="Running", started_at=now(), mlflow_run_id=run.run_id)
    run.log_params({"model_name": document["model"], **document["parameters"]})
    folder = store.path(name)
    epochs: list[tuple[float, float]] = []
    """When training began, and each evaluation: (epoch, time)."""

    def log(event: dict[str, Any]) -> None:
        log_event(event, run)
        if event["event"] in ("plan", "resumed", "evaluation"):
            epochs.append((event.get("epoch", 0.0), time.monotonic()))
        if event["event"] == "evaluation":
            context.send({"interval": event["step"], "value": float(event[sweep.metric])})

    try:
        result = finetune(
            checkpoint=resolve_model(trial.model_name),
            train=tables.train,
            validation=tables.validation,
            task=trial.task,
            parameters=trial.hyperparameters,
            output_folder=folder / "outputs",
            checkpoint_folder=folder / "checkpoints",
            resume=True,
            log=log,
            cancelled=lambda: context.stop() in ("cancel", "terminate"),
            finish=lambda: context.stop() == "finish",
        )
    except RunCancelled as stopped:
        terminated = context.stop() == "terminate"
        print(f"{'Stopped' if terminated else 'Canceled'}: {stopped}", flush=True)
        run.end("KILLED")
        return {"state": "stopped" if terminated else "canceled"}
    except BaseException:
        run.end("FAILED")
        raise
    targets = tables.validation.targets(result.validation_rows)
    metrics = compute_metrics(trial.task, result.validation_probabilities, targets)
    metric = metrics[sweep.metric]
    np.save(folder / "outputs" / "validation_probabilities.npy", result.validation_probabilities)
    write_json(folder / "outputs" / "history.json", result.history)
    run.log_metrics(metrics, step=result.best_step)
    run.set_tag("tintype.model_folder", str(result.model_folder))
    run.end("FINISHED")
    _remove_checkpoints(folder, trial)
    print(f"Completed: {sweep.metric} {metric:.4f}; the model is in {result.model_folder}")
    return {
        "state": "completed",
        "metric": metric,
        "metrics": metrics,
        "epoch_seconds": _epoch_seconds(epochs),
    }


def _epoch_seconds(epochs: list[tuple[float, float]]) -> float | None:
    """Seconds of one epoch with its evaluation, of those that were trained here."""
    # Before the first evaluation images are decoded for the cache.
    measured = epochs[1:] if len(epochs) > 2 else epochs
    if len(measured) < 2 or measured[-1][0] <= measured[0][0]:
        return None
    (first, begun), (last, ended) = measured[0], measured[-1]
    return (ended - begun) / (last - first)


def _remove_checkpoints(folder: Path, trial: FinetuningJob) -> None:
    """A finished trial is never resumed; only what was asked for is kept."""
    import shutil

    if trial.hyperparameters.checkpoint_frequency is None:
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)


def end_trial(store: RunStore, name: str, result: dict[str, Any]) -> None:
    """Write a trial's result to its record."""
    status = {"completed": "Completed", "failed": "Failed"}.get(result["state"], "Canceled")
    store.update(
        name,
        status=status,
        error=result.get("error"),
        ended_at=now(),
        metrics=result.get("metrics", {}),
    )


def _take_gpu_share() -> None:
    """Keep to this place's part of the GPU's memory, where several trials share one."""
    import os

    import torch

    share = os.environ.get("TINTYPE_GPU_SHARE")
    if share and torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(float(share))


@contextlib.contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Print into the trial's own log."""
    with (
        path.open("a", encoding="utf-8", buffering=1) as stream,
        contextlib.redirect_stdout(stream),
    ):
        stderr, sys.stderr = sys.stderr, stream
        try:
            yield
        finally:
            sys.stderr = stderr
