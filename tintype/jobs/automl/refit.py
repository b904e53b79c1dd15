"""The best trial with the images of validation, too: what they teach, at the cost of not knowing what it
brings.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tintype.automl.backbone_ranking import read_ranking
from tintype.automl.ranking import RankedBackbone, rank_backbones, write_backbone_classifier
from tintype.data.image_table import ImageTable
from tintype.evaluation.metrics import compute_metrics
from tintype.jobs.automl.ensemble_folder import write_ensemble
from tintype.jobs.automl.other_views import probabilities_of_other_views
from tintype.jobs.automl.tables import tables_of_sweep
from tintype.jobs.event_log import log_event
from tintype.jobs.kind import Result
from tintype.jobs.run import Run
from tintype.models.model_folder import open_model_folder
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.trial_job import EnsembleJob, EnsembleMember, RefitJob, TrialJob
from tintype.schemas.view import View
from tintype.tasks import TaskContext
from tintype.training.finetuning import finetune
from tintype.workspace.tracking import MlflowRun

__all__ = ["execute"]


# Of the trial's learning rate: of playing cards, 216 photos and 75 more, a network at an IoU of 0.66 on
# other photos went to 0.76 in 8 epochs at half its rate, and to 0.72 at a quarter of it.
_SHARE_OF_RATE = 0.5

# That the images of validation may take in other views; those of training were before, or take too long.
_VIEWS_SECONDS = 10.0


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
    tags = {"mlflow.parentRunId": job.parent_mlflow_run}
    with run.tracked(job.experiment_name, tags) as tracking:
        tracking.log_params({"repeats": job.trial, "training_images": len(everything)})
        learner = _Learner(
            sweep, everything, tables.held_out, run, context, tracking, epochs=job.epochs
        )
        if repeated.state.type == "ensemble":
            members = EnsembleJob.model_validate(repeated.document).members
            learnt = learner.ensemble(repeated, members)
        elif repeated.state.type == "ranking":
            learnt = learner.head(read_ranking(repeated.outputs)[0].name, run.outputs)
        else:
            learnt = learner.network(repeated, run.outputs)
        # What is finished is never resumed.
        shutil.rmtree(run.folder / "checkpoints", ignore_errors=True)
        scores = compute_metrics(
            sweep.task, learnt.probabilities, tables.held_out.targets(), metrics=[sweep.metric]
        )
        tracking.set_tag("tintype.model_folder", str(run.model_folder))
    return {"metric": scores.get(sweep.metric, 0.0), "complete": learner.complete}


@dataclass(frozen=True)
class _Learnt:
    """A model, and what it says of the images of validation, which it has seen."""

    folder: Path
    probabilities: np.ndarray
    """float32 (n, classes)."""
    other_views: dict[View, np.ndarray] = field(default_factory=dict)
    """The same of other views of these images, where an ensemble asks for one."""


@dataclass
class _Learner:
    """Models learnt from all images."""

    sweep: AutomlJob
    everything: ImageTable
    held_out: ImageTable
    run: Run
    context: TaskContext
    tracking: MlflowRun
    epochs: Mapping[str, int]
    """See `RefitJob`."""
    complete: bool = True
    """Whether every network has had its epochs."""

    def head(self, backbone: str, outputs: Path) -> _Learnt:
        """A head on `backbone`, of its features in the cache, in a folder below `outputs`."""
        folder = outputs / self.run.model_folder.name

        def write(ranked: RankedBackbone) -> None:
            outputs.mkdir(parents=True, exist_ok=True)
            write_backbone_classifier(
                folder, ranked, ranked.head, self.sweep.task, self.everything.classes
            )

        (ranked,) = rank_backbones(
            [backbone],
            self.everything,
            self.held_out,
            task=self.sweep.task,
            metric=self.sweep.metric,
            deadline=0.0,
            log=lambda sentence: None,
            leads=write,
            cancelled=self._cancelled,
            views_seconds=_VIEWS_SECONDS,
        )
        return _Learnt(folder, ranked.probabilities, ranked.other_views)

    def network(self, trial: Run, outputs: Path) -> _Learnt:
        """The model of `trial` trained on, in a folder below `outputs`."""
        job = TrialJob.model_validate(trial.document).finetuning
        rate = job.hyperparameters.learning_rate
        epochs = self.epochs[trial.name]
        result = finetune(
            checkpoint=str(trial.model_folder),
            train=self.everything,
            validation=self.held_out,
            task=job.task,
            parameters=job.hyperparameters.model_copy(
                update={
                    "number_of_epochs": epochs,
                    "early_stopping": False,
                    "learning_rate": None if rate is None else rate * _SHARE_OF_RATE,
                }
            ),
            output_folder=outputs,
            checkpoint_folder=self.run.folder / "checkpoints" / trial.name,
            resume=True,
            log=lambda event: log_event(event, self.tracking),
            cancelled=self._cancelled,
            finish=lambda: self.context.stop() == "finish",
            # Images that were learnt from would tell a temperature that is too low.
            calibrated_as=open_model_folder(trial.model_folder).card,
        )
        self.complete = self.complete and len(result.history) >= epochs
        return _Learnt(result.model_folder, result.validation_probabilities)

    def ensemble(self, trial: Run, members: Sequence[EnsembleMember]) -> _Learnt:
        """Every member learnt again, and averaged as `trial` was, in the run's model folder."""
        weights = np.array([member.weight for member in members])
        learnt: dict[tuple[str, str | None], _Learnt] = {}
        parts = []
        for member in members:
            source = (member.trial, member.backbone)
            # All views of an image are seen by one and the same model.
            if source not in learnt:
                outputs = self.run.folder / "members" / str(len(learnt))
                learnt[source] = (
                    self.network(self.run.sibling(member.trial), outputs)
                    if member.backbone is None
                    else self.head(member.backbone, outputs)
                )
            if member.view not in ("whole", *learnt[source].other_views):
                others = probabilities_of_other_views(learnt[source].folder, self.held_out)
                learnt[source].other_views.update(others)
            parts.append(learnt[source])
        card = open_model_folder(trial.model_folder).card
        write_ensemble(
            self.run.model_folder,
            members,
            [part.folder for part in parts],
            task=self.sweep.task,
            classes=self.everything.classes,
            card={key: card[key] for key in ("thresholds", "threshold_tuning") if key in card},
        )
        shutil.rmtree(self.run.folder / "members")
        stack = np.stack(
            [
                part.probabilities if member.view == "whole" else part.other_views[member.view]
                for part, member in zip(parts, members, strict=True)
            ]
        )
        mean = np.tensordot(weights / weights.sum(), stack, 1).astype(np.float32)
        return _Learnt(self.run.model_folder, mean)

    def _cancelled(self) -> bool:
        return self.context.stop() in ("cancel", "terminate")
