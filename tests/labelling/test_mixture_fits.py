"""Discriminants that learn from unlabelled rows too."""

from __future__ import annotations

import numpy as np

from tintype.labelling.assistance.mixture_fits import fit_mixture
from tintype.labelling.assistance.unit_rows import unit_rows


def rows_of(
    count: int, seed: int, classes: int = 4, width: int = 20
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of length 1 around a middle a class, stretched along an axis that tells nothing."""
    random = np.random.default_rng(seed)
    middles = 0.8 * np.random.default_rng(50).normal(size=(classes, width))
    targets = np.arange(count) % classes
    noise = random.normal(size=(count, width)) * 0.8
    noise[:, 0] *= 6
    return unit_rows((middles[targets] + noise).astype(np.float32)), targets


def accuracy(weight: float, unlabelled: int, seed: int) -> float:
    rows, targets = rows_of(12, seed)
    others = rows_of(unlabelled, seed + 1000)[0]
    folds = np.arange(12) % 3
    fit = fit_mixture(rows, targets, folds, 4, others, weight=weight)
    tested, truth = rows_of(400, seed + 2000)
    return float(((tested @ fit.weight + fit.bias).argmax(1) == truth).mean())


def test_unlabelled_rows_help() -> None:
    with_them = np.mean([accuracy(0.3, 400, seed) for seed in range(6)])
    alone = np.mean([accuracy(0.3, 0, seed) for seed in range(6)])
    assert with_them > alone + 0.05


def test_a_row_is_judged_by_a_layer_that_had_not_its_label() -> None:
    rows, targets = rows_of(24, 3)
    folds = np.arange(24) // 4 % 3
    others = rows_of(60, 4)[0]
    fit = fit_mixture(rows, targets, folds, 4, others, weight=0.2)
    changed = targets.copy()
    changed[folds == 0] = (targets[folds == 0] + 1) % 4
    again = fit_mixture(rows, changed, folds, 4, others, weight=0.2)
    assert np.allclose(fit.out_of_fold[folds == 0], again.out_of_fold[folds == 0])
    assert not np.allclose(fit.out_of_fold[folds == 1], again.out_of_fold[folds == 1])


def test_a_class_without_an_example_is_never_proposed() -> None:
    rows, targets = rows_of(12, 5)
    targets = np.where(targets == 3, 0, targets)
    fit = fit_mixture(rows, targets, np.arange(12) % 3, 4, rows_of(80, 6)[0], weight=0.3)
    tested = rows_of(100, 7)[0]
    assert (tested @ fit.weight + fit.bias).argmax(1).max() < 3
