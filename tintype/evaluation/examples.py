"""Which images to look at: where a model errs with confidence, where it hesitates, what it
confuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tintype.evaluation.metrics import Predictions
from tintype.schemas.task import MULTILABEL

__all__ = [
    "Confusions",
    "Judgement",
    "class_samples",
    "confused_rows",
    "confusions",
    "judge",
    "least_certain",
    "mistaken_labels",
    "most_confident_mistakes",
]

_LABELS_OF_A_PART = 2


@dataclass(frozen=True)
class Judgement:
    """How right and how sure the model is of each row, (n,) each."""

    right: np.ndarray
    """bool: whether the labels are those predicted."""

    certainty: np.ndarray
    """float64: the probability of the class predicted; multi-label: of a wrong row how far the worst
    label's is off, else that of the label furthest off."""

    margin: np.ndarray
    """float64: how far the second class is behind; multi-label: how far the nearest probability is
    from its threshold. The smaller, the more doubtful."""


@dataclass(frozen=True)
class Confusions:
    """Pairs of classes that were taken for each other, the most frequent first.

    Multi-label: a label of the image that was missed, and one that was predicted in its place.
    """

    rows: np.ndarray
    """int64 (m,): rows with a confusion; multi-label ones once for each of theirs."""

    codes: np.ndarray
    """int64 (m,): of each its cell, true * classes + predicted."""

    cells: np.ndarray
    """int64 (k, 3): true, predicted, count."""


def judge(predictions: Predictions) -> Judgement:
    """See `Judgement`."""
    made = predictions
    if made.task == MULTILABEL:
        off = np.abs(made.probabilities - made.targets)
        wrong = made.predicted != made.targets
        right = ~wrong.any(1)
        certainty = np.where(right, off.max(1), np.where(wrong, off, 0.0).max(1))
        return Judgement(right, certainty, np.abs(made.probabilities - made.threshold).min(1))
    if made.classes < 2:
        margin = np.ones(len(made.targets))
    else:
        two = np.partition(made.probabilities, made.classes - 2, axis=1)[:, -2:]
        margin = two[:, 1] - two[:, 0]
    return Judgement(made.predicted == made.targets, made.probabilities.max(1), margin)


def most_confident_mistakes(judgement: Judgement, most: int) -> np.ndarray:
    """Rows judged wrongly, the surest first: int64."""
    rows = np.flatnonzero(~judgement.right)
    return rows[np.argsort(-judgement.certainty[rows], kind="stable")][:most]


def mistaken_labels(predictions: Predictions, row: int) -> list[tuple[int, str]]:
    """Classes that a wrong row is about: ("predicted", wrongly) and ("labelled", and not predicted).

    Multi-label: of each part the two labels whose probabilities are furthest off.
    """
    made = predictions
    if made.task != MULTILABEL:
        return [(int(made.predicted[row]), "predicted"), (int(made.targets[row]), "labelled")]
    target, found, probability = made.targets[row], made.predicted[row], made.probabilities[row]
    wrongly = np.flatnonzero(found > target)
    missed = np.flatnonzero(target > found)
    surest = wrongly[np.argsort(-probability[wrongly], kind="stable")][:_LABELS_OF_A_PART]
    least = missed[np.argsort(probability[missed], kind="stable")][:_LABELS_OF_A_PART]
    return [(code, "predicted") for code in surest.tolist()] + [
        (code, "labelled") for code in least.tolist()
    ]


def least_certain(judgement: Judgement, most: int) -> np.ndarray:
    """Rows between two answers, the most doubtful first; right ones and wrong ones: int64."""
    return np.argsort(judgement.margin, kind="stable")[:most]


def confusions(predictions: Predictions) -> Confusions:
    """See `Confusions`."""
    made = predictions
    if made.task == MULTILABEL:
        rows, true, found = _labels_in_place_of_others(made)
    else:
        rows = np.flatnonzero(made.predicted != made.targets)
        true, found = made.targets[rows], made.predicted[rows]
    codes = true * made.classes + found
    unique, counts = np.unique(codes, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    cells = np.column_stack([*np.divmod(unique[order], made.classes), counts[order]])
    return Confusions(rows, codes, cells)


def confused_rows(
    predictions: Predictions, found: Confusions, most: int, each: int
) -> Iterator[np.ndarray]:
    """Rows of each of the `most` frequent confusions, at most `each`, the most confident first."""
    order = np.argsort(found.codes, kind="stable")
    codes = found.codes[order]
    for true, predicted, _ in found.cells[:most]:
        code = true * predictions.classes + predicted
        start, end = np.searchsorted(codes, [code, code + 1])
        mine = found.rows[order[start:end]]
        sure = predictions.probabilities[mine, predicted]
        yield mine[np.argsort(-sure, kind="stable")][:each]


def class_samples(predictions: Predictions, code: int, most: int) -> np.ndarray:
    """Of a class some images that have it, evenly from the surest to the least sure: int64."""
    rows = np.flatnonzero(predictions.indicators[:, code])
    order = rows[np.argsort(-predictions.probabilities[rows, code], kind="stable")]
    places = np.linspace(0, len(order) - 1, min(most, len(order))).round().astype(int)
    return order[places]


def _labels_in_place_of_others(made: Predictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, labels missed and labels predicted instead, int64 (m,) each: every pair of a row."""
    missed_rows, missed = np.nonzero(made.targets > made.predicted)
    wrong_rows, wrong = np.nonzero(made.predicted > made.targets)
    # `wrong_rows` ascends: those of a missed label's row stand in one piece.
    start = np.searchsorted(wrong_rows, missed_rows)
    count = np.searchsorted(wrong_rows, missed_rows, side="right") - start
    before = np.repeat(np.cumsum(count) - count, count)
    place = np.repeat(start, count) + np.arange(count.sum()) - before
    return np.repeat(missed_rows, count), np.repeat(missed, count), wrong[place]
