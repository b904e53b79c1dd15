"""Early termination, against cases worked out by hand."""

from __future__ import annotations

import pytest

from tintype.automl.termination import should_stop
from tintype.schemas.sweep import (
    BanditPolicy,
    MedianStoppingPolicy,
    TruncationSelectionPolicy,
)

THREE = {0: [0.5, 0.7, 0.8], 1: [0.6, 0.65], 2: [0.3, 0.5, 0.66]}


@pytest.mark.parametrize(
    ("policy", "number", "expected"),
    [
        # Best at interval 3 is 0.8; 0.8 / 1.2 is 0.667, above 0.66.
        (BanditPolicy(slack_factor=0.2), 2, True),
        (BanditPolicy(slack_factor=0.25), 2, False),  # 0.64
        (BanditPolicy(slack_amount=0.1), 2, True),  # 0.7
        (BanditPolicy(slack_amount=0.2), 2, False),  # 0.6
        (BanditPolicy(slack_factor=0.2), 0, False),
        # At interval 2 trial 0 had 0.7; 0.7 / 1.05 is 0.667, above 0.65.
        (BanditPolicy(slack_factor=0.05), 1, True),
        (BanditPolicy(slack_factor=0.2, evaluation_interval=2), 2, False),  # not at interval 3
        (BanditPolicy(slack_factor=0.2, delay_evaluation=4), 2, False),
        (BanditPolicy(slack_factor=0.2, slack_amount=0), 2, True),  # as Azure's SDK writes it
        # Averages to interval 3: 0.667 and 0.487, their median 0.577; 0.66 is above.
        (MedianStoppingPolicy(), 2, False),
        # Averages to interval 2: 0.6, 0.625, 0.4, their median 0.6; 0.65 is above.
        (MedianStoppingPolicy(), 1, False),
        (None, 2, False),
    ],
)
def test_policies(policy: object, number: int, expected: bool) -> None:
    assert should_stop(policy, number, THREE) is expected  # type: ignore[arg-type]


def test_median_stopping_ends_the_lower_half() -> None:
    # Averages at interval 2: 0.85, 0.65, 0.25; the median is 0.65.
    trials = {0: [0.8, 0.9], 1: [0.6, 0.7], 2: [0.2, 0.3]}
    assert [should_stop(MedianStoppingPolicy(), n, trials) for n in trials] == [False, False, True]


def test_truncation_ends_the_lowest_share() -> None:
    trials = {number: [number / 10] for number in range(10)}
    policy = TruncationSelectionPolicy(truncation_percentage=20)
    assert [n for n in trials if should_stop(policy, n, trials)] == [0, 1]
    # Two trials: a fifth of them is none.
    assert not should_stop(policy, 0, {0: [0.1], 1: [0.9]})
    # Without the finished ones five are left, and a fifth of them is one.
    unfinished = TruncationSelectionPolicy(truncation_percentage=20, exclude_finished_jobs=True)
    finished = frozenset(range(5))
    assert [n for n in range(5, 10) if should_stop(unfinished, n, trials, finished=finished)] == [5]


def test_equals_are_spared_and_negative_metrics_have_slack() -> None:
    policy = TruncationSelectionPolicy(truncation_percentage=50)
    assert not any(should_stop(policy, n, {0: [0.5], 1: [0.5], 2: [0.5]}) for n in range(3))
    bandit = BanditPolicy(slack_factor=0.5)
    # norm_macro_recall may be negative: the best, -0.2, allows down to -0.3.
    assert not should_stop(bandit, 1, {0: [-0.2], 1: [-0.29]})
    assert should_stop(bandit, 1, {0: [-0.2], 1: [-0.31]})
