"""The best trial with the images of validation, too: what they teach, at the cost of not knowing what it
brings."""

from __future__ import annotations

import shutil

import numpy as np

from tintype.automl.backbone_ranking import read_ranking
from tintype.automl.ranking import RankedBackbone, rank_backbones, write_backbone_classifier
from tintype.data.image_table import ImageTable
from tintype.evaluation.metrics import compute_metrics
from tintype.jobs.automl.tables import tables_of_sweep
from tintype.jobs.event_log import log_event
from tintype.jobs.kind import Result
from tintype.jobs.run import Run
from tintype.models.model_folder import open_model_folder
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.trial_job import RefitJob, TrialJob
from tintype.tasks import TaskContext
from tintype.training.finetuning import finetune
from tintype.workspace.tracking import MlflowRun

__all__ = ["execute"]


# Of the trial's learning rate: of playing cards, 216 photos and 75 more, a network at an IoU of 0.66 on
# other photos went to 0.76 in 8 epochs at half its rate, and to 0.72 at a quarter of it.
_SHARE_OF_RATE = 0.5


def execute(job: RefitJob, run: Run, context: TaskContext) -> Result:
    """See `JobKind.execute`.

    Returns:
        {"metric": on the images that were validation's, which have been learnt from, "complete":
        whether it took all its epochs}
    """
    sweep = AutomlJob.model_validate(run.sibling(job.job).document)
    tables = tables_of_sweep(sweep)
    everything = tables.train.joined_with(tables.held_out)
    repeated = run.sibling(job.trial)
    run.outputs.mkdir(exist_ok=True)
    with run.tracked(
        job.experiment_name, {"mlflow.parentRunId": job.parent_mlflow_run}
    ) as tracking:
        tracking.log_params({"repeats": job.trial, "training_images": len(everything)})
        if repeated.state.type == "ranking":
            probabilities = _head(sweep, repeated, everything, tables.held_out, run, context)
            epochs = job.epochs
        else:
            probabilities, epochs = _network(
                job, repeated, everything, tables.held_out, run, context, tracking
            )
            # What is finished is never resumed.
            shutil.rmtree(run.folder / "checkpoints", ignore_errors=True)
        scores = compute_metrics(
            sweep.task, probabilities, tables.held_out.targets(), metrics=[sweep.metric]
        )
        tracking.set_tag("tintype.model_folder", str(run.model_folder))
    return {"metric": scores.get(sweep.metric, 0.0), "complete": epochs >= job.epochs}


def _head(
    sweep: AutomlJob,
    repeated: Run,
    everything: ImageTable,
    held_out: ImageTable,
    run: Run,
    context: TaskContext,
) -> np.ndarray:
    """A head on the best backbone, of its features in the cache; what it says of `held_out`."""

    def write(backbone: RankedBackbone) -> None:
        write_backbone_classifier(
            run.model_folder, backbone, backbone.head, sweep.task, everything.classes
        )

    (ranked,) = rank_backbones(
        [read_ranking(repeated.outputs)[0].name],
        everything,
        held_out,
        task=sweep.task,
        metric=sweep.metric,
        deadline=0.0,
        log=lambda sentence: None,
        leads=write,
        cancelled=lambda: context.stop() in ("cancel", "terminate"),
    )
    return ranked.probabilities


def _network(
    job: RefitJob,
    repeated: Run,
    everything: ImageTable,
    held_out: ImageTable,
    run: Run,
    context: TaskContext,
    tracking: MlflowRun,
) -> tuple[np.ndarray, int]:
    """The trial's model trained on; what it says of `held_out`, and after how many epochs."""
    finetuning = TrialJob.model_validate(repeated.document).finetuning
    rate = finetuning.hyperparameters.learning_rate
    result = finetune(
        checkpoint=str(repeated.model_folder),
        train=everything,
        validation=held_out,
        task=finetuning.task,
        parameters=finetuning.hyperparameters.model_copy(
            update={
                "number_of_epochs": job.epochs,
                "early_stopping": False,
                "learning_rate": None if rate is None else rate * _SHARE_OF_RATE,
            }
        ),
        output_folder=run.outputs,
        checkpoint_folder=run.folder / "checkpoints",
        resume=True,
        log=lambda event: log_event(event, tracking),
        cancelled=lambda: context.stop() in ("cancel", "terminate"),
        finish=lambda: context.stop() == "finish",
        # Images that were learnt from would tell a temperature that is too low.
        calibrated_as=open_model_folder(repeated.model_folder).card,
    )
    return result.validation_probabilities, len(result.history)
