"""The best of many trials is partly luck: how much, held to simulations whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from tintype.automl.selection_bias import correct_for_selection
from tintype.schemas.task import MULTICLASS, MULTILABEL


def trials(random: np.random.Generator, rows: int, truths: np.ndarray) -> list[np.ndarray]:
    """Probabilities of class 1, where the truth is class 1 everywhere, right as often as `truths`
    say."""
    right = random.random((len(truths), rows)) < truths[:, None]
    return [np.where(one[:, None], (0.1, 0.9), (0.9, 0.1)) for one in right]


def test_the_correction_takes_away_the_luck() -> None:
    """Thirty trials that are equally good: the best of them promises more than any can keep."""
    random = np.random.default_rng(0)
    targets = np.ones(100, int)
    chosen, corrected, held = [], [], 0
    for _ in range(60):
        made = trials(random, 100, np.full(30, 0.8))
        found = correct_for_selection(MULTICLASS, made, targets, "accuracy")
        assert found is not None
        chosen.append(found.chosen)
        corrected.append(found.score)
        held += found.low <= 0.8 <= found.high
    assert np.mean(chosen) > 0.86
    assert abs(np.mean(corrected) - 0.8) < 0.015
    assert held >= 54


def test_a_trial_that_is_truly_better_keeps_its_score() -> None:
    random = np.random.default_rng(1)
    made = trials(random, 400, np.array([0.6, 0.92, 0.65]))
    found = correct_for_selection(MULTICLASS, made, np.ones(400, int), "accuracy")
    assert found is not None
    assert found.score == pytest.approx(found.chosen, abs=0.005)
    assert found.low < found.score < found.high
    assert found.metrics() == {
        "corrected_accuracy": found.score,
        "corrected_accuracy_low": found.low,
        "corrected_accuracy_high": found.high,
    }
    assert "best of 3 trials" in found.sentence()


@pytest.mark.parametrize("metric", ["AUC_weighted", "average_precision_score_weighted", "iou"])
def test_other_metrics_and_groups(metric: str) -> None:
    random = np.random.default_rng(2)
    labels = (random.random((120, 3)) < 0.4).astype(int)
    made = [1 / (1 + np.exp(-(random.normal(size=(120, 3)) + labels))) for _ in range(8)]
    groups = np.repeat(np.arange(30), 4)
    for of in (None, groups):
        found = correct_for_selection(MULTILABEL, made, labels, metric, groups=of)
        assert found is not None
        assert found.low < found.score < found.chosen


def test_one_trial_was_not_chosen() -> None:
    made = trials(np.random.default_rng(3), 20, np.array([0.8]))
    assert correct_for_selection(MULTICLASS, made, np.ones(20, int), "accuracy") is None
