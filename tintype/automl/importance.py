"""Which parameters made the difference between trials: Optuna's fANOVA over what was tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["parameter_columns", "parameter_importance"]

_LEAST_TRIALS = 4

_ABSENT = "–"


def parameter_columns(points: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Parameter -> its value in each trial (None where a trial has it not), if it varies at all."""
    names = dict.fromkeys(name for point in points for name in point)
    columns = {name: [point.get(name) for point in points] for name in names}
    return {name: column for name, column in columns.items() if len({str(v) for v in column}) > 1}


def parameter_importance(
    points: Sequence[Mapping[str, Any]], values: Sequence[float]
) -> dict[str, float]:
    """Share of the metric's variation that each parameter explains; empty below four trials."""
    columns = parameter_columns(points)
    if len(values) < _LEAST_TRIALS or not columns or len(set(values)) < 2:
        return {}
    import optuna

    study = optuna.create_study(direction="maximize")
    distributions: dict[str, Any] = {}
    filled: dict[str, list[Any]] = {}
    for name, column in columns.items():
        numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in column)
        if numeric:
            low, high = float(min(column)), float(max(column))
            distributions[name] = optuna.distributions.FloatDistribution(low, high)
            filled[name] = [float(value) for value in column]
        else:
            # A sub-space without the parameter is a choice of its own.
            filled[name] = [_ABSENT if value is None else str(value) for value in column]
            kinds = tuple(sorted(set(filled[name])))
            distributions[name] = optuna.distributions.CategoricalDistribution(kinds)
    for trial, value in enumerate(values):
        study.add_trial(
            optuna.trial.create_trial(
                params={name: column[trial] for name, column in filled.items()},
                distributions=distributions,
                value=value,
            )
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    importances = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in importances.items()}
