"""Linear heads, against scikit-learn on the raw features."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tintype.automl.label_issues import confident_mistakes, find_label_issues
from tintype.automl.linear_heads import fit_linear_head


def clusters(rows: int = 300, classes: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(classes, 12)) * 1.2
    targets = random.integers(0, classes, rows)
    features = centres[targets] + random.normal(size=(rows, 12))
    # Unequal scales and a constant: standardising has something to do.
    features *= np.logspace(-1, 1, 12)
    features[:, 3] = 7
    return features.astype(np.float32), targets


def test_multiclass_head_scores_as_scikit_learn_does() -> None:
    features, targets = clusters()
    head = fit_linear_head(
        features, targets, task="image_classification", classes=4, metric="accuracy"
    )
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=head.strength, max_iter=500))
    expected = cross_val_score(pipeline, features, targets, cv=5).mean()
    assert head.score >= expected - 0.03
    pipeline.fit(features, targets)
    found = head.probabilities(features, "image_classification")
    assert np.abs(found - pipeline.predict_proba(features)).max() < 0.04
    assert head.weight.dtype == np.float32


@pytest.mark.parametrize("classes", [2, 3])
def test_few_classes_and_one_missing(classes: int) -> None:
    features, targets = clusters(classes=2)
    head = fit_linear_head(
        features, targets, task="image_classification", classes=classes, metric="accuracy"
    )
    found = head.probabilities(features, "image_classification")
    assert found.shape == (300, classes)
    assert found.sum(1) == pytest.approx(1, abs=1e-5)
    assert (found.argmax(1) == targets).mean() > 0.8


def test_multilabel_head() -> None:
    features, codes = clusters()
    targets = np.zeros((300, 3), np.float32)
    targets[:, 0], targets[:, 1] = codes % 2, codes > 1
    head = fit_linear_head(
        features, targets, task="image_classification_multilabel", classes=3, metric="iou"
    )
    found = head.probabilities(features, "image_classification_multilabel")
    assert ((found >= 0.5) == targets).mean() > 0.85
    assert found[:, 2].max() < 0.01, "a label that nothing carries is never predicted"


def test_wrong_labels_are_found() -> None:
    features, targets = clusters(rows=600)
    wrong = np.random.default_rng(1).permutation(600)[:20]
    spoiled = targets.copy()
    spoiled[wrong] = (targets[wrong] + 1) % 4
    head = fit_linear_head(
        features, spoiled, task="image_classification", classes=4, metric="accuracy"
    )
    names = ("a", "b", "c", "d")
    issues = find_label_issues("image_classification", head.out_of_fold, spoiled, names, most=20)
    hits = sum(issue.row in set(wrong.tolist()) for issue in issues)
    assert hits >= 14
    assert all(issue.given != issue.predicted for issue in issues)


def test_confident_mistakes_come_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.05, 0.95]], np.float32)
    found = confident_mistakes(
        "image_classification", probabilities, np.array([0, 0, 0]), ("a", "b"), most=5
    )
    assert [(issue.row, issue.given, issue.predicted) for issue in found] == [
        (2, "a", "b"),
        (1, "a", "b"),
    ]
    several = confident_mistakes(
        "image_classification_multilabel",
        probabilities,
        np.array([[1, 0], [1, 1], [0, 0]]),
        ("a", "b"),
        most=5,
    )
    assert [issue.row for issue in several] == [2, 1]
    assert several[1].given == "a, b"
