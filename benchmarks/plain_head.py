"""The usual practice beside which labelling is measured: a regularised logistic regression of the labelled
pictures alone, on standardised features, its strength chosen by cross-validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from tintype.automl.folds import folds_of
from tintype.automl.head_search import indicators_of
from tintype.automl.logistic_regressions import fit_regressions
from tintype.automl.principal_axes import PrincipalAxes
from tintype.automl.standardisation import Standardisation
from tintype.schemas.task import MULTILABEL, ClassificationTask
from tintype.scoring.calibration import probabilities_of
from tintype.training.calibration import log_loss

__all__ = ["PlainHead"]

# Scikit-learn's C; the middle one, until there are labels to choose by.
_STRENGTHS, _LEAST, _FOLDS = (0.003, 0.03, 0.3), 10, 5
_MOST_AXES = 512


class PlainHead:
    """Fitted anew to whatever is labelled; its strength is chosen anew when labels have doubled."""

    def __init__(self, classes: int, task: ClassificationTask, scaling: Standardisation) -> None:
        self._classes, self._task, self._scaling = classes, task, scaling
        self._strength, self._chosen_at = _STRENGTHS[1], _LEAST / 2

    def probabilities(
        self, features: np.ndarray, targets: np.ndarray, tested: np.ndarray
    ) -> np.ndarray:
        """float32 (m, classes) of `tested` (m, D), by a head of `features` (n, D).

        Args:
            targets: int64 (n,), or float32 (n, classes) of 0 and 1.
        """
        scaled = self._scaling.scaled(features)
        axes = _span(scaled)
        rows = scaled @ axes
        if len(rows) >= 2 * self._chosen_at:
            self._strength, self._chosen_at = self._best_strength(rows, targets), len(rows)
        weights, biases = self._fitted(rows, targets, np.ones((1, len(rows))), [self._strength])
        logits = self._scaling.scaled(tested) @ axes @ weights[0, 0] + biases[0, 0]
        if self._task != MULTILABEL:
            # A class without an example is never proposed.
            logits[:, np.setdiff1d(np.arange(self._classes), targets)] = -np.inf
        return probabilities_of(logits, self._task)

    def _best_strength(self, rows: np.ndarray, targets: np.ndarray) -> float:
        folds = folds_of(targets, self._task, 0, None, most=_FOLDS)
        kept = np.stack([folds != fold for fold in range(_FOLDS)])
        losses = []
        for weight, bias in zip(*self._fitted(rows, targets, kept, _STRENGTHS), strict=True):
            logits = np.zeros((len(rows), self._classes), np.float32)
            for fold in range(_FOLDS):
                out = folds == fold
                logits[out] = rows[out] @ weight[fold] + bias[fold]
            losses.append(log_loss(probabilities_of(logits, self._task), targets, self._task))
        return _STRENGTHS[int(np.argmin(losses))]

    def _fitted(
        self, rows: np.ndarray, targets: np.ndarray, kept: np.ndarray, strengths: Sequence[float]
    ) -> tuple[np.ndarray, np.ndarray]:
        spread = torch.from_numpy(np.square(rows).mean(0).astype(np.float32))
        return fit_regressions(
            rows,
            indicators_of(targets, self._classes),
            kept.astype(np.float32),
            strengths,
            self._task,
            principal=PrincipalAxes(spread, torch.eye(rows.shape[1])),
        )


def _span(scaled: np.ndarray) -> np.ndarray:
    """Orthogonal axes (D, r) of the span of the rows, in which the best weights lie (representer theorem;
    Schölkopf et al. 2001)."""
    few = scaled.shape[0] < scaled.shape[1]
    gram = scaled @ scaled.T if few else scaled.T @ scaled
    values, vectors = np.linalg.eigh(gram.astype(np.float64))
    largest = np.argsort(-values)[:_MOST_AXES]
    largest = largest[values[largest] > 1e-8 * max(float(values.max()), 1e-12)]
    axes = vectors[:, largest]
    if few:
        axes = scaled.T @ (axes / np.sqrt(values[largest]))
    return np.asarray(axes, np.float32)
