"""Which predictions are worth looking at, and which of very many a page holds."""

from __future__ import annotations

import numpy as np
import pytest

from tintype.evaluation.examples import (
    class_samples,
    confused_rows,
    confusions,
    judge,
    least_certain,
    mistaken_labels,
    most_confident_mistakes,
)
from tintype.evaluation.metrics import Predictions
from tintype.evaluation.shown_rows import MOST_PICTURES, MOST_ROWS, choose_rows
from tintype.schemas.task import MULTICLASS, MULTILABEL


def predictions() -> Predictions:
    probabilities = np.array(
        [
            [0.9, 0.05, 0.05],  # right
            [0.1, 0.8, 0.1],  # 0 taken for 1
            [0.2, 0.7, 0.1],  # 0 taken for 1, less surely
            [0.1, 0.44, 0.46],  # 1 taken for 2, hardly
            [0.02, 0.03, 0.95],  # right
            [0.34, 0.33, 0.33],  # right, hardly
        ]
    )
    return Predictions(MULTICLASS, probabilities, np.array([0, 0, 0, 1, 2, 0]), 0.5)


def test_mistakes_doubts_and_confusions() -> None:
    made = predictions()
    judged = judge(made)
    mistakes = most_confident_mistakes(judged, 5)
    assert mistakes.tolist() == [1, 2, 3]
    assert judged.certainty[mistakes].tolist() == [0.8, 0.7, 0.46]
    doubtful = least_certain(judged, 2)
    assert doubtful.tolist() == [5, 3]
    assert judged.right[doubtful].tolist() == [True, False]
    found = confusions(made)
    assert found.cells.tolist() == [[0, 1, 2], [1, 2, 1]]
    assert [rows.tolist() for rows in confused_rows(made, found, 5, 5)] == [[1, 2], [3]]
    assert [rows.tolist() for rows in confused_rows(made, found, 1, 1)] == [[1]]
    assert class_samples(made, 0, 3).tolist() == [0, 2, 1]


def test_labels_that_were_missed_and_predicted_instead() -> None:
    made = Predictions(
        MULTILABEL,
        np.array([[0.2, 0.9], [0.9, 0.45], [0.7, 0.1]]),
        np.eye(2, dtype=int)[[0, 0, 0]],
        0.5,
    )
    judged = judge(made)
    assert most_confident_mistakes(judged, 5).tolist() == [0]
    assert judged.certainty[0] == pytest.approx(0.9)
    assert confusions(made).cells.tolist() == [[0, 1, 1]]
    assert least_certain(judged, 1).tolist() == [1]


def test_labels_that_a_mistake_is_about() -> None:
    assert mistaken_labels(predictions(), 3) == [(2, "predicted"), (1, "labelled")]
    made = Predictions(
        MULTILABEL,
        np.array([[0.9, 0.6, 0.7, 0.1, 0.4, 0.3, 0.8]]),
        np.array([[0, 0, 0, 1, 1, 1, 1]]),
        0.5,
    )
    # Of each part the two that are furthest off; the last label is right.
    assert mistaken_labels(made, 0) == [
        (0, "predicted"),
        (2, "predicted"),
        (3, "labelled"),
        (5, "labelled"),
    ]


def test_every_pair_of_a_missed_and_a_wrong_label_counts() -> None:
    random = np.random.default_rng(2)
    targets = (random.random((60, 5)) < 0.4).astype(int)
    made = Predictions(MULTILABEL, random.random((60, 5)), targets, 0.5)
    counts = np.zeros((5, 5), int)
    for true, predicted in zip(made.targets, made.predicted, strict=True):
        counts += np.outer(true > predicted, predicted > true)
    found = confusions(made)
    dense = np.zeros((5, 5), int)
    dense[found.cells[:, 0], found.cells[:, 1]] = found.cells[:, 2]
    assert np.array_equal(dense, counts)
    for (true, predicted, count), rows in zip(
        found.cells, confused_rows(made, found, 99, 99), strict=True
    ):
        assert len(rows) == count
        assert (made.targets[rows, true] == 1).all()
        assert (made.predicted[rows, predicted] == 1).all()


def test_of_very_many_rows_the_telling_ones_are_kept() -> None:
    random = np.random.default_rng(0)
    targets = random.integers(0, 4, 40_000)
    scores = random.random((40_000, 4)) + 1.2 * np.eye(4)[targets]
    made = Predictions(MULTICLASS, scores / scores.sum(1, keepdims=True), targets, 0.5)
    judged, found = judge(made), confusions(made)
    shown = choose_rows(made, judged, found)
    assert len(shown.rows) == MOST_ROWS
    assert len(shown.pictured) == MOST_PICTURES
    assert set(shown.pictured) <= set(shown.rows)
    mistakes = set(most_confident_mistakes(judged, 2_000).tolist())
    assert mistakes & set(shown.rows.tolist()) == mistakes
    assert judged.right[shown.rows].any()
    assert "Of 40,000 predictions 5,000 are in this page" in shown.sentence
    few = choose_rows(predictions(), judge(predictions()), confusions(predictions()))
    assert (few.rows.tolist(), few.sentence) == (list(range(6)), "")
