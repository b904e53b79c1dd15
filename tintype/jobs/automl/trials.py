"""The runs of a sweep: from a point of the search space to a trial's document and record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tintype.automl.study import Trial
from tintype.errors import TintypeError
from tintype.jobs.automl.models import model_of_run, model_to_train
from tintype.jobs.run import Run
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.automl_parameters import DEFAULT_MODEL, AutomlParameters
from tintype.schemas.finetuning import FinetuningParameters
from tintype.workspace.runs import now

__all__ = ["TrialRuns"]


class TrialRuns:
    """The run of the sweep, between a job and its trials (docs/contracts.md §2.8), and theirs."""

    def __init__(self, job: AutomlJob, run: Run, parent_mlflow_run: str) -> None:
        self._job = job
        self._parent = run
        self._sweep = run.sibling(f"{run.name}_HD")
        self._parent_mlflow_run = parent_mlflow_run
        self._checkpoint: str | None = None
        self.backbones: list[str] = []
        """Automatic mode: what its first trial ranks, and until when."""
        self.ranking_deadline = 0.0
        checkpoint_run = job.training_parameters.checkpoint_run_id
        if checkpoint_run is not None:
            self._checkpoint = model_of_run(checkpoint_run, job.training_parameters.model_name)

    def begin_sweep(self) -> None:
        """The sweep's run is there, and runs."""
        if not self._sweep.exists:
            document = {
                "type": "trials",
                "name": self._sweep.name,
                "display_name": self._sweep.name,
                "experiment_name": self._job.experiment_name,
            }
            Run.create(
                document, store=self._parent.store, parent=self._parent.name, supervised=True
            )
        self._sweep.update(status="Running", started_at=now())

    def end_sweep(self, status: str) -> None:
        """The sweep's run has ended."""
        self._sweep.update(status=status, ended_at=now())

    def run(self, number: int) -> Run:
        """The run of trial `number`."""
        return self._parent.sibling(f"{self._sweep.name}_{number}")

    def model(self, trial: Trial) -> str:
        """The model that `trial` trains, as the document named it."""
        parameters = self._job.training_parameters
        if "ensemble" in trial.parameters:
            return "ensemble"
        if "ranking" in trial.parameters:
            return "heads"
        named = trial.parameters.get("model_name", parameters.model_name)
        return str(named or (self._checkpoint and "checkpoint") or DEFAULT_MODEL)

    def document(self, trial: Trial) -> dict[str, Any]:
        """What a worker is given to run `trial`, whose run is made where there is none."""
        run = self.run(trial.number)
        return self._given(run, self._task(run.name, trial))

    @property
    def refit_run(self) -> Run:
        """The run in which the best trial goes on with all images."""
        return self._parent.sibling(f"{self._sweep.name}_refit")

    def refit_document(self, best: Trial, epochs: Mapping[int, int]) -> dict[str, Any]:
        """What a worker is given to go on with `best`.

        Args:
            epochs: how many more a trial's network has, by the trial's number.
        """
        task = {
            "type": "refit",
            "trial": self.run(best.number).name,
            "epochs": {self.run(number).name: count for number, count in epochs.items()},
        }
        return self._given(self.refit_run, task)

    def _given(self, run: Run, task: Mapping[str, Any]) -> dict[str, Any]:
        content = {
            "name": run.name,
            "display_name": run.name,
            "experiment_name": self._job.experiment_name,
            "job": self._parent.name,
            "parent_mlflow_run": self._parent_mlflow_run,
            **task,
        }
        if run.exists:
            run.store.replace_document(run.name, content)
        else:
            Run.create(content, store=run.store, parent=self._sweep.name)
        run.update(status="Starting", error=None, ended_at=None)
        return {"run": run.name}

    def _task(self, name: str, trial: Trial) -> dict[str, Any]:
        """What the trial does."""
        if "ranking" in trial.parameters:
            return {
                "type": "ranking",
                "backbones": self.backbones,
                "deadline": self.ranking_deadline,
            }
        if "ensemble" in trial.parameters:
            return {"type": "ensemble", "members": trial.parameters["ensemble"]}
        return self._point(name, trial)

    def _point(self, name: str, trial: Trial) -> dict[str, Any]:
        model = self.model(trial)
        return {
            "type": "trial",
            "model": model,
            "point": trial.parameters,
            "finetuning": self._finetuning(name, model, trial.parameters),
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
