"""What a sweep writes down of its trials: documents made here, never read from a user."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tintype.schemas.document import StrictModel
from tintype.schemas.finetuning_job import FinetuningJob
from tintype.schemas.view import View

__all__ = ["EnsembleJob", "EnsembleMember", "RankingJob", "RefitJob", "TrialJob", "TrialsJob"]


class _Written(StrictModel):
    name: str
    """Of the run."""

    display_name: str | None = None
    """For people."""

    experiment_name: str
    """The AutoML job's."""


class TrialsJob(_Written):
    """What stands between an AutoML job and its trials (docs/contracts.md §2.8)."""

    type: Literal["trials"] = "trials"


class _OfSweep(_Written):
    job: str
    """The run of the AutoML job, whose data every trial shares."""

    parent_mlflow_run: str


class TrialJob(_OfSweep):
    """One point of the search space, fine-tuned."""

    type: Literal["trial"] = "trial"

    model: str
    """The model as the sweep's document names it."""

    point: dict[str, Any]
    """Hyperparameters of this trial, beyond the fixed ones."""

    finetuning: FinetuningJob
    """What the point comes to."""


class RankingJob(_OfSweep):
    """Backbones ranked by heads on them: the first trial of the automatic mode."""

    type: Literal["ranking"] = "ranking"

    backbones: list[str]
    """Checkpoints, in the order to try them."""

    deadline: float
    """time.time() after which no further backbone is tried, once one has been ranked."""


class EnsembleMember(StrictModel):
    """A model that takes part in an ensemble."""

    model: str
    """Its model folder."""

    trial: str
    """The run that it is of."""

    backbone: str | None = None
    """Of the ranking: the checkpoint that its head is on."""

    view: View = "whole"
    """How it is shown images."""

    weight: float = Field(gt=0)
    """How much its probabilities count."""


class EnsembleJob(_OfSweep):
    """Models of earlier trials, averaged into one: the last trial of the automatic mode."""

    type: Literal["ensemble"] = "ensemble"

    members: list[EnsembleMember] = Field(min_length=2)


class RefitJob(_OfSweep):
    """The best trial going on, with the images of validation, too."""

    type: Literal["refit"] = "refit"

    trial: str
    """The best one's run."""

    epochs: dict[str, int]
    """How many more each network that takes part has, by the run of its trial; heads are fitted again."""
