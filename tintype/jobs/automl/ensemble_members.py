"""Which models of a sweep, averaged, are better than its best one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tintype.automl.backbone_ranking import read_ranking
from tintype.automl.ensemble_selection import choose_ensemble
from tintype.automl.study import Trial
from tintype.evaluation.metrics import compute_metrics
from tintype.images.views import OTHER_VIEWS
from tintype.jobs.automl.predictions import predictions_file, read_predictions, view_file
from tintype.jobs.automl.trials import TrialRuns
from tintype.jobs.tables import Tables
from tintype.models.model_folder import is_model_folder
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.trial_job import EnsembleMember
from tintype.schemas.view import View

__all__ = ["HEADS", "members_that_win"]

HEADS = "heads"
"""Below the outputs of the ranking: its models, and beside each what it says of the validation images."""

# The best so many models are looked at, each backbone's head among them.
_MOST_CANDIDATES = 12


@dataclass(frozen=True)
class _Candidate:
    """A model, and what it says of all validation images."""

    folder: Path
    probabilities: np.ndarray
    """float32 (n, classes)."""
    trial: str
    """Its run."""
    backbone: str | None
    """Of the ranking's models: what the head is on."""
    view: View = "whole"
    """Of the images, that it was asked about."""


def members_that_win(
    job: AutomlJob, trials: TrialRuns, tables: Tables, finished: Sequence[Trial]
) -> tuple[list[EnsembleMember], str] | None:
    """Members of an ensemble that is better than the best model by more than noise, and a sentence on
    it; None where none is."""
    targets = tables.held_out.targets()

    def score(candidate: _Candidate) -> float:
        found = compute_metrics(job.task, candidate.probabilities, targets, metrics=[job.metric])
        return found.get(job.metric, 0.0)

    found = _candidates(trials, finished, rows=len(tables.held_out))
    candidates = sorted(found, key=score, reverse=True)[:_MOST_CANDIDATES]
    chosen = choose_ensemble(
        [candidate.probabilities for candidate in candidates],
        targets,
        job.task,
        job.metric,
        groups=tables.held_out.groups,
    )
    if chosen is None:
        return None
    members = [
        EnsembleMember(
            model=str(candidates[place].folder),
            trial=candidates[place].trial,
            backbone=candidates[place].backbone,
            view=candidates[place].view,
            weight=weight,
        )
        for place, weight in chosen.weights.items()
    ]
    return members, (
        f"Next: the mean of {len(members)} models; chosen and judged by folds it has {job.metric} "
        f"{chosen.score:.4f} where the best one has {chosen.best:.4f}."
    )


def _candidates(trials: TrialRuns, finished: Sequence[Trial], *, rows: int) -> list[_Candidate]:
    """The trials' models, and of the ranking those of the best few backbones: each for every view of
    which it was asked."""
    places: list[tuple[Path, Path, str, str | None]] = []
    for trial in finished:
        run = trials.run(trial.number)
        names = [rank.name for rank in read_ranking(run.outputs)]
        places.append(
            (run.model_folder, predictions_file(run), run.name, names[0] if names else None)
        )
        # Place 0 is the ranking's own model.
        for place, name in enumerate(names[1:], 1):
            head = run.outputs / HEADS / str(place)
            places.append((head, head.with_suffix(".npy"), run.name, name))
    candidates = []
    for folder, file, trial_run, backbone in places:
        views: tuple[View, ...] = ("whole", *OTHER_VIEWS) if is_model_folder(folder) else ()
        for view in views:
            probabilities = read_predictions(view_file(file, view), rows=rows)
            if probabilities is not None:
                candidates.append(_Candidate(folder, probabilities, trial_run, backbone, view))
    return candidates
