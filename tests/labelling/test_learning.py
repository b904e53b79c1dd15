"""What assistants learn from: the log followed, features kept, labels carried over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from labelling_store import KnownFeatures, Store

from tintype.labelling.assistance.feature_space import FeatureSpace
from tintype.labelling.assistance.gathered import GatheredFeatures
from tintype.labelling.assistance.known import KnownPictures
from tintype.labelling.assistance.learning import Lesson, learn
from tintype.labelling.assistance.quick_head import Candidate, fit_quick_head
from tintype.labelling.assistance.unit_rows import unit_rows
from tintype.labelling.picture_files import FileReport, note_files
from tintype.labelling.pictures import add_pictures
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


def test_a_label_that_the_judged_pictures_alone_have() -> None:
    given = lesson(60, judged=20)
    targets = given.targets.copy()
    # No picture outside of the sample has the last class: no head of these can be right about it.
    targets[20:] %= 2
    learnt = learn(replace(given, targets=targets))
    assert learnt is not None and learnt.accuracy is not None
    assert learnt.accuracy.pictures == 20
    assert learnt.accuracy.accuracy <= (targets[:20] < 2).mean()


@pytest.mark.parametrize("count", [60, 240])
def test_no_label_of_the_sample_teaches_the_heads_that_are_judged_on_it(count: int) -> None:
    given = lesson(count, judged=30)
    shares = []
    for shift in range(3):
        targets = given.targets.copy()
        targets[:30] = (targets[:30] + shift) % 3
        learnt = learn(replace(given, targets=targets))
        assert learnt is not None and learnt.accuracy is not None
        shares.append(learnt.accuracy.accuracy)
    # Whatever is said of these pictures, the same is predicted: one of the three labels of each is right.
    assert sum(shares) == pytest.approx(1)


def test_heads_of_labelled_pictures_alone_where_unlabelled_ones_do_not_help() -> None:
    few = lesson(12, 40)
    head = fit_quick_head(few.rows, few.targets, few.classes, TASK, few.unlabelled)
    assert head is not None and head.candidate.kind == "mixture"
    many = lesson(90, 40)
    head = fit_quick_head(many.rows, many.targets, many.classes, TASK, many.unlabelled)
    assert head is not None and head.candidate.kind == "regression"


def test_unlabelled_pictures_that_mislead() -> None:
    """They lie in two clusters, which are not the two classes."""
    random = np.random.default_rng(3)

    def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
        targets, cluster = np.arange(count) % 2, np.arange(count) // 2 % 2
        features = 0.3 * random.normal(size=(count, 12))
        features[:, 0] += 3 * cluster
        features[:, 1] += 0.8 * targets
        return unit_rows((features - features.mean(0)).astype(np.float32)), targets

    rows, targets = drawn(44)
    head = fit_quick_head(rows, targets, (5, 7), TASK, drawn(400)[0])
    tested, truth = drawn(600)
    assert head is not None
    alone = fit_quick_head(
        rows, targets, (5, 7), TASK, rows[:0], candidate=Candidate("regression", 30.0)
    )
    assert alone is not None
    right, right_alone = (
        (one.probabilities(tested).argmax(1) == truth).mean() for one in (head, alone)
    )
    assert right > right_alone - 0.03
