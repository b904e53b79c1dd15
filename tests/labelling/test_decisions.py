"""From answers to labels, handing out, and reviews."""

from __future__ import annotations

import pytest
from labelling_store import Store

from tintype.errors import RequestError
from tintype.labelling.database import Database
from tintype.labelling.decisions import Answer, decide


def answer(person: int, *labels: int, how: str = "chosen", skipped: bool = False) -> Answer:
    return Answer(person, skipped, labels, how, float(person))


@pytest.mark.parametrize(
    ("answers", "least", "most", "state", "labels", "wanted"),
    [
        ([], 1, 1, "unlabelled", (), 1),
        ([answer(1, 5)], 1, 1, "labelled", (5,), 0),
        ([answer(1, 5), answer(2, 6)], 1, 1, "labelled", (6,), 0),
        ([answer(1, skipped=True)], 1, 1, "skipped", (), 0),
        ([answer(1, 5, how="imported")], 2, 3, "labelled", (5,), 0),
        ([answer(1, 5, how="imported"), answer(2, 6)], 1, 1, "labelled", (6,), 0),
        ([answer(1, 5)], 2, 3, "unlabelled", (), 1),
        ([answer(1, 5), answer(2, 5)], 2, 3, "labelled", (5,), 0),
        ([answer(1, 5), answer(2, 6)], 2, 3, "unlabelled", (), 1),
        ([answer(1, 5), answer(2, 6), answer(3, 6)], 2, 3, "labelled", (6,), 0),
        ([answer(1, 5), answer(2, 6), answer(3, 7)], 2, 3, "needs_review", (), 0),
        ([answer(1, 5), answer(2, skipped=True)], 2, 2, "needs_review", (), 0),
    ],
)
def test_what_answers_decide(
    answers: list[Answer],
    least: int,
    most: int,
    state: str,
    labels: tuple[int, ...],
    wanted: int,
) -> None:
    decision = decide(answers, None, least=least, most=most)
    assert (decision.state, decision.labels, decision.wanted) == (state, labels, wanted)
    # A reviewer has the last word.
    assert decide(answers, answer(9, 4), least=least, most=most).labels == (4,)


def test_no_two_get_the_same_picture(store: Store) -> None:
    assert store.next("ann", 3, order=(5, 4)) == [5, 4, 0]
    assert store.next("bob", 3, order=(5, 4)) == [1, 2, 3]
    # A second window of the same person has the same before it, and counts once.
    assert store.next("ann", 3) == [5, 4, 0]
    store.act("ann", "label", 5, labels=["Apple"])
    assert store.next("ann", 3) == [4, 0, 6]
    store.act("ann", "skip", 4)
    assert store.next("cleo", 20) == [7, 8, 9, 10, 11]


def test_consensus_of_two_or_three(database: Database) -> None:
    store = Store(database, count=2, name="agreed", labellers={"least": 2, "most": 3})
    assert store.next("ann", 9) == store.next("bob", 9) == [0, 1]
    assert store.next("cleo", 9) == []
    store.act("ann", "label", 0, 1, labels=["Apple"])
    store.act("bob", "label", 0, labels=["Apple"])
    store.act("bob", "label", 1, labels=["Pear"])
    assert store.states == {"labelled": 1, "unlabelled": 1}
    assert store.next("ann", 9) == []
    assert store.next("cleo", 9) == [1]
    store.act("cleo", "label", 1, labels=["Plum"])
    assert store.states == {"labelled": 1, "needs_review": 1}
    with pytest.raises(RequestError, match="nothing to accept"):
        store.act("rita", "accept", 1)
    store.act("rita", "change", 1, labels=["Pear"])
    assert store.picture(1) | {"decided_at": 0, "id": 0} == {
        "id": 0,
        "name": "1.jpg",
        "state": "completed",
        "labels": ["Pear"],
        "how": "reviewed",
        "person": "rita",
        "decided_at": 0,
        "flagged": False,
        "fault": None,
        "revision": 4,
    }
    with pytest.raises(RequestError, match="has been reviewed"):
        store.act("ann", "label", 1, labels=["Apple"])
    store.undo("rita")
    assert store.states == {"labelled": 1, "needs_review": 1}


def test_accept_and_reject(store: Store) -> None:
    store.act("ann", "label", 0, 1, labels=["Apple"])
    store.act("ann", "skip", 2)
    store.act("rita", "accept", 0, 2)
    store.act("rita", "reject", 1)
    assert store.states == {"completed": 2, "unlabelled": 10}
    assert store.picture(0)["labels"] == ["Apple"] and store.picture(2)["labels"] == []
    # What was rejected is asked again, of anybody.
    assert 1 in store.next("ann", 12)
