"""Ensembles are chosen where they win by more than noise, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from tintype.automl.ensemble_selection import choose_ensemble
from tintype.schemas.task import MULTICLASS, MULTILABEL

ROWS, CLASSES = 400, 5


def _models(
    count: int, strength: float, shared: float = 0.0
) -> tuple[list[np.ndarray], np.ndarray]:
    """Models whose errors are independent, but for a share of them."""
    random = np.random.default_rng(0)
    targets = random.integers(0, CLASSES, ROWS)
    truth = np.eye(CLASSES)[targets] * strength
    common = random.normal(size=truth.shape)
    logits = [
        truth + shared * common + (1 - shared) * random.normal(size=truth.shape)
        for _ in range(count)
    ]
    powers = [np.exp(one) for one in logits]
    return [(one / one.sum(1, keepdims=True)).astype(np.float32) for one in powers], targets


def test_models_with_errors_of_their_own_are_averaged() -> None:
    models, targets = _models(5, 1.5)
    found = choose_ensemble(models, targets, MULTICLASS, "accuracy")
    assert found is not None
    assert 2 <= len(found.weights) <= 3
    assert sum(found.weights.values()) == pytest.approx(1)
    assert found.score > found.best + 0.03
    mean = sum(weight * models[place] for place, weight in found.weights.items())
    accuracy = float((np.asarray(mean).argmax(1) == targets).mean())
    assert accuracy > max(float((model.argmax(1) == targets).mean()) for model in models)


def test_models_that_agree_are_not() -> None:
    models, targets = _models(4, 1.5, shared=0.999)
    assert choose_ensemble(models, targets, MULTICLASS, "accuracy") is None


def test_a_good_one_is_not_spoilt_by_bad_ones() -> None:
    (good, *_), targets = _models(1, 6.0)
    random = np.random.default_rng(1)
    bad = [random.dirichlet(np.ones(CLASSES), ROWS).astype(np.float32) for _ in range(3)]
    assert choose_ensemble([good, *bad], targets, MULTICLASS, "accuracy") is None


def test_one_model_alone() -> None:
    models, targets = _models(1, 1.5)
    assert choose_ensemble(models, targets, MULTICLASS, "accuracy") is None


def test_several_labels() -> None:
    random = np.random.default_rng(0)
    targets = (random.random((ROWS, CLASSES)) < 0.4).astype(np.float32)
    models = [
        (1 / (1 + np.exp(-(2 * targets - 1) - random.normal(size=targets.shape)))).astype(
            np.float32
        )
        for _ in range(4)
    ]
    found = choose_ensemble(models, targets, MULTILABEL, "iou")
    assert found is not None
    assert found.score > found.best
