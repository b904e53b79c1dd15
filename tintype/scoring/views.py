"""One answer from two views of an image: as it is, and mirrored left to right."""

from __future__ import annotations

import numpy as np

from tintype.schemas.task import CLASSIFICATION_TASKS, MULTILABEL, ZERO_SHOT, Task

__all__ = ["mean_of_views"]


def mean_of_views(first: np.ndarray, second: np.ndarray, task: Task) -> np.ndarray:
    """Outputs, float32 (n, D), that stand for the mean of two views.

    Args:
        first, second: logits of a classifier, of which probabilities are averaged: the result are
            logits of their mean (Krizhevsky et al. 2012, section 4.1). Else features: these are
            averaged, zero-shot at length 1 each, as they are compared.
    """
    if task == MULTILABEL:
        present = np.logaddexp(_log_sigmoid(first), _log_sigmoid(second))
        absent = np.logaddexp(_log_sigmoid(-first), _log_sigmoid(-second))
        return (present - absent).astype(np.float32)
    if task in CLASSIFICATION_TASKS:
        mean = np.logaddexp(_log_softmax(first), _log_softmax(second)) - np.log(2)
        return mean.astype(np.float32)
    if task == ZERO_SHOT:
        first, second = (
            view / np.maximum(np.linalg.norm(view, axis=1, keepdims=True), 1e-12)
            for view in (first, second)
        )
    return (first + second) / 2


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))


def _log_sigmoid(logits: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0.0, -logits.astype(np.float64))
