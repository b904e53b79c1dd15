"""Champion against challenger: tests that hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from tintype.errors import UsageError
from tintype.evaluation.metrics import Predictions
from tintype.evaluation.paired import compare_predictions
from tintype.schemas.task import MULTICLASS, MULTILABEL


def answers(targets: np.ndarray, right: np.ndarray, classes: int = 3) -> Predictions:
    """A model that is right where it is said to be, and surer of itself by row."""
    named = np.where(right, targets, (targets + 1) % classes)
    probabilities = np.full((len(targets), classes), 0.1)
    probabilities[np.arange(len(targets)), named] = np.linspace(0.5, 0.8, len(targets))
    probabilities /= probabilities.sum(1, keepdims=True)
    return Predictions(MULTICLASS, probabilities, targets, 0.5)


def drawn(rows: int, seed: int, *shares: float) -> list[Predictions]:
    random = np.random.default_rng(seed)
    targets = random.integers(0, 3, rows)
    return [answers(targets, random.random(rows) < share) for share in shares]


def test_mcnemars_test_is_the_binomial_of_the_images_that_one_alone_has_right() -> None:
    targets = np.arange(40) % 3
    first, second = np.ones(40, bool), np.ones(40, bool)
    first[:9], second[9:11] = False, False
    found = compare_predictions(answers(targets, first), answers(targets, second))
    assert (found.only_challenger_right, found.only_champion_right) == (9, 2)
    assert found.p_value == pytest.approx(binomtest(9, 11).pvalue)
    assert found.difference == pytest.approx(7 / 40)
    assert found.interval[0] < found.difference < found.interval[1]
    # p is 0.065: the interval alone would not do.
    assert found.verdict == "cannot be told"


def test_verdicts() -> None:
    worse, better = drawn(400, 1, 0.7, 0.85)
    for metric in ("accuracy", "f1_score_macro", "AUC_macro", "log_loss"):
        found = compare_predictions(worse, better, metric=metric)
        assert found.verdict == "challenger is better", metric
        assert found.interval[0] > 0
        turned = compare_predictions(better, worse, metric=metric)
        assert turned.verdict == "challenger is not better", metric
        assert turned.difference == pytest.approx(-found.difference)
    same = compare_predictions(better, better)
    assert (same.verdict, same.p_value, same.difference) == ("cannot be told", 1.0, 0.0)


def test_few_images_tell_nothing() -> None:
    targets = np.arange(5) % 3
    none, all_ = answers(targets, np.zeros(5, bool)), answers(targets, np.ones(5, bool))
    for metric in ("accuracy", "f1_score_macro", "AUC_weighted"):
        assert compare_predictions(none, all_, metric=metric).verdict == "cannot be told"


def test_equal_models_are_seldom_told_apart() -> None:
    verdicts = [compare_predictions(*drawn(150, seed, 0.8, 0.8)).verdict for seed in range(100)]
    # 5 % are expected at most; 12 of 100 would come once in 300 tries.
    assert sum(verdict != "cannot be told" for verdict in verdicts) <= 11


def test_images_of_a_group_tell_less() -> None:
    random = np.random.default_rng(3)
    groups = np.repeat(np.arange(12), 20)
    targets = random.integers(0, 3, 240)
    # Whole groups are right or wrong.
    one = answers(targets, np.repeat(random.random(12) < 0.5, 20))
    other = answers(targets, np.repeat(random.random(12) < 0.75, 20))
    alone = compare_predictions(one, other)
    grouped = compare_predictions(one, other, groups=groups)
    assert grouped.groups == 12
    assert alone.p_value < 1e-6 < 0.01 < grouped.p_value
    assert grouped.interval[1] - grouped.interval[0] > 2 * (alone.interval[1] - alone.interval[0])
    assert alone.verdict == "challenger is better"
    # Of five groups nothing is told, however many images they have.
    few = compare_predictions(one, other, groups=np.repeat(np.arange(5), 48))
    assert (few.groups, few.verdict) == (5, "cannot be told")


def test_exchanged_groups_of_one_image_are_mcnemars_test() -> None:
    one, other = drawn(60, 7, 0.5, 0.8)
    exact = compare_predictions(one, other).p_value
    # Twice the same image in each group: the same question, by randomisation.
    twice = [
        Predictions(MULTICLASS, np.repeat(p.probabilities, 2, 0), np.repeat(p.targets, 2), 0.5)
        for p in (one, other)
    ]
    drawn_ = compare_predictions(*twice, groups=np.repeat(np.arange(60), 2)).p_value
    assert drawn_ == pytest.approx(exact, abs=0.01)


def test_multilabel_counts_whole_sets() -> None:
    targets = np.array([[1, 0], [1, 1], [0, 1]] * 20)
    right = Predictions(MULTILABEL, targets * 0.8 + 0.1, targets, 0.5)
    half = Predictions(MULTILABEL, np.clip(targets * 0.8 + 0.1, 0, [1, 0.4]), targets, 0.5)
    found = compare_predictions(half, right, metric="iou")
    assert (found.only_challenger_right, found.only_champion_right) == (40, 0)
    assert found.verdict == "challenger is better"


def test_other_rows_are_refused() -> None:
    (one,), (other,) = drawn(30, 1, 0.5), drawn(30, 2, 0.5)
    with pytest.raises(UsageError, match="the same rows"):
        compare_predictions(one, other)
    with pytest.raises(UsageError, match="f1_score_binary has no value for the champion"):
        compare_predictions(one, one, metric="f1_score_binary")
