from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from report_pages import data_of
from scipy.stats import binomtest

from tintype.evaluation.intervals import wilson_interval
from tintype.evaluation.metrics import METRICS, Predictions, compute_metrics
from tintype.evaluation.report import evaluate_predictions
from tintype.evaluation.resampled import RankSums, RowSums, is_ranking
from tintype.schemas.task import MULTICLASS, MULTILABEL, ClassificationTask


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (3, 7), (104, 114), (50, 50), (1, 9999)])
def test_accuracy_has_wilsons_interval(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    found = wilson_interval(successes, trials)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)


def drawn(
    task: ClassificationTask, rows: int, seed: int, group: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """What a classifier of known quality says of `rows` images of four classes, as unequal as
    classes are.

    Args:
        group: so many rows after one another are as easy or hard as each other.
    """
    random = np.random.default_rng(seed)
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    ease = np.repeat(random.normal(size=-(-rows // group)) * 1.5, group)[:rows, None] * (group > 1)
    if task == MULTICLASS:
        targets = random.choice(4, rows, p=shares)
        logits = random.normal(size=(rows, 4)) + (1.8 + ease) * np.eye(4)[targets]
        powers = np.exp(logits)
        return powers / powers.sum(1, keepdims=True), targets
    labels = (random.random((rows, 4)) < shares).astype(int)
    logits = random.normal(size=(rows, 4)) * 1.2 + (2.4 + ease) * labels - 1.2
    return 1 / (1 + np.exp(-logits)), labels


@pytest.mark.parametrize("task", [MULTICLASS, MULTILABEL])
def test_sums_of_weighted_rows_are_metrics_of_repeated_ones(task: ClassificationTask) -> None:
    probabilities, targets = drawn(task, 90, seed=1)
    # Rounded, so that scores are equal; without the last class, which then has no value.
    probabilities = (probabilities * 20).round() / 20
    probabilities /= probabilities.sum(1, keepdims=True) if task == MULTICLASS else 1
    if task == MULTICLASS:
        targets[targets == 3] = 0
    predictions = Predictions(task, probabilities, targets, 0.5)
    times = np.random.default_rng(2).integers(0, 3, (4, 90))
    names = [name for name in METRICS[task] if not name.endswith("binary")]
    sums = RowSums(predictions).metrics([n for n in names if not is_ranking(n)], times * 1.0)
    sums |= RankSums(predictions).metrics([n for n in names if is_ranking(n)], times * 1.0)
    for number, repeats in enumerate(times):
        expected = compute_metrics(
            task, np.repeat(probabilities, repeats, 0), np.repeat(targets, repeats, 0)
        )
        assert set(expected) == set(names)
        found = {name: values[number] for name, values in sums.items()}
        assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("task", [MULTICLASS, MULTILABEL])
@pytest.mark.parametrize("rows", [80, 12_000])
def test_every_metric_has_an_interval_that_holds_it(task: ClassificationTask, rows: int) -> None:
    evaluation = evaluate_predictions(task, *drawn(task, rows, seed=rows), "abcd")
    assert list(evaluation.summary["intervals"]) == list(evaluation.metrics)
    for name, (low, high) in evaluation.intervals.items():
        assert low < evaluation.metrics[name] < high
        assert high - low < 6 * 1.5 / rows**0.5


@pytest.mark.parametrize(
    ("task", "metrics"),
    [
        (
            MULTICLASS,
            "accuracy balanced_accuracy f1_score_macro AUC_macro average_precision_score_macro "
            "log_loss "
            "matthews_correlation",
        ),
        (MULTILABEL, "iou f1_score_macro AUC_macro log_loss accuracy iou_micro"),
    ],
)
def test_an_interval_of_95_percent_holds_the_truth_that_often(
    task: ClassificationTask, metrics: str
) -> None:
    """Drawn from a known truth: 150 images each, 200 times."""
    names = metrics.split()
    truth = compute_metrics(task, *drawn(task, 400_000, seed=10_000), metrics=names)
    held = dict.fromkeys(names, 0)
    for number in range(200):
        found = evaluate_predictions(task, *drawn(task, 150, seed=number), "abcd", metrics=names)
        for name, (low, high) in found.intervals.items():
            held[name] += low <= truth[name] <= high
    assert {name: count for name, count in held.items() if not 180 <= count <= 198} == {}


def test_of_rows_in_groups_whole_groups_are_drawn() -> None:
    """60 groups of 8 that are alike: as rows of their own they would seem to tell far more."""
    names = ["accuracy", "f1_score_macro", "AUC_macro", "log_loss"]
    truth = compute_metrics(MULTICLASS, *drawn(MULTICLASS, 400_000, 10_000, group=8), metrics=names)
    groups = np.repeat(np.arange(60), 8)
    held, alone = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for number in range(200):
        made = drawn(MULTICLASS, 480, seed=number, group=8)
        # Fewer are enough to see that rows alone are far off.
        for counts, of in ((held, groups), (alone, None))[: 2 if number < 60 else 1]:
            found = evaluate_predictions(MULTICLASS, *made, "abcd", metrics=names, groups=of)
            for name, (low, high) in found.intervals.items():
                counts[name] += low <= truth[name] <= high
    assert {name: count for name, count in held.items() if not 180 <= count <= 198} == {}
    assert alone["log_loss"] < 51


@pytest.mark.parametrize("task", [MULTICLASS, MULTILABEL])
def test_a_perfect_score_of_few_images_is_not_certain(task: ClassificationTask) -> None:
    codes = np.arange(40) % 4
    sure = np.eye(4)[codes] * 0.9 + 0.025
    targets = codes if task == MULTICLASS else np.eye(4, dtype=int)[codes]
    found = evaluate_predictions(task, sure, targets, "abcd").intervals
    for name in ("accuracy", "f1_score_macro", "AUC_weighted", "balanced_accuracy"):
        assert found[name] == pytest.approx(wilson_interval(40, 40))


def test_ten_thousand_images_take_seconds() -> None:
    evaluation = evaluate_predictions(MULTICLASS, *drawn(MULTICLASS, 10_000, seed=0), "abcd")
    start = time.process_time()
    assert len(evaluation.intervals) == len(evaluation.metrics)
    assert time.process_time() - start < 8


def test_the_page_shows_them(tmp_path: Path) -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    evaluate_predictions(MULTICLASS, probabilities, np.array([0, 0, 1, 1]), "ab").write(tmp_path)
    shown = data_of((tmp_path / "evaluation.html").read_text("utf-8"))["metrics"]
    # A name, the value, and the ends of its interval.
    assert [
        "accuracy",
        0.75,
        pytest.approx(0.301, abs=5e-4),
        pytest.approx(0.954, abs=5e-4),
    ] in shown
