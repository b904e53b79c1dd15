"""What assistants learn from: the log followed, features kept, labels carried over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from labelling_store import KnownFeatures, Store

from tintype.automl.standardisation import Standardisation
from tintype.labelling.assistance.gathered import GatheredFeatures
from tintype.labelling.assistance.known import KnownPictures
from tintype.labelling.assistance.learning import Lesson, learn
from tintype.labelling.assistance.propagation import neighbour_graph, propagated
from tintype.labelling.assistance.quick_head import fit_quick_head
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


def lesson(count: int, seed: int = 0, judged: int = 0) -> Lesson:
    features, targets = blobs(count, seed)
    return Lesson(
        TASK,
        (5, 7, 9),
        features,
        targets,
        np.arange(count) < judged,
        blobs(300, seed + 1)[0],
        Standardisation.of(blobs(300, seed + 1)[0]),
    )


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
    units = gathered.units[gathered.places(numbers)]
    assert np.allclose(units, unit_rows(rows))
    for start in range(0, 400, 20):
        gathered.hold(range(start, start + 40))
        place = gathered.places([start])[0]
        assert np.array_equal(gathered.rows[place], KnownFeatures().gather([start])[0])
    # Room for those that there are, and not for all that ever were.
    assert len(gathered.rows) < 100
    old = gathered.rows
    features.version = 1
    gathered.hold(range(380, 420))
    fresh = gathered.rows[gathered.places([400])]
    assert np.allclose(fresh, KnownFeatures().gather([400]) + 1)
    assert not np.shares_memory(old, gathered.rows)


def test_labels_are_carried_over_to_look_alikes() -> None:
    features, targets = blobs(120, spread=0.4)
    graph = neighbour_graph(unit_rows(features))
    indicators = np.zeros((120, 3), np.float32)
    indicators[[0, 1, 2], [0, 1, 2]] = 1
    shares = propagated(graph, indicators)
    assert (shares.argmax(1) == targets).mean() > 0.95
    assert np.allclose(shares.sum(1), 1, atol=1e-4)
    assert (propagated(graph, indicators * 0) == 0).all()


def test_look_alikes_help_while_labels_are_few() -> None:
    tested, truth = blobs(600, seed=9, spread=0.9)
    with_them, alone = [], []
    for seed in range(5):
        given = lesson(12, seed * 10 + 20)
        for found, unlabelled in ((with_them, given.unlabelled), (alone, None)):
            head = fit_quick_head(
                given.features,
                given.targets,
                given.classes,
                TASK,
                given.scaling,
                unlabelled=unlabelled,
            )
            assert head is not None
            found.append((head.probabilities(tested).argmax(1) == truth).mean())
    assert np.mean(with_them) > np.mean(alone)


def test_confidence_after_few_labels() -> None:
    tested, truth = blobs(600, seed=9)
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
