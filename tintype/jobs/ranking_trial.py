"""The first trial of an automatic sweep, in a worker process: backbones ranked by linear heads.

Its model, the best backbone with its linear head, is there as soon as the first backbone is
through, and is replaced whenever another leads.
"""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from tintype.automl.automatic import FINER
from tintype.compute.tasks import TaskContext
from tintype.errors import TintypeError
from tintype.files import locked_folder, write_json
from tintype.jobs.backbones import blocks_of, input_side
from tintype.jobs.sweep_tables import load_sweep_tables
from tintype.jobs.trial import end_trial, logged_to
from tintype.schemas.automl_job import AutomlJob
from tintype.workspace.runs import RunStore, now
from tintype.workspace.tracking import MlflowRun

__all__ = ["ranking_of", "run_ranking"]

_FILE = "ranking.json"

# So many of the best are kept with their heads, to be fine-tuned.
_STARTS = 3


def run_ranking(document: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Rank `document["backbones"]`; sends {"note": sentence} as it learns. Results as `run_trial`'s."""
    name = document["run"]
    store = RunStore()
    started = time.monotonic()
    with logged_to(store.path(name) / "log.txt"):
        try:
            with locked_folder(store.path(name)):
                result = _rank(document, store, context, started)
        except TintypeError as error:
            result = {"state": "failed", "error": str(error)}
        except Exception as error:
            traceback.print_exc()
            result = {"state": "failed", "error": f"{type(error).__name__}: {error}"}
    end_trial(store, name, result)
    return {**result, "seconds": time.monotonic() - started}


def _rank(
    document: dict[str, Any], store: RunStore, context: TaskContext, started: float
) -> dict[str, Any]:
    from tintype.automl.ranking import RankedBackbone, rank_backbones, write_linear_classifier
    from tintype.evaluation.metrics import compute_metrics

    name = document["run"]
    sweep = AutomlJob.model_validate(store.document(document["job"]))
    tables = load_sweep_tables(sweep)
    run = MlflowRun.start(
        sweep.experiment_name,
        name,
        tags={"tintype.job": name, "mlflow.parentRunId": document["parent_mlflow_run"]},
        run_id=store.get(name).mlflow_run_id,
    )
    store.update(name, status="Running", started_at=now(), mlflow_run_id=run.run_id)
    outputs = store.path(name) / "outputs"
    outputs.mkdir(exist_ok=True)

    def log(sentence: str) -> None:
        print(sentence, flush=True)
        context.send({"note": sentence})

    def found(backbone: RankedBackbone) -> None:
        first = not (outputs / "mlflow-model").exists()
        write_linear_classifier(
            outputs / "mlflow-model", backbone, sweep.task, tables.train.classes
        )
        if first:
            log(
                f"First usable model after {time.monotonic() - started:.1f} s: "
                f"{outputs / 'mlflow-model'}"
            )

    try:
        ranking = rank_backbones(
            document["backbones"],
            tables.train,
            tables.validation,
            task=sweep.task,
            metric=sweep.metric,
            deadline=document["deadline"],
            log=log,
            found=found,
        )
    except BaseException:
        run.end("FAILED")
        raise
    # Fine-tuning starts from the linear head rather than a random one (LP-FT, Kumar et al. 2022).
    starts = [outputs / "heads" / str(place) for place in range(min(len(ranking), _STARTS))]
    for start, backbone in zip(starts, ranking, strict=False):
        write_linear_classifier(start, backbone, sweep.task, tables.train.classes)
    shown = [
        {**_shown(backbone), "start": str(starts[place]) if place < len(starts) else backbone.name}
        for place, backbone in enumerate(ranking)
    ]
    write_json(outputs / _FILE, shown)
    if not ranking:
        run.end("FAILED")
        return {"state": "failed", "error": "no checkpoint could be used for features"}
    best = ranking[0]
    np.save(outputs / "validation_probabilities.npy", best.probabilities)
    np.savez(
        outputs / "out_of_fold.npz", rows=best.head.validated_rows, probs=best.head.out_of_fold
    )
    metrics = compute_metrics(sweep.task, best.probabilities, tables.validation.targets())
    run.log_params({"model_name": best.name, "method": "head", "pooling": best.pooling})
    run.log_metrics(metrics, step=0)
    run.set_tag("tintype.model_folder", str(outputs / "mlflow-model"))
    run.end("FINISHED")
    context.send({"interval": 1, "value": metrics[sweep.metric]})
    return {
        "state": "completed",
        "metric": metrics[sweep.metric],
        "metrics": metrics,
    }


def _shown(backbone: Any) -> dict[str, Any]:
    return {
        "name": backbone.name,
        "score": backbone.score,
        "validation": backbone.validation,
        "images_per_second": backbone.images_per_second,
        "seconds": backbone.seconds,
        "family": backbone.family,
        "pooling": backbone.pooling,
        "parameters": backbone.parameters,
        "blocks": blocks_of(backbone.name),
        "finer_side": input_side(backbone.name, FINER),
    }


def ranking_of(folder: Path) -> list[dict[str, Any]]:
    """The ranking that the trial in the run folder `folder` wrote; empty if it has none."""
    import json

    try:
        found: list[dict[str, Any]] = json.loads((folder / "outputs" / _FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return found
