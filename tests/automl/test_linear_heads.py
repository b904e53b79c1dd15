"""Linear heads, against scikit-learn on the raw features."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tintype.automl.discriminants import fit_discriminants
from tintype.automl.label_issues import confident_mistakes, find_label_issues
from tintype.automl.linear_heads import ZeroShotWeights, fit_linear_head


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


def test_discriminants_are_scikit_learns_with_their_shrinkage() -> None:
    features, targets = clusters(rows=80)
    standard = StandardScaler().fit_transform(features[:, [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]])
    weights, biases = fit_discriminants(standard, targets, 4, [0.3, 1.0])
    peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3).fit(standard, targets)
    found = standard @ weights[0] + biases[0]
    expected = peer.decision_function(standard)
    # Theirs shrinks towards the mean variance of each class's own covariance: nearly the same.
    assert (found.argmax(1) == expected.argmax(1)).mean() > 0.97
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.99
    nearest = ((standard[:, None] - _means(standard, targets)[None]) ** 2).sum(2).argmin(1)
    balanced = standard @ weights[1] + biases[1] - np.log((np.bincount(targets) + 1) / 84)
    assert (balanced.argmax(1) == nearest).all()


def test_more_features_than_rows_give_the_same_discriminant_as_all_axes() -> None:
    random = np.random.default_rng(3)
    features = random.normal(size=(30, 50))
    targets = np.arange(30) % 3
    weights, _ = fit_discriminants(features, targets, 3, [0.2])
    means = _means(features, targets)
    centred = features - means[targets]
    level = (centred**2).sum() / 27 / 50
    covariance = 0.8 * centred.T @ centred / 27 + 0.2 * level * np.eye(50)
    assert weights[0] == pytest.approx(np.linalg.solve(covariance, means.T), rel=1e-3, abs=1e-4)


def test_a_discriminant_wins_where_noise_is_shared_and_its_probabilities_are_calibrated() -> None:
    random = np.random.default_rng(1)
    targets = np.arange(12 * 400) % 12
    # Noise that all classes share, along axes of its own: a covariance sees it in few rows.
    axes = np.linalg.qr(random.normal(size=(60, 60)))[0]
    noise = (random.normal(size=(len(targets), 60)) * np.logspace(0, 1.2, 60)) @ axes
    features = (random.normal(size=(12, 60))[targets] * 1.5 + noise).astype(np.float32)
    head = fit_linear_head(
        features[:240], targets[:240], task="image_classification", classes=12, metric="accuracy"
    )
    assert head.kind == "shrunken discriminant"
    found = head.probabilities(features[240:], "image_classification")
    right = found.argmax(1) == targets[240:]
    assert abs(found.max(1).mean() - right.mean()) < 0.1


def test_a_text_tower_that_knows_the_classes_is_begun_from() -> None:
    random = np.random.default_rng(2)
    directions = random.normal(size=(10, 40))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    targets = np.arange(3000) % 10
    features = 3 * directions[targets] + 0.9 * random.normal(size=(3000, 40))
    features = features.astype(np.float32)
    # What the text tower says is near, and not quite it.
    known = directions + 0.1 * random.normal(size=directions.shape)
    zero_shot = ZeroShotWeights((100 / 6 * known).astype(np.float32))
    given = {"task": "image_classification", "classes": 10, "metric": "accuracy"}
    alone = fit_linear_head(features[:40], targets[:40], **given)
    begun = fit_linear_head(features[:40], targets[:40], zero_shot=zero_shot, **given)
    assert begun.kind == "regression from zero-shot"

    def accuracy(logits: np.ndarray) -> float:
        return float((logits.argmax(1) == targets[40:]).mean())

    held_out = features[40:]
    better = accuracy(begun.probabilities(held_out, "image_classification"))
    assert better > accuracy(alone.probabilities(held_out, "image_classification")) + 0.03
    assert better >= accuracy(held_out @ zero_shot.weight.T) - 0.01


def _means(features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.stack([features[targets == code].mean(0) for code in range(targets.max() + 1)])


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
