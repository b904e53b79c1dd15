"""The assistant, on features whose classes are known, and on those of a small checkpoint."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from labelling_store import KnownFeatures, Store
from pictures import write_class_folders
from sqlalchemy import select

from tintype.errors import RequestError
from tintype.labelling.assistance import orders
from tintype.labelling.assistance.accuracy import running_accuracy
from tintype.labelling.assistance.assistant import Assistant
from tintype.labelling.assistance.background import Assistants
from tintype.labelling.assistance.features import PictureFeatures
from tintype.labelling.assistance.quick_head import fit_quick_head
from tintype.labelling.database import Database
from tintype.labelling.making import make_project
from tintype.labelling.pictures import PictureFilter, page_of
from tintype.labelling.tables import PictureRow
from tintype.schemas.labelling_project import LabellingProjectDocument

NAMES = ("Apple", "Pear", "Plum")


@pytest.fixture
def many(database: Database) -> Store:
    return Store(database, count=240, name="many")


def truth(number: int) -> str:
    return NAMES[number % 3]


def answer(store: Store, numbers: Sequence[int]) -> None:
    """A labeller who knows."""
    ids = store.ids
    for name in NAMES:
        chosen = [ids.index(number) for number in numbers if truth(number) == name]
        if chosen:
            store.act("ann", "label", *chosen, labels=[name])


def name_of(store: Store, label: int) -> str:
    return next(one.name for one in store.project.labels if one.id == label)


def test_before_any_label(many: Store) -> None:
    assistant = Assistant(many.database, "many", KnownFeatures())
    assert assistant.order("auto") == [] and assistant.suggestions(many.ids) == {}
    assert assistant.refresh() and not assistant.refresh()
    first = assistant.order("auto")
    assert len(set(first)) == len(first) > 100
    # Each kind of picture soon.
    assert {truth(number) for number in first[:9]} == set(NAMES)
    groups = assistant.groups()
    pure = [len({truth(number) for number in group.pictures}) == 1 for group in groups]
    assert np.mean(pure) > 0.9
    assert assistant.suggestions(many.ids) == {} and assistant.confident(None, 0.5, 9) == []
    assert assistant.status()["suggestions_from"] is None


def test_from_ten_labels_on(many: Store) -> None:
    assistant = Assistant(many.database, "many", KnownFeatures())
    assistant.refresh()
    answer(many, assistant.order("auto")[:12])
    assistant.refresh()
    suggestions = assistant.suggestions(many.ids)
    right = [name_of(many, one.labels[0]) == truth(one.picture) for one in suggestions.values()]
    # Which of the twelve are the sample that no head may see is drawn anew each time.
    assert len(right) == 240 and np.mean(right) > 0.85
    mean_confidence = np.mean([one.confidence for one in suggestions.values()])
    # With so few labels it may well be less sure than it could be, but not surer.
    assert mean_confidence - np.mean(right) < 0.15
    assert assistant.status()["suggestions_from"] == "labels"
    apple = many.label("Apple")
    sure = assistant.confident(apple, 0.6, 500)
    assert sure and {truth(one.picture) for one in sure} == {"Apple"}
    confidences = [one.confidence for one in sure]
    assert confidences == sorted(confidences, reverse=True) and min(confidences) >= 0.6
    near = assistant.similar(many.ids[0], 20)
    assert len(near) == 20 and many.ids[0] not in near
    assert np.mean([truth(number) == truth(many.ids[0]) for number in near]) > 0.9


@pytest.mark.parametrize("kind", orders.ORDERS)
def test_every_order_has_free_pictures_once(many: Store, kind: orders.Order) -> None:
    assistant = Assistant(many.database, "many", KnownFeatures())
    for labelled in (0, 24):
        answer(many, many.ids[:labelled])
        assistant.refresh()
        order = assistant.order(kind)
        assert len(order) == len(set(order)) >= 200
        assert not set(order) & set(many.ids[:labelled])


def test_likely_errors(many: Store) -> None:
    ids = many.ids
    answer(many, ids[:60])
    for place in (3, 10):
        wrong = NAMES[(ids[place] + 1) % 3]
        many.act("bob", "label", place, labels=[wrong])
    assistant = Assistant(many.database, "many", KnownFeatures(spread=0.3))
    assistant.refresh()
    errors = assistant.likely_errors(5)
    assert {one.picture for one in errors} == {ids[3], ids[10]}
    assert all(name_of(many, one.proposed[0]) == truth(one.picture) for one in errors)


def test_names_alone_suggest_where_a_model_reads_them(many: Store) -> None:
    assistant = Assistant(many.database, "many", KnownFeatures(spread=0.1, reads_names=True))
    assistant.refresh()
    one = assistant.suggestions(many.ids[:1])[many.ids[0]]
    assert one.source == "names" and name_of(many, one.labels[0]) == truth(many.ids[0])


def test_running_accuracy_is_of_a_random_sample(many: Store) -> None:
    features = KnownFeatures(spread=2.0)
    assistant = Assistant(many.database, "many", features)
    with many.database.reading() as connection:
        drawn = list(
            connection.execute(
                select(PictureRow.id)
                .where(PictureRow.project_id == many.project.id)
                .order_by(PictureRow.draw)
            ).scalars()
        )
    sample, others = drawn[:24], drawn[24:]
    assistant.refresh()
    # The sample comes among the others.
    queue = assistant.order("auto")
    assert queue[0] == sample[0] and len(set(queue[:20]) & set(sample)) >= 4
    answer(many, others[:60])
    answer(many, sample[1:])
    assistant.refresh()
    # Its first one lacks an answer: what follows is no random sample yet.
    assert assistant.status()["accuracy"] is None
    answer(many, sample[:1])
    assistant.refresh()
    accuracy = assistant.status()["accuracy"]
    assert accuracy["pictures"] == 24 and accuracy["paying"]
    assert 0 <= accuracy["low"] <= accuracy["accuracy"] <= accuracy["high"] <= 1


def test_when_labelling_more_has_stopped_paying() -> None:
    right = np.arange(1000) >= 30
    alike = running_accuracy(right, right)
    assert alike is not None and not alike.paying and alike.accuracy == 0.97
    better = running_accuracy(right, np.arange(1000) >= 60)
    assert better is not None and better.paying
    few = running_accuracy(right[:40], right[:40])
    assert few is not None and few.paying
    assert running_accuracy(right[:0], right[:0]) is None


def test_several_labels(database: Database) -> None:
    store = Store(database, count=90, name="several", task="image_classification_multilabel")
    ids = store.ids
    for place in range(60):
        labels = [truth(ids[place])] if place % 5 else [truth(ids[place]), "Pear"]
        store.act("ann", "label", place, labels=sorted(set(labels)))
    assistant = Assistant(database, "several", KnownFeatures(spread=0.3))
    assistant.refresh()
    found = assistant.suggestions(ids[60:])
    right = [
        truth(number) in [name_of(store, n) for n in one.labels] for number, one in found.items()
    ]
    assert np.mean(right) > 0.9
    assert len(assistant.order("uncertainty")) == 30


def test_a_head_needs_two_classes_and_ten_rows() -> None:
    rows = orders.unit_rows(np.random.default_rng(0).normal(size=(12, 5)))
    task = "image_classification"
    assert fit_quick_head(rows, np.zeros(12, np.int64), (7,), task, rows[:0]) is None
    targets = np.arange(9) % 2
    assert fit_quick_head(rows[:9], targets, (7, 8), task, rows[:0]) is None


def test_coreset_and_copies() -> None:
    units = orders.unit_rows(np.eye(4, dtype=np.float32).repeat(3, 0))
    chosen = orders.coreset(units, units[:1], 12)
    assert sorted(chosen) == list(range(12))
    assert sorted(chosen[:3] // 3) == [1, 2, 3]
    assert len(orders.typical_of_clusters(units, 24)) == 12
    assert len(orders.typical_of_clusters(units[:0], 24)) == 0


def test_features_are_computed_once(
    database: Database, tmp_path: Path, vit_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_class_folders(tmp_path / "photos", per_class=4)
    (folder / "level" / "broken.png").write_bytes(b"no picture")
    document = LabellingProjectDocument(
        name="real",
        data=str(folder),
        labels=[{"name": "a"}, {"name": "b"}],
        model=str(vit_checkpoint),
    )
    project = make_project(database, document)
    features = PictureFeatures(database, project)
    features.compute(threading.Event())
    assert features.ready() == 8
    with database.reading() as connection:
        page = page_of(connection, project, PictureFilter(fault=True), after=0, limit=9)
        assert [(one.name, one.fault) for one in page] == [("level/broken.png", "unreadable")]
        good = page_of(connection, project, PictureFilter(fault=False), after=0, limit=9)
    numbers = [one.id for one in good]
    found = features.gather(numbers)
    assert found.shape == (8, 32) and np.isfinite(found).all()
    again = PictureFeatures(database, project)
    monkeypatch.setattr("tintype.scoring.scorer.Scorer.run", None)
    again.compute(threading.Event())
    assert np.array_equal(again.gather(numbers), found)


def test_a_project_without_a_model_is_labelled_all_the_same(many: Store) -> None:
    def broken(*_: object) -> KnownFeatures:
        raise RequestError("no such model")

    assistants = Assistants(many.database, broken)
    assert assistants.of("many") is None and assistants.fault("many") == "no such model"
    assistants.close()


def test_the_assistant_hears_of_labels(many: Store) -> None:
    assistants = Assistants(many.database, lambda *_: KnownFeatures())
    try:
        assistant = assistants.of("many")
        assert assistant is not None
        answer(many, many.ids[:24])
        assistants.wake()
        for _ in range(600):
            if assistant.status()["suggestions_from"] == "labels":
                break
            threading.Event().wait(0.05)
        assert assistant.status()["labelled"] == 24
    finally:
        assistants.close()
