"""Which images to look at: where a model errs with confidence, where it hesitates, what it
confuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tintype.evaluation.metrics import Predictions
from tintype.schemas.task import MULTILABEL

__all__ = [
    "ConfusedPair",
    "Example",
    "class_samples",
    "confused_pairs",
    "least_certain",
    "most_confident_mistakes",
]


@dataclass(frozen=True)
class Example:
    """One image with what it is and what it was taken for."""

    row: int
    true: tuple[int, ...]
    """Codes of its labels."""

    predicted: tuple[int, ...]
    """Codes of the labels predicted."""

    probability: float
    """Of what the example is about: see the function that gave it."""

    @property
    def right(self) -> bool:
        """Whether all labels are those predicted."""
        return set(self.true) == set(self.predicted)


@dataclass(frozen=True)
class ConfusedPair:
    """A class that was taken for another."""

    true: int
    predicted: int
    count: int
    """Images of which this is so."""

    examples: tuple[Example, ...]
    """Some of them, the most confident first; their probability is that of `predicted`."""


def most_confident_mistakes(predictions: Predictions, most: int) -> list[Example]:
    """Rows judged wrongly, the surest first.

    `probability`: of the class predicted; multi-label: how far the worst label's is off.
    """
    made = predictions
    if made.task == MULTILABEL:
        off = np.abs(made.probabilities - made.targets)
        wrong = made.predicted != made.targets
        certainty = np.where(wrong, off, 0.0).max(1)
        rows = np.flatnonzero(wrong.any(1))
    else:
        certainty = made.probabilities.max(1)
        rows = np.flatnonzero(made.predicted != made.targets)
    return _examples(made, rows[np.argsort(-certainty[rows], kind="stable")][:most], certainty)


def least_certain(predictions: Predictions, most: int) -> list[Example]:
    """Rows between two answers, the most doubtful first; right ones and wrong ones.

    `probability`: of the class predicted; the doubt is how little the next class is behind it.
    Multi-label: of the label that is nearest to the threshold.
    """
    made = predictions
    if made.task == MULTILABEL:
        distance = np.abs(made.probabilities - made.threshold)
        nearest = distance.argmin(1)
        margin = distance.min(1)
        probability = made.probabilities[np.arange(len(nearest)), nearest]
    else:
        if made.classes < 2:
            return []
        two = np.partition(made.probabilities, made.classes - 2, axis=1)[:, -2:]
        margin, probability = two[:, 1] - two[:, 0], two[:, 1]
    return _examples(made, np.argsort(margin, kind="stable")[:most], probability)


def confused_pairs(predictions: Predictions, most: int, examples: int) -> list[ConfusedPair]:
    """Pairs of classes that were taken for each other, the most frequent first.

    Multi-label: a label of the image that was missed, and one that was predicted in its place.
    """
    made = predictions
    rows, true, found = _confusions(made)
    cells = true * made.classes + found
    codes, counts = np.unique(cells, return_counts=True)
    pairs = []
    for place in np.argsort(-counts, kind="stable")[:most]:
        code = int(codes[place])
        mine = rows[cells == code]
        sure = made.probabilities[:, code % made.classes]
        order = mine[np.argsort(-sure[mine], kind="stable")][:examples]
        pairs.append(
            ConfusedPair(
                code // made.classes,
                code % made.classes,
                int(counts[place]),
                tuple(_examples(made, order, sure)),
            )
        )
    return pairs


def class_samples(
    predictions: Predictions, classes: Sequence[int], each: int
) -> list[tuple[int, list[Example]]]:
    """Of each of `classes` some images that have it, from the surest to the least sure.

    `probability`: of that class.
    """
    made = predictions
    samples = []
    for code in classes:
        rows = np.flatnonzero(made.indicators[:, code])
        sure = made.probabilities[:, code]
        order = rows[np.argsort(-sure[rows], kind="stable")]
        places = np.linspace(0, len(order) - 1, min(each, len(order))).round().astype(int)
        if len(places):
            samples.append((code, _examples(made, order[places], sure)))
    return samples


def _confusions(made: Predictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, true and predicted codes, int64 (m,) each."""
    if made.task != MULTILABEL:
        rows = np.flatnonzero(made.predicted != made.targets)
        return rows, made.targets[rows], made.predicted[rows]
    missed, invented = (made.targets > made.predicted), (made.predicted > made.targets)
    both = np.flatnonzero(missed.any(1) & invented.any(1))
    parts = [
        (row, true, found)
        for row in both
        for true in np.flatnonzero(missed[row])
        for found in np.flatnonzero(invented[row])
    ]
    rows, true, found = np.array(parts, np.int64).reshape(-1, 3).T
    return rows, true, found


def _examples(made: Predictions, rows: np.ndarray, probability: np.ndarray) -> list[Example]:
    def codes(values: np.ndarray, row: int) -> tuple[int, ...]:
        if made.task == MULTILABEL:
            return tuple(int(code) for code in np.flatnonzero(values[row]))
        return (int(values[row]),)

    return [
        Example(
            int(row), codes(made.targets, row), codes(made.predicted, row), float(probability[row])
        )
        for row in rows
    ]
