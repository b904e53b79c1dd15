"""A trial of an automatic sweep that trains nothing: models of earlier ones, averaged into one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tintype.evaluation.metrics import compute_metrics
from tintype.images.preprocess import Preprocessor
from tintype.jobs.automl.predictions import predictions_file
from tintype.jobs.automl.tables import tables_of_sweep
from tintype.jobs.kind import Result
from tintype.jobs.run import Run
from tintype.models.classifier import load_classifier
from tintype.models.ensemble import new_ensemble
from tintype.models.model_folder import open_model_folder, write_model_folder
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.trial_job import EnsembleJob
from tintype.scoring.calibration import thresholds_of
from tintype.scoring.scorer import Scorer
from tintype.tasks import TaskContext
from tintype.training.finishing import tuned_thresholds

__all__ = ["execute"]

# Of the choice of thresholds.
_SEED = 42

# What is kept of each member's card.
_TOLD = ("base_checkpoint", "family", "training", "temperature")


def execute(job: EnsembleJob, run: Run, context: TaskContext) -> Result:
    """See `JobKind.execute`.

    Returns:
        {"metric": ..., "metrics": {...}}
    """
    sweep = AutomlJob.model_validate(run.sibling(job.job).document)
    tables = tables_of_sweep(sweep)
    classes = tables.train.classes
    folders = [open_model_folder(Path(member.model)) for member in job.members]
    model, preprocessor = new_ensemble(
        [load_classifier(folder.checkpoint) for folder in folders],
        [Preprocessor.from_folder(folder.checkpoint.folder) for folder in folders],
        [member.weight for member in job.members],
        task=sweep.task,
        classes=classes,
    )
    card = {
        "training": {"method": "ensemble"},
        "members": [
            {"weight": member.weight, **{key: folder.card.get(key) for key in _TOLD}}
            for member, folder in zip(job.members, folders, strict=True)
        ],
    }
    tags = {"mlflow.parentRunId": job.parent_mlflow_run}
    with run.tracked(job.experiment_name, tags) as tracking:
        tracking.log_params({"model_name": "ensemble", "members": len(job.members)})

        def write() -> None:
            run.outputs.mkdir(exist_ok=True)
            write_model_folder(
                run.model_folder,
                model=model,  # type: ignore[arg-type]
                preprocessor=preprocessor,
                task=sweep.task,
                classes=classes,
                card=card,
            )

        write()
        scores = Scorer.load(run.model_folder).score_table(tables.held_out)
        targets = tables.held_out.targets(scores.rows)
        tuned = tuned_thresholds(
            sweep.task,
            scores.probabilities,
            targets,
            classes,
            metric=sweep.metric,
            seed=_SEED,
        )
        if tuned:
            card |= tuned
            write()
        np.save(predictions_file(run), scores.probabilities)
        thresholds = thresholds_of(card, classes)
        metrics = compute_metrics(
            sweep.task,
            scores.probabilities,
            targets,
            threshold=0.5 if thresholds is None else thresholds,
        )
        tracking.log_metrics(metrics, step=0)
        tracking.set_tag("tintype.model_folder", str(run.model_folder))
        run.update(metrics=metrics)
    context.send({"interval": 1, "value": metrics[sweep.metric]})
    return {"metric": metrics[sweep.metric], "metrics": metrics}
