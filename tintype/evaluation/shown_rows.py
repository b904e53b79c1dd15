"""Which predictions the page of an evaluation holds, and which of them with their picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tintype.evaluation.examples import (
    Confusions,
    Judgement,
    class_samples,
    confused_rows,
    least_certain,
    most_confident_mistakes,
)
from tintype.evaluation.metrics import Predictions

__all__ = ["MOST_PICTURES", "MOST_ROWS", "ShownRows", "choose_rows"]

MOST_ROWS = 5_000
"""Predictions in the page: about 60 bytes each."""

MOST_PICTURES = 600
"""Thumbnails in the page: about 5 kB each, so that it can be mailed."""

# Pictures by what they show; what is left of MOST_PICTURES goes to rows evenly.
_MISTAKES, _DOUBTFUL = 120, 60
_PAIRS, _EACH_PAIR = 40, 5
_CLASSES, _EACH_CLASS = 40, 4


@dataclass(frozen=True)
class ShownRows:
    """Rows of the predictions."""

    rows: np.ndarray
    """int64 (k,), ascending."""

    pictured: np.ndarray
    """int64 (p,), ascending: those of `rows` that are shown with their picture, where there is one."""

    sentence: str
    """What is left out; empty where nothing is."""


def choose_rows(predictions: Predictions, judgement: Judgement, found: Confusions) -> ShownRows:
    """All rows where they are few; else all kinds of what is worth looking at."""
    count = len(predictions.targets)
    pictured = _pictured(predictions, judgement, found)
    if count <= MOST_ROWS:
        sentence = ""
        if len(pictured) < count:
            sentence = f"{len(pictured):,} of {count:,} predictions are shown with their picture."
        return ShownRows(np.arange(count), pictured, sentence)
    mistakes = most_confident_mistakes(judgement, MOST_ROWS // 2)
    chosen = np.union1d(pictured, mistakes)
    right = np.setdiff1d(np.flatnonzero(judgement.right), chosen, assume_unique=True)
    drawn = np.random.default_rng(0).permutation(right)[: MOST_ROWS - len(chosen)]
    rows = np.union1d(chosen, drawn)
    wrong = int((~judgement.right[rows]).sum())
    sentence = (
        f"Of {count:,} predictions {len(rows):,} are in this page: {wrong:,} of "
        f"{int((~judgement.right).sum()):,} wrong ones, the surest first, and {len(rows) - wrong:,} "
        f"of {int(judgement.right.sum()):,} right ones, most of them drawn at random; "
        f"{len(pictured):,} with their picture."
    )
    return ShownRows(rows, pictured, sentence)


def _pictured(predictions: Predictions, judgement: Judgement, found: Confusions) -> np.ndarray:
    count = len(predictions.targets)
    if count <= MOST_PICTURES:
        return np.arange(count)
    support = predictions.indicators.sum(0, dtype=np.int64)
    frequent = np.argsort(-support, kind="stable")[:_CLASSES]
    kinds = [
        most_confident_mistakes(judgement, _MISTAKES),
        least_certain(judgement, _DOUBTFUL),
        *confused_rows(predictions, found, _PAIRS, _EACH_PAIR),
        *(class_samples(predictions, int(code), _EACH_CLASS) for code in frequent),
        np.linspace(0, count - 1, MOST_PICTURES).round().astype(np.int64),
    ]
    chosen = dict.fromkeys(int(row) for rows in kinds for row in rows)
    return np.sort(np.array(list(chosen)[:MOST_PICTURES], np.int64))
