"""Statistics of drift against their definitions, scipy, and what must follow from them."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import encoded, noise
from scipy import stats

from tintype.images.fingerprints import grey_of
from tintype.monitoring.drift_tests import DriftTest, adjusted, holm
from tintype.monitoring.embedding_drift import classifier_test, kernel_width, mmd_test, witness
from tintype.monitoring.estimated_accuracy import estimate_accuracy
from tintype.monitoring.image_statistics import measure, statistics_of, statistics_of_many
from tintype.monitoring.label_drift import chi_square_test, stability_index
from tintype.monitoring.labelled_accuracy import accuracy_drop, labelled_accuracy
from tintype.monitoring.number_drift import confidence_test, number_test
from tintype.monitoring.repeated_pictures import one_of_each


def directions(rows: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """float32 (rows, 16), of length 1."""
    made = np.random.default_rng(seed).normal(size=(rows, 16))
    made[:, 0] += shift
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def test_the_squared_mmd_is_its_definition() -> None:
    first, second = directions(30, 1), directions(20, 2, 0.5)
    width = kernel_width(np.concatenate([first, second]), np.random.default_rng(0))

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.exp(-(((a - b) ** 2).sum()) / (2 * width**2)))

    within = [
        np.mean([kernel(a, b) for i, a in enumerate(side) for j, b in enumerate(side) if i != j])
        for side in (first, second)
    ]
    between = np.mean([kernel(a, b) for a in first for b in second])
    found, _ = mmd_test(first, second, permutations=10)
    assert found == pytest.approx(sum(within) - 2 * between, abs=1e-5)


def test_embeddings_that_moved_are_found_and_others_are_not() -> None:
    same = [(mmd_test, 0.0), (classifier_test, 0.0)]
    for test, shift in same:
        assert test(directions(300, 3), directions(200, 4, shift))[1] > 0.01
        assert test(directions(300, 3), directions(200, 4, 1.0))[1] < 1e-3
    auc, _ = classifier_test(directions(300, 3), directions(200, 4, 3.0))
    assert auc > 0.9
    with pytest.raises(ValueError, match="expected two"):
        mmd_test(directions(1, 0), directions(5, 1))


@pytest.mark.parametrize("test", [mmd_test, classifier_test])
def test_p_values_without_a_drift_are_even(test: object) -> None:
    p_values = []
    for seed in range(80):
        given = {"permutations": 100} if test is mmd_test else {}
        rows = directions(90, 100 + seed)
        p_values.append(test(rows[:50], rows[50:], seed=seed, **given)[1])  # type: ignore[operator]
    # Each is even between 0 and 1, or larger.
    assert stats.kstest(p_values, "uniform", alternative="greater").pvalue > 1e-3


def test_the_witness_is_high_where_the_window_has_more() -> None:
    baseline, window = directions(100, 5), np.concatenate([directions(80, 6), directions(20, 7, 6)])
    low, high = witness(baseline, window)
    assert len(set(np.argsort(-high)[:20].tolist()) & set(range(80, 100))) >= 17
    assert high[80:].min() > np.quantile(np.concatenate([low, high[:80]]), 0.9)


def test_chi_square_is_as_scipys_and_holds_for_rare_labels() -> None:
    baseline, window = np.array([300, 200, 100, 0]), np.array([150, 130, 20, 0])
    statistic, p_value = chi_square_test(baseline, window)
    exact = stats.chi2_contingency(np.stack([baseline, window])[:, :3])
    assert statistic == pytest.approx(exact.statistic)
    assert p_value == pytest.approx(exact.pvalue, abs=0.003)
    rare = np.eye(50, dtype=int)[0] * 20 + 1
    assert chi_square_test(rare, rare)[1] == 1.0
    assert chi_square_test(np.array([5]), np.array([7])) == (0.0, 1.0)


def test_the_stability_index_by_hand() -> None:
    index, parts = stability_index(np.array([9, 0]), np.array([4, 5]))
    first, second = np.array([9.5, 0.5]) / 10, np.array([4.5, 5.5]) / 10
    assert index == pytest.approx(float(((second - first) * np.log(second / first)).sum()))
    assert parts.argmax() == 1


def test_numbers_by_kolmogorov_and_smirnov() -> None:
    draw = np.random.default_rng(8)
    baseline, window = draw.normal(size=400), draw.normal(0.5, size=300)
    found = number_test("image_statistics", "brightness", baseline, window)
    assert found.p_value == pytest.approx(stats.ks_2samp(baseline, window, method="asymp").pvalue)
    assert (found.baseline, found.window) == (baseline.mean(), window.mean())


def test_confidences_a_thousandth_apart_are_the_same() -> None:
    scores = np.random.default_rng(9).uniform(0.9, 1.0, 500).round(2) - 0.001
    assert confidence_test(scores, scores + 0.002).p_value == 1.0
    assert confidence_test(scores, scores - 0.05).p_value < 1e-6


def test_holm_by_hand() -> None:
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
    assert holm(np.zeros(0)).shape == (0,)
    tests = [
        DriftTest("embedding_drift", name, 0.0, p) for name, p in (("mmd", 0.02), ("auc", 0.5))
    ]
    assert [test.drifted for test in adjusted(tests, 0.05)] == [True, False]
    assert [test.drifted for test in adjusted(tests, 0.03)] == [False, False]


def test_accuracy_is_estimated_where_confidence_tells_it() -> None:
    draw = np.random.default_rng(10)

    def side(rows: int, low: float) -> tuple[np.ndarray, np.ndarray]:
        scores = draw.uniform(low, 1.0, rows)
        return scores, draw.uniform(size=rows) < scores

    scores, right = side(2_000, 0.5)
    window, _ = side(1_000, 0.2)
    found = estimate_accuracy(scores, right, window)
    assert set(found) == {"atc", "doc"}
    # Of calibrated scores, their mean is the accuracy.
    assert found["doc"].value == pytest.approx(window.mean(), abs=0.03)
    for each in found.values():
        assert each.low < each.value < each.high < 0.75
    own = estimate_accuracy(scores, right, scores)
    assert own["atc"].value == pytest.approx(right.mean(), abs=1e-3)
    nothing = estimate_accuracy(scores, np.zeros(len(scores), bool), window)
    assert nothing["atc"].value == 0.0


def test_accuracy_by_labels() -> None:
    before = labelled_accuracy(np.repeat([1, 0], [180, 20]))
    after = labelled_accuracy(np.repeat([1, 0], [60, 40]))
    assert (after.value, after.labelled) == (0.6, 100)
    assert after.low < 0.6 < after.high
    assert accuracy_drop(before, after).p_value < 1e-6
    assert accuracy_drop(after, before).p_value > 0.99


def test_image_statistics_of_known_pictures(tmp_path: object) -> None:
    grey = np.full((40, 60, 3), 100, np.uint8)
    assert measure(grey) == pytest.approx((100, 0, 0, 0), abs=1e-3)
    red = grey.copy()
    red[..., 0] = 200
    assert measure(red)[3] == pytest.approx(100)
    checks = (np.indices((40, 60)).sum(0) % 2 * 200).astype(np.uint8)[..., None].repeat(3, 2)
    brightness, contrast, sharpness, _ = measure(checks)
    assert (brightness, contrast) == pytest.approx((100, 100), abs=0.1)
    # Each neighbour differs by 200: the Laplacian is 800 up and down.
    assert sharpness == pytest.approx(800**2, rel=0.01)


def test_image_statistics_of_files(tmp_path: object) -> None:
    path = f"{tmp_path}/wide.jpg"
    with open(path, "wb") as file:
        file.write(encoded(noise(600, 1200), "JPEG"))
    found = statistics_of(path)
    assert found.values[4:].tolist() == [720_000, 2.0]
    assert statistics_of_many([path, f"{tmp_path}/gone.jpg"])[1] is None


def test_repeated_pictures_are_kept_once() -> None:
    pictures = [noise(60, 80, seed=seed) for seed in range(6)]
    burst = [np.clip(pictures[0].astype(int) + step, 0, 255).astype(np.uint8) for step in range(5)]
    black = np.zeros((60, 80, 3), np.uint8)
    greys = [grey_of(each) for each in [*pictures, *burst, black, black]]
    kept = one_of_each(greys)
    assert len(kept) == 7
    assert set(range(1, 6)) < set(kept.tolist())
    assert one_of_each([]).shape == (0,)
