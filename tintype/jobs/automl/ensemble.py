"""A trial of an automatic sweep that trains nothing: models of earlier ones, averaged into one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tintype.evaluation.metrics import compute_metrics
from tintype.jobs.automl.ensemble_folder import write_ensemble
from tintype.jobs.automl.predictions import predictions_file
from tintype.jobs.automl.tables import tables_of_sweep
from tintype.jobs.kind import Result
from tintype.jobs.run import Run
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.trial_job import EnsembleJob
from tintype.scoring.calibration import thresholds_of
from tintype.scoring.scorer import Scorer
from tintype.tasks import TaskContext
from tintype.training.finishing import tuned_thresholds

__all__ = ["execute"]

# Of the choice of thresholds.
_SEED = 42


def execute(job: EnsembleJob, run: Run, context: TaskContext) -> Result:
    """See `JobKind.execute`.

    Returns:
        {"metric": ..., "metrics": {...}}
    """
    sweep = AutomlJob.model_validate(run.sibling(job.job).document)
    tables = tables_of_sweep(sweep)
    classes = tables.train.classes
    tags = {"mlflow.parentRunId": job.parent_mlflow_run}
    with run.tracked(job.experiment_name, tags) as tracking:
        tracking.log_params({"model_name": "ensemble", "members": len(job.members)})

        def write(card: Mapping[str, Any]) -> None:
            write_ensemble(
                run.model_folder,
                job.members,
                [Path(member.model) for member in job.members],
                task=sweep.task,
                classes=classes,
                card=card,
            )

        write({})
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
            write(tuned)
        np.save(predictions_file(run), scores.probabilities)
        thresholds = thresholds_of(tuned, classes)
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
