"""From a point of the search space to a trial's run: its document, its record, its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tintype.automl.study import Trial
from tintype.errors import TintypeError
from tintype.jobs.trial_models import model_of_run, model_to_train
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.automl_parameters import DEFAULT_MODEL, AutomlParameters
from tintype.schemas.finetuning import FinetuningParameters
from tintype.workspace.runs import RunStore

__all__ = ["TrialRuns", "sweep_name", "trial_name"]


def sweep_name(job: str) -> str:
    """The run between an AutoML job and its trials (azure-contracts.md §2.8)."""
    return f"{job}_HD"


def trial_name(job: str, number: int) -> str:
    """The run of trial `number`."""
    return f"{job}_HD_{number}"


class TrialRuns:
    """Makes the runs of a job's trials."""

    def __init__(self, job: AutomlJob, name: str, store: RunStore, parent_mlflow_run: str) -> None:
        self._job = job
        self._name = name
        self._store = store
        self._parent_mlflow_run = parent_mlflow_run
        self._checkpoint: str | None = None
        self.backbones: list[str] = []
        """Automatic mode: what its first trial ranks, and until when."""
        self.ranking_deadline = 0.0
        run = job.training_parameters.checkpoint_run_id
        if run is not None:
            self._checkpoint = model_of_run(run, job.training_parameters.model_name)

    def create_sweep(self) -> None:
        """The record of the sweep, once."""
        name = sweep_name(self._name)
        if (self._store.path(name) / "run.json").exists():
            return
        document = {
            "type": "sweep", "name": name, "experiment_name": self._job.experiment_name,
            "display_name": name,
        }  # fmt: skip
        self._store.create(document, parent=self._name)

    def folder(self, trial: Trial) -> Path:
        """Where the run of `trial` lies."""
        return self._store.path(trial_name(self._name, trial.number))

    def model(self, trial: Trial) -> str:
        """The model that `trial` trains, as the document named it."""
        parameters = self._job.training_parameters
        if "ranking" in trial.parameters:
            return "linear heads"
        named = trial.parameters.get("model_name", parameters.model_name)
        return str(named or (self._checkpoint and "checkpoint") or DEFAULT_MODEL)

    def document(self, trial: Trial) -> dict[str, Any]:
        """What a worker is given to run `trial`, whose record is made where there is none."""
        name = trial_name(self._name, trial.number)
        model = self.model(trial)
        ranking = "ranking" in trial.parameters
        if not (self._store.path(name) / "run.json").exists():
            self._store.create(
                {"type": "ranking", "name": name, "experiment_name": self._job.experiment_name}
                if ranking
                else self._finetuning(name, model, trial.parameters),
                parent=sweep_name(self._name),
            )
        self._store.update(name, status="Starting", error=None, ended_at=None)
        return {
            **({"backbones": self.backbones, "deadline": self.ranking_deadline} if ranking else {}),
            "run": name,
            "job": self._name,
            "model": model,
            "parameters": trial.parameters,
            "parent_mlflow_run": self._parent_mlflow_run,
        }

    def _finetuning(self, name: str, model: str, point: Mapping[str, Any]) -> dict[str, Any]:
        job = self._job
        hyperparameters = self._hyperparameters(model, point)
        return {
            "type": "finetuning",
            "name": name,
            "display_name": name,
            "experiment_name": job.experiment_name,
            "task": job.task,
            "model_name": self._checkpoint or point.get("start") or model_to_train(model),
            "training_data": job.training_data.model_dump(exclude_unset=True),
            **(
                {"validation_data": job.validation_data.model_dump(exclude_unset=True)}
                if job.validation_data
                else {}
            ),
            "label_column_name": job.target_column_name,
            "input_column_names": job.image_column_name,
            "hyperparameters": json.loads(hyperparameters.model_dump_json(exclude_unset=True)),
            "tags": {"model_name": model},
        }

    def _hyperparameters(self, model: str, point: Mapping[str, Any]) -> FinetuningParameters:
        if "finetuning" in point:
            # The automatic mode writes parameters of fine-tuning jobs itself.
            return FinetuningParameters.model_validate(point["finetuning"])
        fixed = self._job.training_parameters.model_dump(exclude_unset=True)
        try:
            parameters = AutomlParameters.model_validate({**fixed, **point, "model_name": model})
            return parameters.to_finetuning(
                self._job.task,
                metric=self._job.metric,
                validation_data_size=self._job.validation_data_size or 0.2,
            )
        except ValueError as error:
            # Each value was tried by itself at submit; two may still not go together.
            reason = str(error).splitlines()[-1]
            raise TintypeError(f"the point {dict(point)} cannot be trained: {reason}") from None
