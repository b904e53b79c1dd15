"""The space that features are placed in: learnt from all pictures, labelled or not."""

from __future__ import annotations

import numpy as np

from tintype.labelling.assistance.feature_space import FeatureSpace


def correlated(count: int, seed: int = 0) -> np.ndarray:
    """Features (n, 40) of which a few directions hold most of the variance, none below 0."""
    random = np.random.default_rng(seed)
    loud = random.normal(size=(count, 2)) @ np.random.default_rng(1).normal(size=(2, 40)) * 3
    return np.abs(loud + random.normal(size=(count, 40))).astype(np.float32)


def test_rows_have_length_one_and_even_axes() -> None:
    features = correlated(500)
    space = FeatureSpace.of(features)
    placed = space.placed(features)
    assert placed.dtype == np.float32 and placed.shape == (500, space.axes.shape[1])
    assert np.allclose(np.linalg.norm(placed, axis=1), 1, atol=1e-4)
    roots = np.sqrt(features / np.linalg.norm(features, axis=1, keepdims=True))
    before = np.sort(np.linalg.eigvalsh(np.cov((roots - roots.mean(0)).T)))[::-1]
    after = np.sort(np.linalg.eigvalsh(np.cov(placed.T)))[::-1]
    # Half-way to whitening: deviations are nearer to each other than they were.
    assert after[0] / after[10] < 0.5 * before[0] / before[10]


def test_the_size_of_features_does_not_matter() -> None:
    features = correlated(60)
    space = FeatureSpace.of(features)
    assert np.allclose(space.placed(features * 7), space.placed(features), atol=1e-4)


def test_features_below_zero_keep_their_sign() -> None:
    features = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    placed = FeatureSpace.of(features).placed(np.stack([features[0], -features[0]]))
    assert placed[0] @ placed[1] < -0.5


def test_few_or_equal_pictures() -> None:
    one = FeatureSpace.of(np.ones((1, 6), np.float32))
    assert np.isfinite(one.placed(np.ones((2, 6), np.float32))).all()
    same = FeatureSpace.of(np.ones((5, 6), np.float32))
    assert np.isfinite(same.placed(np.zeros((2, 6), np.float32))).all()
    assert FeatureSpace.of(np.zeros((0, 0), np.float32)).placed(np.zeros((0, 0))).shape == (0, 0)


def test_the_same_pictures_make_the_same_space() -> None:
    features = correlated(300)
    first, second = FeatureSpace.of(features), FeatureSpace.of(features)
    assert np.array_equal(first.axes, second.axes)
