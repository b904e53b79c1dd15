"""`type: sweep`: a command run again and again, at points of a search space.

Keys as in Azure's CLI (v2) sweep job YAML schema.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from tintype.schemas.command_job import CommandJob, EnvironmentVariables, InputValues
from tintype.schemas.distributions import Choice, Distribution, SearchValue
from tintype.schemas.document import Document, StrictModel, validate
from tintype.schemas.job_parts import JobHead, take_ignored
from tintype.schemas.place import Place, place_notices
from tintype.schemas.ports import CommandLimits, OutputPort, Scalar, fixed_paths
from tintype.schemas.sweep import EarlyTermination, SamplingAlgorithm, Sweep

__all__ = ["Objective", "SweepJob", "SweepLimits", "SweepTrial", "read_sweep_job"]

_WITHOUT_EFFECT = ("identity", "queue_settings", "services", "resources")


class SweepTrial(StrictModel):
    """The command of a sweep; see `CommandJob` for its keys."""

    command: str
    """The command line. `${{search_space.x}}` and `${{inputs.x}}` stand for the point's values."""

    code: str | None = None
    """The folder that it runs in; relative to the document."""

    code_digest: str | None = None
    """Of the copy of `code`; written when it is submitted."""

    environment: str | dict[str, Any] | None = None
    """The Python that runs it."""

    environment_variables: EnvironmentVariables = Field(default_factory=dict)
    """Variables that it is given."""

    distribution: dict[str, Any] | None = None
    """No effect here."""

    resources: dict[str, Any] | None = None
    """No effect here."""

    is_deterministic: bool | None = None
    """No effect on a sweep."""


class Objective(StrictModel):
    """What is to be best."""

    primary_metric: str
    """A metric that the command logs by MLflow."""

    goal: Literal["maximize", "minimize"] = "maximize"
    """Which way is better."""

    @field_validator("goal", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value


class SweepLimits(StrictModel):
    """How much is tried."""

    max_total_trials: int = Field(20, ge=1, le=1000)
    """Trials in all."""

    max_concurrent_trials: int | None = Field(None, ge=1)
    """Trials at the same time; left out: as many as there are CPU threads."""

    timeout: float | None = Field(None, gt=0)
    """Seconds for all trials together."""

    trial_timeout: float | None = Field(None, gt=0)
    """Seconds for one trial."""


class SweepJob(JobHead):
    """Run a command at points of a search space and keep what the best trial made."""

    type: Literal["sweep"] = "sweep"
    """The kind of job."""

    trial: SweepTrial
    """What is run at each point."""

    inputs: InputValues = Field(default_factory=dict)
    """Inputs of the command that are the same for all."""

    outputs: dict[str, OutputPort] = Field(default_factory=dict)
    """Outputs of the command; those of the best trial are the sweep's."""

    search_space: dict[str, SearchValue] = Field(min_length=1)
    """Name to a distribution: `{type: uniform, min_value: 0.001, max_value: 0.1}`."""

    objective: Objective
    """`{primary_metric: accuracy, goal: maximize}`."""

    sampling_algorithm: SamplingAlgorithm
    """random, grid or bayesian; see AutoML's `sweep.sampling_algorithm`."""

    early_termination: EarlyTermination | None = None
    """bandit, median_stopping or truncation_selection; see AutoML's `sweep.early_termination`. A trial is
    looked at whenever its command has logged the metric."""

    limits: SweepLimits = Field(default_factory=SweepLimits)
    """How much is tried."""

    compute: Place | None = None
    """ray or ray://host:port places trials on that cluster; any other name means this machine."""

    @model_validator(mode="before")
    @classmethod
    def _parts(cls, value: Any) -> Any:
        """`sampling_algorithm` may be a word, and both as AutoML's documents have them."""
        if not isinstance(value, dict):
            return value
        policy = value.get("early_termination")
        read = Sweep.model_validate(
            {
                "sampling_algorithm": value.get("sampling_algorithm", "random"),
                **({"early_termination": policy} if policy is not None else {}),
            }
        )
        return {
            **value,
            "sampling_algorithm": read.sampling_algorithm.model_dump(exclude_unset=True),
            **(
                {"early_termination": read.early_termination.model_dump(exclude_unset=True)}
                if read.early_termination is not None
                else {}
            ),
        }

    @model_validator(mode="after")
    def _check_trial(self) -> SweepJob:
        if self.sampling_algorithm.type == "grid":
            for name, value in self.search_space.items():
                if isinstance(value, Distribution) and not isinstance(value, Choice):
                    raise ValueError(f"search_space.{name}: grid sampling takes choice only")
        # Raises where the command names what is neither an input nor searched.
        self.command_at({name: _example(value) for name, value in self.search_space.items()})
        return self

    def command_at(self, point: dict[str, Scalar]) -> CommandJob:
        """The command at a point of the search space."""
        trial = self.trial.model_dump(exclude_unset=True, exclude={"is_deterministic"})
        return CommandJob.model_validate(
            {
                **trial,
                "inputs": {**self.inputs, **point},
                "outputs": {
                    name: port.model_copy(update={"name": None, "path": None})
                    for name, port in self.outputs.items()
                },
                "limits": CommandLimits(timeout=self.limits.trial_timeout),
                "experiment_name": self.experiment_name,
            }
        )

    def notices(self) -> list[str]:
        """One sentence for every key that was given but has no effect here."""
        place = place_notices(self.compute) if self.compute is not None else []
        return [*super().notices(), *place]

    def output_paths(self) -> list[str]:
        """Where `outputs` are also to be copied."""
        return fixed_paths(self.outputs)


def read_sweep_job(document: Document, base: Path) -> SweepJob:
    """Check a document of this kind; relative paths in it are taken from `base`.

    Raises:
        DocumentError: names file, line, key and what to put there, for every problem found.
    """
    data = {**document.data, "type": "sweep"}
    ignored = [*take_ignored(data, _WITHOUT_EFFECT), *data.pop("without_effect", ())]
    job = validate(SweepJob, Document(data, document.path, document.lines))
    located = job.command_at({n: _example(v) for n, v in job.search_space.items()}).located(base)
    update: dict[str, Any] = {
        "trial": job.trial.model_copy(update={"code": located.code}) if located.code else job.trial,
        "without_effect": tuple(ignored),
        "source": document,
    }
    if job.inputs:
        update["inputs"] = {name: located.inputs[name] for name in job.inputs}
    if job.outputs:
        places = CommandJob(command="true", outputs=job.outputs).located(base).outputs
        update["outputs"] = places
    return job.model_copy(update=update)


def _example(value: Scalar | Distribution) -> Scalar:
    return value.quantile(0.5) if isinstance(value, Distribution) else value
