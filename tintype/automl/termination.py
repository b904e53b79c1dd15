"""Early termination: whether a trial is hopeless beside the others, by Azure's three policies.

All look at the primary metric, which is maximised, at the trial's newest interval; one interval is
one evaluation. Rules: docs/contracts.md §2.4 and Azure's sweep reference, of which each function
names its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tintype.schemas.sweep import (
    BanditPolicy,
    EarlyTermination,
    MedianStoppingPolicy,
)

__all__ = ["should_stop"]

Intervals = Sequence[float]
"""The metric after each evaluation of a trial, the first one first."""


def should_stop(
    policy: EarlyTermination | None,
    number: int,
    trials: Mapping[int, Intervals],
    *,
    finished: frozenset[int] = frozenset(),
) -> bool:
    """Whether trial `number` should end after its newest evaluation.

    Args:
        trials: every trial that has been evaluated, this one included.
        finished: those that run no more.
    """
    if policy is None:
        return False
    interval = len(trials[number])
    every = max(policy.evaluation_interval, 1)
    if interval == 0 or interval < policy.delay_evaluation or interval % every:
        return False
    # Only what others had reached by the same interval can be compared.
    reached = {
        other: values[:interval] for other, values in trials.items() if len(values) >= interval
    }
    if isinstance(policy, BanditPolicy):
        return _bandit(policy, max(trials[number]), reached)
    if isinstance(policy, MedianStoppingPolicy):
        return _median(max(trials[number]), reached)
    if policy.exclude_finished_jobs:
        reached = {other: v for other, v in reached.items() if other not in finished}
    return _truncation(policy.truncation_percentage, number, reached)


def _bandit(policy: BanditPolicy, best: float, reached: Mapping[int, Intervals]) -> bool:
    """Its best is below the best of all divided by 1 + slack_factor, or less slack_amount."""
    top = max(max(values) for values in reached.values())
    if policy.slack_factor:
        # Dividing brings a negative best closer to zero: there the slack goes the other way.
        allowed = top / (1 + policy.slack_factor) if top > 0 else top * (1 + policy.slack_factor)
    else:
        allowed = top - (policy.slack_amount or 0.0)
    return best < allowed


def _median(best: float, reached: Mapping[int, Intervals]) -> bool:
    """Its best is below the median, over all trials, of the averages up to this interval."""
    return best < float(np.median([np.mean(values) for values in reached.values()]))


def _truncation(percentage: int, number: int, reached: Mapping[int, Intervals]) -> bool:
    """It is among the lowest `percentage` of all trials at this interval; ties are spared."""
    values = {other: series[-1] for other, series in reached.items()}
    lowest = len(values) * percentage // 100
    return sum(value <= values[number] for value in values.values()) <= lowest
