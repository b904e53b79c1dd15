"""The first trial of an automatic sweep: backbones ranked by heads on them.

Its model, the best backbone with its head, is there as soon as the first backbone is
through, and is replaced whenever another leads.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from tintype.automl.backbone_ranking import BackboneRank, write_ranking
from tintype.automl.ranking import RankedBackbone, rank_backbones, write_backbone_classifier
from tintype.automl.settings_to_try import FINER
from tintype.errors import TintypeError
from tintype.evaluation.metrics import compute_metrics
from tintype.jobs.automl.backbones import blocks_of, input_side
from tintype.jobs.automl.ensemble_members import HEADS
from tintype.jobs.automl.predictions import predictions_file, view_file
from tintype.jobs.automl.tables import tables_of_sweep
from tintype.jobs.kind import Result
from tintype.jobs.run import Run
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.trial_job import RankingJob
from tintype.tasks import TaskContext

__all__ = ["execute"]

# So many of the best are kept with their heads, to be fine-tuned.
_STARTS = 3

# Of the time for ranking, that each backbone may take for further views of the images.
_VIEWS_SHARE = 0.15


def execute(job: RankingJob, run: Run, context: TaskContext) -> Result:
    """See `JobKind.execute`. Sends {"note": sentence} as it learns.

    Returns:
        {"metric": ..., "metrics": {...}}
    """
    started = time.monotonic()
    sweep = AutomlJob.model_validate(run.sibling(job.job).document)
    tables = tables_of_sweep(sweep)
    classes = tables.train.classes
    run.outputs.mkdir(exist_ok=True)

    def log(sentence: str) -> None:
        print(sentence, flush=True)
        context.send({"note": sentence})

    def leads(backbone: RankedBackbone) -> None:
        first = not run.model_folder.exists()
        write_backbone_classifier(run.model_folder, backbone, backbone.head, sweep.task, classes)
        if first:
            seconds = time.monotonic() - started
            log(f"First usable model after {seconds:.1f} s: {run.model_folder}")

    tags = {"mlflow.parentRunId": job.parent_mlflow_run}
    with run.tracked(job.experiment_name, tags) as tracking:
        ranking = rank_backbones(
            job.backbones,
            tables.train,
            tables.held_out,
            task=sweep.task,
            metric=sweep.metric,
            deadline=job.deadline,
            log=log,
            leads=leads,
            cancelled=lambda: context.stop() in ("cancel", "terminate"),
            finish=lambda: context.stop() == "finish",
            timed=True,
            views_seconds=_VIEWS_SHARE * max(0.0, job.deadline - time.time()),
        )
        if not ranking:
            write_ranking(run.outputs, [])
            raise TintypeError("no checkpoint could be used for features")
        # Fine-tuning starts from a fitted head, not a random one (LP-FT, Kumar et al. 2022).
        starts = [backbone.name for backbone in ranking]
        for place, backbone in enumerate(ranking[:_STARTS]):
            start = run.outputs / HEADS / str(place)
            write_backbone_classifier(
                start, backbone, backbone.head.to_finetune, sweep.task, classes
            )
            starts[place] = str(start)
            if backbone.head.to_finetune is backbone.head:
                _keep_predictions(start.with_suffix(".npy"), backbone)
        write_ranking(run.outputs, [_rank(*pair) for pair in zip(ranking, starts, strict=True)])
        best = ranking[0]
        _keep_predictions(predictions_file(run), best)
        np.savez(
            run.outputs / "out_of_fold.npz",
            rows=best.head.validated_rows,
            probs=best.head.out_of_fold,
        )
        metrics = compute_metrics(sweep.task, best.probabilities, tables.held_out.targets())
        tracking.log_params({"model_name": best.name, "method": "head", "pooling": best.pooling})
        tracking.log_metrics(metrics, step=0)
        tracking.set_tag("tintype.model_folder", str(run.model_folder))
        run.update(metrics=metrics)
    context.send({"interval": 1, "value": metrics[sweep.metric]})
    return {"metric": metrics[sweep.metric], "metrics": metrics}


def _keep_predictions(path: Path, backbone: RankedBackbone) -> None:
    np.save(path, backbone.probabilities)
    for view, probabilities in backbone.other_views.items():
        np.save(view_file(path, view), probabilities)


def _rank(backbone: RankedBackbone, start: str) -> BackboneRank:
    assert backbone.speed is not None
    return BackboneRank(
        name=backbone.name,
        score=backbone.score,
        validation=backbone.validation,
        images_per_second=backbone.speed.images_per_second,
        training_images_per_second=backbone.speed.training_images_per_second,
        reading_seconds=backbone.speed.reading_seconds,
        seconds=backbone.seconds,
        family=backbone.family,
        pooling=backbone.pooling,
        parameters=backbone.parameters,
        start=start,
        blocks=blocks_of(backbone.name),
        finer_side=input_side(backbone.name, FINER),
    )
