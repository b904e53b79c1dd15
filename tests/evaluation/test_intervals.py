from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from tintype.evaluation.intervals import wilson_interval
from tintype.evaluation.report import evaluate_predictions
from tintype.schemas.task import MULTICLASS, MULTILABEL, ClassificationTask


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (3, 7), (104, 114), (50, 50), (1, 9999)])
def test_accuracy_has_wilsons_interval(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    found = wilson_interval(successes, trials)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("task", [MULTICLASS, MULTILABEL])
@pytest.mark.parametrize("rows", [80, 12_000])
def test_intervals_hold_the_metrics_of_the_rows(task: ClassificationTask, rows: int) -> None:
    random = np.random.default_rng(rows)
    probabilities = random.dirichlet(np.ones(4), rows)
    targets = (
        random.integers(0, 4, rows)
        if task == MULTICLASS
        else (random.random((rows, 4)) < probabilities).astype(int)
    )
    evaluation = evaluate_predictions(task, probabilities, targets, "abcd")
    means = {"accuracy", "log_loss"} | ({"iou"} if task == MULTILABEL else set())
    assert set(evaluation.summary["intervals"]) == means
    for name, (low, high) in evaluation.intervals.items():
        assert low < evaluation.metrics[name] < high
        assert high - low < 6 * 1.5 / rows**0.5


def test_an_interval_of_95_percent_holds_the_truth_that_often() -> None:
    """Drawn from a known truth: with 60 images each, 400 times."""
    random = np.random.default_rng(0)
    truth, held = 0.9, 0
    for _ in range(400):
        right = random.random(60) < truth
        probabilities = np.where(right[:, None], (0.8, 0.2), (0.3, 0.7))
        low, high = evaluate_predictions(
            MULTICLASS, probabilities, np.zeros(60, int), "ab", metrics=["accuracy"]
        ).intervals["accuracy"]
        held += low <= truth <= high
    assert 0.90 <= held / 400 <= 0.99


def test_the_page_shows_them(tmp_path) -> None:  # type: ignore[no-untyped-def]
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    evaluate_predictions(MULTICLASS, probabilities, np.array([0, 0, 1, 1]), "ab").write(tmp_path)
    assert "0.301 to 0.954" in (tmp_path / "evaluation.html").read_text("utf-8")
