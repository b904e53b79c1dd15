"""Linear layers on labelled pictures alone, each with logits of these by layers that had not seen them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tintype.automl.head_search import indicators_of
from tintype.automl.logistic_regressions import fit_regressions
from tintype.automl.principal_axes import PrincipalAxes
from tintype.schemas.task import ClassificationTask

__all__ = ["STRENGTHS", "LinearFit", "fits_of_labelled", "own_axes"]

STRENGTHS = (3.0, 30.0, 300.0)
"""Scikit-learn's C, for rows of length 1."""


@dataclass(frozen=True)
class LinearFit:
    """A linear layer on rows of a `FeatureSpace`."""

    weight: np.ndarray
    """float32 (D, classes)."""
    bias: np.ndarray
    """float32 (classes,)."""
    out_of_fold: np.ndarray
    """float32 (n, classes): logits of each labelled row by a layer that had not seen it."""

    def divided_by(self, temperature: float) -> LinearFit:
        """What is `temperature` times less sure."""
        return LinearFit(
            *(
                (values / temperature).astype(np.float32)
                for values in (self.weight, self.bias, self.out_of_fold)
            )
        )


def fits_of_labelled(
    rows: np.ndarray,
    targets: np.ndarray,
    folds: np.ndarray,
    classes: int,
    task: ClassificationTask,
    strengths: Sequence[float],
) -> list[LinearFit]:
    """Logistic regressions on the labelled rows (n, D) alone, one of each strength.

    Args:
        folds: int64 (n,), of rows that are left out together; -1: never.
    """
    count = int(folds.max()) + 1
    # The last choice of rows is all of them.
    kept = np.stack([*(folds != fold for fold in range(count)), np.ones(len(folds), bool)])
    weights, biases = fit_regressions(
        rows,
        indicators_of(targets, classes),
        kept.astype(np.float32),
        strengths,
        task,
        principal=own_axes(rows),
    )
    fits = []
    for weight, bias in zip(weights, biases, strict=True):
        logits = np.zeros((len(folds), classes), np.float32)
        for fold in range(count):
            out = folds == fold
            logits[out] = rows[out] @ weight[fold] + bias[fold]
        fits.append(LinearFit(weight[-1], bias[-1], logits))
    return fits


def own_axes(rows: np.ndarray) -> PrincipalAxes:
    """Of rows of a `FeatureSpace`, whose columns are the principal axes of all pictures."""
    spread = torch.from_numpy(np.square(rows).mean(0).astype(np.float32))
    return PrincipalAxes(spread, torch.eye(rows.shape[1]))
