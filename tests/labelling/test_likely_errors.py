"""Labels that are likely wrong."""

from __future__ import annotations

import numpy as np
import pytest
from labelling_store import KnownFeatures, Store

from tintype.labelling.assistance.feature_space import FeatureSpace
from tintype.labelling.assistance.known import Decided
from tintype.labelling.assistance.likely_errors import likely_errors
from tintype.labelling.assistance.quick_head import Candidate, QuickHead, fit_quick_head
from tintype.labelling.database import Database

SINGLE, SEVERAL = "image_classification", "image_classification_multilabel"


def head_that_found(store: Store, out_of_fold: list[list[float]]) -> QuickHead:
    classes = tuple(label.id for label in store.project.labels)
    probabilities = np.array(out_of_fold, np.float32)
    layer = np.zeros((3, 3), np.float32)
    candidate = Candidate("regression", 3.0)
    return QuickHead(layer, layer[0], classes, store.project.task, probabilities, candidate)


def examples(store: Store) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    features = KnownFeatures(spread=0.3).gather(range(30))
    targets = np.arange(30) % 3
    if store.project.multilabel:
        targets = np.eye(3, dtype=np.float32)[targets]
    rows = FeatureSpace.of(features).placed(features)
    return rows, targets, tuple(label.id for label in store.project.labels)


def test_those_that_are_clearly_doubted_the_worst_first(store: Store) -> None:
    apple, pear, plum = (label.id for label in store.project.labels)
    head = head_that_found(
        store, [[0.90, 0.07, 0.03], [0.02, 0.95, 0.03], [0.30, 0.60, 0.10], [0.05, 0.10, 0.85]]
    )
    decided = [Decided(number, (apple,)) for number in range(11, 15)]
    found = likely_errors(head, decided, store.project, 9)
    assert [(one.picture, one.given, one.proposed) for one in found] == [
        (12, (apple,), (pear,)),
        (14, (apple,), (plum,)),
    ]
    assert found[0].confidence == pytest.approx(0.95)
    assert likely_errors(head, decided, store.project, 1) == found[:1]


def test_of_several_labels_one_that_is_missing_or_too_many(database: Database) -> None:
    store = Store(database, name="several", task=SEVERAL)
    apple, pear, plum = (label.id for label in store.project.labels)
    head = head_that_found(store, [[0.9, 0.95, 0.02], [0.9, 0.1, 0.04], [0.8, 0.3, 0.2]])
    decided = [Decided(1, (apple,)), Decided(2, (apple, plum)), Decided(3, (apple,))]
    found = likely_errors(head, decided, store.project, 9)
    assert [(one.picture, one.proposed) for one in found] == [(2, (apple,)), (1, (apple, pear))]


@pytest.mark.parametrize("task", [SINGLE, SEVERAL])
def test_the_only_example_of_a_label_is_not_doubted(database: Database, task: str) -> None:
    """A head that has not seen it cannot know the label."""
    store = Store(database, name="rare", task=task)
    rows, targets, classes = examples(store)
    apple, pear, plum = classes
    if task == SINGLE:
        targets = np.where(targets == 2, 0, targets)
        targets[2] = 2
    else:
        targets[:, 2] = 0
        targets[2] = (0, 0, 1)
    head = fit_quick_head(rows, targets, classes, store.project.task, rows[:0])
    assert head is not None
    labels = [(apple, pear, plum)[number % 3] for number in range(30)]
    if task == SINGLE:
        labels = [apple if label == plum else label for label in labels]
        labels[2] = plum
        decided = [Decided(number, (label,)) for number, label in enumerate(labels)]
    else:
        decided = [
            Decided(number, (label,) if label != plum or number == 2 else ())
            for number, label in enumerate(labels)
        ]
    assert 2 not in [one.picture for one in likely_errors(head, decided, store.project, 30)]
