"""The study: every trial of a sweep in durable storage, through Optuna.

One SQLite file beside the run. A killed sweep opens it again and finds every trial as it was; a
trial that was running then is given out again, under its own number.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tintype.automl.points import GridPoints, RandomPoints, SearchSpace, as_parameter
from tintype.schemas.distributions import (
    Choice,
    Distribution,
    LogUniform,
    QUniform,
    Randint,
    Uniform,
)
from tintype.schemas.sweep import GridSampling, RandomSampling, SamplingAlgorithm

__all__ = ["Proposals", "Study", "Trial", "TrialState"]

TrialState = Literal["running", "completed", "stopped", "failed"]
"""stopped: ended early by policy or by the time limit before it had a model."""

# Bayesian sampling begins with so many random points.
_STARTUP_TRIALS = 10


@dataclass(frozen=True)
class Trial:
    """One trial as the study knows it."""

    number: int
    parameters: dict[str, Any]
    """Hyperparameters it was given, beyond the fixed ones."""
    state: TrialState
    intervals: list[float]
    """The primary metric after each evaluation."""
    metric: float | None
    """Of the finished model, or of the best evaluation of a stopped one."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What else was told: run name, seconds, error, model."""


class Study:
    """Asks for trials and is told how they went. Written by one process at a time."""

    def __init__(self, path: Path, *, seed: int = 42) -> None:
        """Open the study in the file `path`, which is made if absent."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        self._optuna = optuna
        _make_database(optuna, path)
        self._sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=_STARTUP_TRIALS, multivariate=True
        )
        self._study = optuna.create_study(
            storage=f"sqlite:///{path}",
            study_name="sweep",
            direction="maximize",
            sampler=self._sampler,
            load_if_exists=True,
        )

    # Asking -------------------------------------------------------------------------------------

    def trials(self) -> list[Trial]:
        """Every trial, by number."""
        return [self._shown(frozen) for frozen in self._study.get_trials(deepcopy=False)]

    def next_number(self) -> int:
        """The number that the next new trial will have."""
        return len(self._study.get_trials(deepcopy=False))

    def ask_at(self, point: Mapping[str, Any]) -> Trial:
        """A new trial at `point`."""
        trial = self._study.ask()
        trial.set_user_attr("parameters", dict(point))
        trial.set_user_attr("started", time.time())
        return self._trial(trial.number)

    def ask_near_the_best(
        self, space: Mapping[str, Any], fixed: Mapping[str, Any] | None = None
    ) -> Trial:
        """A new trial where Optuna's estimator expects the most, in one sub-space.

        Args:
            fixed: values to take instead of drawn ones; the estimator learns from them alike.
        """
        # A resumed study must not draw its first points again.
        self._sampler.reseed_rng()
        distributions = {
            name: _optuna_distribution(self._optuna, value)
            for name, value in space.items()
            if isinstance(value, Distribution)
        }
        if fixed is not None:
            self._study.enqueue_trial(dict(fixed))
        trial = self._study.ask(distributions)
        point = {
            name: _rounded(value, trial.params[name]) if isinstance(value, Distribution) else value
            for name, value in space.items()
        }
        trial.set_user_attr("parameters", point)
        trial.set_user_attr("started", time.time())
        return self._trial(trial.number)

    def settle(self, number: int, point: Mapping[str, Any]) -> Trial:
        """Replace what is kept as the parameters of trial `number`."""
        self.note(number, parameters=dict(point))
        return self._trial(number)

    # Telling ------------------------------------------------------------------------------------

    def report(self, number: int, interval: int, value: float) -> None:
        """Record the metric of trial `number` at `interval`, from 1. Repeats are ignored."""
        trial = self._optuna.trial.Trial(self._study, self._id(number))
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial.report(value, interval)

    def note(self, number: int, **facts: Any) -> None:
        """Keep JSON-able facts beside trial `number`."""
        storage, trial_id = self._study._storage, self._id(number)
        for name, value in facts.items():
            storage.set_trial_user_attr(trial_id, name, value)

    def tell(self, number: int, state: TrialState, metric: float | None = None) -> None:
        """End trial `number`."""
        states = self._optuna.trial.TrialState
        self.note(number, ended=time.time())
        if state == "completed":
            self._study.tell(number, metric, states.COMPLETE)
        else:
            if metric is not None:
                self.note(number, metric=metric)
            self._study.tell(number, state=states.PRUNED if state == "stopped" else states.FAIL)

    def best(self) -> Trial | None:
        """The completed trial with the highest metric; the earliest of equals."""
        completed = [trial for trial in self.trials() if trial.state == "completed"]
        return max(completed, key=lambda t: (t.metric or 0.0, -t.number), default=None)

    def intervals(self) -> dict[int, list[float]]:
        """The evaluated trials' metrics, as `termination.should_stop` takes them."""
        return {trial.number: trial.intervals for trial in self.trials() if trial.intervals}

    # Inside -------------------------------------------------------------------------------------

    def _id(self, number: int) -> int:
        return int(
            self._study._storage.get_trial_id_from_study_id_trial_number(
                self._study._study_id, number
            )
        )

    def _trial(self, number: int) -> Trial:
        return self._shown(self._study._storage.get_trial(self._id(number)))

    def _shown(self, frozen: Any) -> Trial:
        states = self._optuna.trial.TrialState
        names: dict[Any, TrialState] = {
            states.COMPLETE: "completed",
            states.PRUNED: "stopped",
            states.FAIL: "failed",
        }
        facts = dict(frozen.user_attrs)
        parameters = facts.pop("parameters", {})
        told = facts.pop("metric", None)
        intervals = [value for _, value in sorted(frozen.intermediate_values.items())]
        state = names.get(frozen.state, "running")
        metric = frozen.value if state == "completed" else told
        return Trial(frozen.number, parameters, state, intervals, metric, facts)


def _make_database(optuna: Any, path: Path) -> None:
    """Create Optuna's tables whole or not at all, so that a kill cannot leave half of them."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    temporary.unlink(missing_ok=True)
    storage = optuna.storages.RDBStorage(f"sqlite:///{temporary}")
    storage.remove_session()
    storage.engine.dispose()
    temporary.replace(path)


class Proposals:
    """New trials for a manual sweep, by its sampling algorithm."""

    def __init__(self, study: Study, space: SearchSpace, sampling: SamplingAlgorithm) -> None:
        self._study = study
        self._space = space
        self._points: RandomPoints | GridPoints | None = None
        if isinstance(sampling, RandomSampling):
            self._points = RandomPoints(space, sampling)
        elif isinstance(sampling, GridSampling):
            self._points = GridPoints(space)

    def propose(self) -> Trial | None:
        """The next trial; None when the grid is through."""
        if self._points is None:
            trial = self._study.ask_near_the_best(self._space[0])
            whole = {name: as_parameter(name, value) for name, value in trial.parameters.items()}
            return self._study.settle(trial.number, whole)
        point = self._points.point(self._study.next_number())
        return None if point is None else self._study.ask_at(point)


def _optuna_distribution(optuna: Any, value: Distribution) -> Any:
    if isinstance(value, Choice):
        return optuna.distributions.CategoricalDistribution(tuple(value.values))
    if isinstance(value, Randint):
        return optuna.distributions.IntDistribution(0, value.upper - 1)
    assert isinstance(value, Uniform)
    low, high = value.bounds()
    return optuna.distributions.FloatDistribution(low, high, log=isinstance(value, LogUniform))


def _rounded(distribution: Distribution, drawn: Any) -> Any:
    """QUniform is drawn as a uniform number and rounded here."""
    if isinstance(distribution, QUniform):
        # Drawn evenly between its bounds.
        span = distribution.max_value - distribution.min_value
        share = (drawn - distribution.min_value) / span if span else 0.0
        return distribution.quantile(share)
    return drawn
