"""What assistants learn from: the log followed, features kept, labels carried over, a process of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from labelling_store import KnownFeatures, Store

from tintype.labelling.assistance.feature_space import FeatureSpace
from tintype.labelling.assistance.gathered import GatheredFeatures
from tintype.labelling.assistance.known import KnownPictures
from tintype.labelling.assistance.learning import Lesson, learn
from tintype.labelling.assistance.learning_process import LearningProcess
from tintype.labelling.assistance.orders import margin
from tintype.labelling.assistance.quick_head import fit_quick_head
from tintype.labelling.pictures import FileReport, add_pictures, note_files
from tintype.labelling.projects import find_project

TASK = "image_classification"


def blobs(count: int, seed: int = 0, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, 24) of three classes, and their classes."""
    random = np.random.default_rng(seed)
    middles = np.random.default_rng(99).normal(size=(3, 24)) * 0.8
    targets = np.arange(count) % 3
    features = middles[targets] + spread * random.normal(size=(count, 24))
    return features.astype(np.float32), targets


SPACE = FeatureSpace.of(blobs(300, 1)[0])


def placed_blobs(count: int, seed: int = 0, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    features, targets = blobs(count, seed, spread)
    return SPACE.placed(features), targets


def lesson(count: int, seed: int = 0, judged: int = 0) -> Lesson:
    rows, targets = placed_blobs(count, seed)
    unlabelled = placed_blobs(300, seed + 1)[0]
    return Lesson(TASK, (5, 7, 9), rows, targets, np.arange(count) < judged, unlabelled)


def follow(known: KnownPictures, store: Store) -> bool:
    with store.database.reading() as connection:
        return known.follow(connection, find_project(connection, store.name))


def test_the_log_is_followed(store: Store) -> None:
    known, other = KnownPictures(), Store(store.database, name="other")

    def everything(_: int) -> bool:
        return True

    assert follow(known, store) and not follow(known, store)
    assert sorted(known.free(everything)) == store.ids and known.decided(everything) == []
    order = known.free(everything)
    store.act("ann", "label", 0, 1, labels=["Apple"])
    store.act("ann", "skip", 2)
    other.act("ann", "label", 0, labels=["Pear"])
    assert follow(known, store)
    decided = {one.id: one.labels for one in known.decided(everything)}
    assert decided == dict.fromkeys(store.ids[:2], (store.label("Apple"),))
    assert known.free(everything) == [n for n in order if n not in store.ids[:3]]
    store.act("bob", "flag", 5)
    # Nothing that matters here.
    assert not follow(known, store)
    store.undo("ann")
    store.act("ann", "label", 0, labels=["Plum"])
    assert follow(known, store)
    assert store.ids[2] in known.free(everything)
    changed = {one.id: one.labels for one in known.decided(everything)}
    assert changed[store.ids[0]] == (store.label("Plum"),)
    # Of those that have features alone.
    assert known.free(lambda number: number == store.ids[3]) == [store.ids[3]]
    assert known.times_read == 1


def test_pictures_that_come_and_go_are_heard_of(store: Store) -> None:
    known = KnownPictures()
    follow(known, store)
    with store.database.writing() as connection:
        add_pictures(connection, store.project, [("https://pictures.test/new.jpg", "new.jpg")])
    assert follow(known, store) and known.times_read == 2
    assert len(known.free(lambda _: True)) == 13
    first = store.ids[0]
    with store.database.writing() as connection:
        note_files(connection, FileReport([first], [], [], {}))
    from tintype.labelling.actions import log_refresh

    ann = store.person("ann")
    with store.database.writing() as connection:
        log_refresh(connection, store.project, ann, {"missing": 1})
    assert follow(known, store) and first not in known.free(lambda _: True)


class Counted(KnownFeatures):
    """Features that can change, and tell how many were asked for."""

    asked = 0
    version = 0

    def replaced(self) -> int:
        return self.version

    def gather(self, pictures: object) -> np.ndarray:
        self.asked += len(pictures)  # type: ignore[arg-type]
        return super().gather(pictures) + self.version  # type: ignore[arg-type]


def test_features_are_gathered_once() -> None:
    features = Counted()
    gathered = GatheredFeatures(features)
    gathered.hold(range(40))
    gathered.hold(range(10, 45))
    assert features.asked == 45
    numbers = list(range(10, 45))
    rows = gathered.rows[gathered.places(numbers)]
    assert np.array_equal(rows, KnownFeatures().gather(numbers))
    placed = gathered.placed[gathered.places(numbers)]
    assert np.allclose(placed, gathered.space.placed(rows), atol=1e-5)
    for start in range(0, 400, 20):
        gathered.hold(range(start, start + 40))
        place = gathered.places([start])[0]
        assert np.array_equal(gathered.rows[place], KnownFeatures().gather([start])[0])
        there = gathered.places(range(start, start + 40))
        expected = gathered.space.placed(gathered.rows[there])
        assert np.allclose(gathered.placed[there], expected, atol=1e-5)
    # Room for those that there are, and not for all that ever were.
    assert len(gathered.rows) < 100
    old, old_placed = gathered.rows, gathered.placed
    features.version = 1
    gathered.hold(range(380, 420))
    fresh = gathered.rows[gathered.places([400])]
    assert np.allclose(fresh, KnownFeatures().gather([400]) + 1)
    assert not np.shares_memory(old, gathered.rows)
    assert not np.shares_memory(old_placed, gathered.placed)


def test_unlabelled_pictures_help_while_labels_are_few() -> None:
    tested, truth = placed_blobs(600, seed=9, spread=0.9)
    with_them, alone = [], []
    for seed in range(5):
        given = lesson(12, seed * 10 + 20)
        for found, unlabelled in ((with_them, given.unlabelled), (alone, given.unlabelled[:0])):
            head = fit_quick_head(given.rows, given.targets, given.classes, TASK, unlabelled)
            assert head is not None
            found.append((head.probabilities(tested).argmax(1) == truth).mean())
    assert np.mean(with_them) > np.mean(alone)


def test_confidence_after_few_labels() -> None:
    tested, truth = placed_blobs(600, seed=9)
    gaps = []
    for seed in range(8):
        learnt = learn(lesson(15, seed * 10 + 20))
        assert learnt is not None
        probabilities = learnt.head.probabilities(tested)
        right = (probabilities.argmax(1) == truth).mean()
        gaps.append(probabilities.max(1).mean() - right)
    assert abs(np.mean(gaps)) < 0.15


def test_a_label_that_one_judged_picture_alone_has() -> None:
    given = lesson(60, judged=20)
    targets = given.targets % 2
    targets[0] = 2
    learnt = learn(replace(given, targets=targets))
    assert learnt is not None and learnt.accuracy is not None
    assert learnt.accuracy.pictures == 20
    # The head that judges it has not seen that there is such a label.
    assert learnt.accuracy.accuracy <= 0.95


def test_the_running_accuracy_promises_too_little_rather_than_too_much() -> None:
    """Where the head is unsure labels are asked for, and so elsewhere than near judged pictures: a head that
    has not seen one of these knows less of its surroundings than of others."""
    tested, truth = placed_blobs(2000, seed=77, spread=1.3)
    held, off = [], []
    for seed in range(6):
        rows, targets = placed_blobs(200, seed=seed + 100, spread=1.3)
        order = np.random.default_rng(seed).permutation(200)
        judged, labelled, others = order[:25], order[:35], order[35:]
        first = fit_quick_head(rows[labelled], targets[labelled], (5, 7, 9), TASK, rows[others])
        assert first is not None
        doubt = margin(first.probabilities(rows[others]), TASK)
        labelled = np.concatenate([labelled, others[np.argsort(-doubt)[:25]]])
        learnt = learn(
            Lesson(
                TASK,
                (5, 7, 9),
                rows[labelled],
                targets[labelled],
                np.isin(labelled, judged),
                rows[np.setdiff1d(order, labelled)],
            )
        )
        assert learnt is not None and learnt.accuracy is not None
        assert learnt.accuracy.pictures == 25
        right = (learnt.head.probabilities(tested).argmax(1) == truth).mean()
        held.append(learnt.accuracy.low <= right)
        off.append(learnt.accuracy.accuracy - right)
    # Of six lower ends of 95 % intervals two are above the truth once in a hundred times.
    assert np.sum(held) >= 5
    assert -0.2 < np.mean(off) < 0.03


@pytest.fixture
def process() -> Iterator[LearningProcess]:
    made = LearningProcess()
    yield made
    made.close()


def test_a_process_learns_the_same(process: LearningProcess) -> None:
    given = lesson(60, judged=20)
    here, there = learn(given), process(given)
    assert here is not None and there is not None
    tested = placed_blobs(50, seed=5)[0]
    expected = here.head.probabilities(tested)
    assert np.allclose(there.head.probabilities(tested), expected, atol=0.02)
    assert there.head.classes == (5, 7, 9) and there.accuracy is not None
    assert there.accuracy.pictures == 20
    one_class = replace(given, targets=given.targets * 0, classes=(5,))
    assert process(one_class) is None
    # Killed, it tells, and the next lesson finds another one.
    assert process._process is not None
    os.kill(process._process.pid, signal.SIGKILL)
    process._process.wait()
    with pytest.raises(RuntimeError, match="ended with -9"):
        process(given)
    assert process(given) is not None
    child = process._process
    assert child is not None and child.stdin is not None
    # As when the server is killed: nobody is left to write to it.
    child.stdin.close()
    assert child.wait(timeout=60) == 0
