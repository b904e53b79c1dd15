"""Which models of a sweep, averaged, are better than its best one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tintype.automl.ensemble_selection import choose_ensemble
from tintype.automl.study import Trial
from tintype.evaluation.metrics import compute_metrics
from tintype.jobs.automl.predictions import predictions_file, read_predictions
from tintype.jobs.automl.trials import TrialRuns
from tintype.jobs.tables import Tables
from tintype.models.model_folder import is_model_folder
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.trial_job import EnsembleMember

__all__ = ["HEADS", "members_that_win"]

HEADS = "heads"
"""Below the outputs of the ranking: its models, and beside each what it says of the validation images."""

# The best so many models are looked at, each backbone's head among them.
_MOST_CANDIDATES = 12


def members_that_win(
    job: AutomlJob, trials: TrialRuns, tables: Tables, finished: Sequence[Trial]
) -> tuple[list[EnsembleMember], str] | None:
    """Members of an ensemble that is better than the best model by more than noise, and a sentence on
    it; None where none is."""
    candidates = _candidates(trials, finished, rows=len(tables.held_out))
    targets = tables.held_out.targets()

    def score(candidate: tuple[Path, np.ndarray]) -> float:
        found = compute_metrics(job.task, candidate[1], targets, metrics=[job.metric])
        return found.get(job.metric, 0.0)

    candidates = sorted(candidates, key=score, reverse=True)[:_MOST_CANDIDATES]
    chosen = choose_ensemble(
        [probabilities for _, probabilities in candidates],
        targets,
        job.task,
        job.metric,
        groups=tables.held_out.groups,
    )
    if chosen is None:
        return None
    members = [
        EnsembleMember(model=str(candidates[place][0]), weight=weight)
        for place, weight in chosen.weights.items()
    ]
    return members, (
        f"Next: the mean of {len(members)} models; chosen and judged by folds it has {job.metric} "
        f"{chosen.score:.4f} where the best one has {chosen.best:.4f}."
    )


def _candidates(
    trials: TrialRuns, finished: Sequence[Trial], *, rows: int
) -> list[tuple[Path, np.ndarray]]:
    """Model folders, and what each says of all validation images: float32 (rows, classes)."""
    places = []
    for trial in finished:
        run = trials.run(trial.number)
        places.append((run.model_folder, predictions_file(run)))
        # Place 0 is the ranking's own model.
        heads = sorted(run.outputs.glob(f"{HEADS}/*.npy"))
        places += [(head.with_suffix(""), head) for head in heads if head.stem != "0"]
    loaded = [
        (folder, read_predictions(path, rows=rows))
        for folder, path in places
        if is_model_folder(folder)
    ]
    return [(folder, found) for folder, found in loaded if found is not None]
