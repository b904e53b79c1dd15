"""Heads on features, against scikit-learn on the raw features."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from tintype.automl import head_search
from tintype.automl.discriminants import fit_discriminants
from tintype.automl.heads import FittedHead, ZeroShotWeights, fit_head
from tintype.automl.label_issues import find_label_issues
from tintype.models.heads import MlpHead, NeighboursHead


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
    head = fit_head(features, targets, task="image_classification", classes=4, metric="accuracy")
    pipeline = make_pipeline(
        StandardScaler(), LogisticRegression(C=head.settings["strength"], max_iter=500)
    )
    expected = cross_val_score(pipeline, features, targets, cv=5).mean()
    assert head.score >= expected - 0.03
    pipeline.fit(features, targets)
    found = head.probabilities(features, "image_classification")
    assert np.abs(found - pipeline.predict_proba(features)).max() < 0.04


@pytest.mark.parametrize("classes", [2, 3])
def test_few_classes_and_one_missing(classes: int) -> None:
    features, targets = clusters(classes=2)
    head = fit_head(
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
    head = fit_head(
        features[:240], targets[:240], task="image_classification", classes=12, metric="accuracy"
    )
    assert head.solver == "shrunken discriminant"
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
    alone = fit_head(features[:40], targets[:40], **given)
    begun = fit_head(features[:40], targets[:40], zero_shot=zero_shot, **given)
    assert begun.solver == "regression from zero-shot"

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
    head = fit_head(
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
    head = fit_head(features, spoiled, task="image_classification", classes=4, metric="accuracy")
    names = ("a", "b", "c", "d")
    issues = find_label_issues("image_classification", head.out_of_fold, spoiled, names, most=20)
    hits = sum(issue.row in set(wrong.tolist()) for issue in issues)
    assert hits >= 14
    assert all(issue.given != issue.predicted for issue in issues)


def rings(rows: int, seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Four classes that lie around one another: no linear layer tells them apart."""
    random = np.random.default_rng(seed)
    targets = np.arange(rows) % 4
    directions = random.normal(size=(rows, 6))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    features = directions * (1.0 + targets)[:, None] + random.normal(size=(rows, 6)) * 0.1
    return features.astype(np.float32), targets


def patches(rows: int, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Directions in sixty patches, each of one of three classes at random."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(60, 16))
    patch = np.arange(rows) % 60
    features = centres[patch] + random.normal(size=(rows, 16)) * 0.25
    return features.astype(np.float32), random.integers(0, 3, 60)[patch]


TASKS = ["image_classification", "image_classification_multilabel"]


def labelled(targets: np.ndarray, classes: int, task: str) -> np.ndarray:
    return targets if task == TASKS[0] else np.eye(classes, dtype=np.float32)[targets]


@pytest.mark.parametrize("task", TASKS)
def test_an_mlp_wins_where_classes_lie_around_one_another(task: str) -> None:
    features, codes = rings(900)
    targets = labelled(codes, 4, task)
    metric = "accuracy" if task == TASKS[0] else "iou"
    given = {"task": task, "classes": 4, "metric": metric}
    head = fit_head(features[:600], targets[:600], **given)
    assert head.solver == "mlp"
    assert isinstance(head.module, MlpHead)
    found = head.probabilities(features[600:], task)
    assert (found.argmax(1) == codes[600:]).mean() > 0.7
    # Calibrated: about as sure as it is right.
    if task == TASKS[0]:
        right = (found.argmax(1) == codes[600:]).mean()
        assert found.max(1).mean() == pytest.approx(right, abs=0.08)
    again = fit_head(features[:600], targets[:600], **given)
    assert np.array_equal(again.probabilities(features, task), head.probabilities(features, task))
    # It learns as it is; what stands beside it is the best of the linear kinds.
    assert head.to_finetune is head
    assert head.best_linear is not None
    assert isinstance(head.best_linear.module, nn.Linear)
    assert head.best_linear.score < head.score - 0.1


@pytest.mark.parametrize("task", TASKS)
def test_neighbours_win_where_classes_lie_in_patches(task: str) -> None:
    features, codes = patches(900)
    targets = labelled(codes, 3, task)
    metric = "accuracy" if task == TASKS[0] else "iou"
    head = fit_head(features[:480], targets[:480], task=task, classes=3, metric=metric)
    assert head.solver == "nearest neighbours"
    found = head.probabilities(features[480:], task)
    assert (found.argmax(1) == codes[480:]).mean() > 0.9
    assert head.to_finetune is head.best_linear
    assert len(head.out_of_fold) == 480


def test_votes_of_neighbours_are_those_of_scikit_learn() -> None:
    features, codes = patches(400)
    bank, labels = features[:300], np.eye(3, dtype=np.float32)[codes[:300]]
    head = NeighboursHead(torch.tensor(bank), torch.tensor(labels), 20, multilabel=False)
    peer = KNeighborsClassifier(
        20, metric="cosine", weights=lambda distances: np.exp((1 - distances) / 0.07)
    ).fit(bank, codes[:300])
    shares = peer.predict_proba(features[300:])
    logits = head(torch.tensor(features[300:]))
    # One more neighbour of mean weight is of every class alike.
    assert logits.softmax(1).numpy() == pytest.approx((20 * shares + 1 / 3) / 21, abs=2e-3)
    several = NeighboursHead(torch.tensor(bank), torch.tensor(labels), 20, multilabel=True)
    found = several(torch.tensor(features[300:])).sigmoid().numpy()
    assert found == pytest.approx((20 * shares + 0.5) / 21, abs=2e-3)


def test_heads_too_large_or_slow_do_not_compete(monkeypatch: pytest.MonkeyPatch) -> None:
    features, codes = patches(480)
    given = {"task": TASKS[0], "classes": 3, "metric": "accuracy"}
    monkeypatch.setattr(head_search, "_MOST_KNOWN", 479)
    assert fit_head(features, codes, **given).solver != "nearest neighbours"
    features, codes = rings(600)
    monkeypatch.setattr(head_search, "_MOST_FOR_MLPS", features.size - 1)
    assert fit_head(features, codes, **given | {"classes": 4}).solver != "mlp"


def test_few_rows_have_fewer_neighbours() -> None:
    features, targets = clusters(rows=12)
    head = fit_head(features, targets, task=TASKS[0], classes=4, metric="accuracy")
    assert head.probabilities(features, TASKS[0]).shape == (12, 4)


def test_views_are_learnt_from_and_not_judged() -> None:
    """Half of the features turn their sign in a flipped view: whoever has seen it does not rely on
    them."""
    random = np.random.default_rng(6)
    targets = np.arange(400) % 2
    sign = np.where(targets == 1, 1.0, -1.0)[:, None]
    stable = 0.4 * sign + random.normal(size=(400, 8))
    fickle = 1.5 * sign + random.normal(size=(400, 8))
    plain = np.concatenate([stable, fickle], 1).astype(np.float32)
    flipped = np.concatenate([stable, -fickle], 1).astype(np.float32)
    given = {"task": TASKS[0], "classes": 2, "metric": "accuracy"}
    alone = fit_head(plain, targets, **given)
    both = fit_head(plain, targets, views=np.stack([plain, flipped]), **given)
    copies = fit_head(plain, targets, views=np.stack([plain] * 3), **given)

    def reliance(head: FittedHead) -> float:
        linear = head if head.best_linear is None else head.best_linear
        weight = linear.module.weight.detach().abs().numpy()
        return float(weight[:, 8:].mean() / weight[:, :8].mean())

    assert reliance(alone) > 1.5
    assert reliance(both) < 0.5
    # Out of fold the image as it is is judged, once each.
    assert len(both.out_of_fold) == 400
    # The same row three times, a third each, is that row.
    assert copies.solver == alone.solver
    assert copies.score == pytest.approx(alone.score, abs=0.01)
    found, expected = (head.probabilities(plain, TASKS[0]) for head in (copies, alone))
    assert found == pytest.approx(expected, abs=0.02)
    with pytest.raises(ValueError, match="the first of views"):
        fit_head(plain, targets, views=np.stack([flipped, plain]), **given)
