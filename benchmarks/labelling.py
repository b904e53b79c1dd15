"""What labelling costs a person and a server: `python benchmarks/labelling.py teach|bulk|server|pages|first`.

teach    labels until suggestions have 95 % of the accuracy that a head of all labels has: by the assistant;
         at random and by plain uncertainty (the margin alone, as Label Studio orders tasks by a model's score)
         with a head of labelled pictures alone; and at random with the assistant's head
bulk     actions until everything is labelled: groups and sure suggestions confirmed at a stroke, wrong
         ones given their label by a key each; the peer is one key a picture
server   labellers who act twice a second on many pictures, while the server is killed
pages    opening, filtering and the next page of a project of many pictures
first    from a folder of pictures to the first one that is labelled
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
from labelling_server import first_label, pages, server
from machine import machine
from photo_sets import NAMES, photo_set

from tintype.automl.standardisation import Standardisation
from tintype.data import read_image_table
from tintype.labelling.actions import Action, record_action
from tintype.labelling.assistance.accuracy import right_of
from tintype.labelling.assistance.assistant import Assistant
from tintype.labelling.assistance.features import PictureFeatures
from tintype.labelling.assistance.known import Decided, targets_of
from tintype.labelling.assistance.learning import Learn, Learnt, Lesson, learn
from tintype.labelling.assistance.orders import Order
from tintype.labelling.assistance.proposed import Suggestion
from tintype.labelling.assistance.quick_head import fit_quick_head
from tintype.labelling.database import open_database
from tintype.labelling.people import person_named
from tintype.labelling.pictures import PictureFilter, add_pictures, page_of
from tintype.labelling.projects import create_project, find_project
from tintype.schemas.labelling_project import LabellingProjectDocument

STEP, SHARE = 10, 0.95
MISSED = 0.1  # of the wrong pictures on a page, so many are not seen
PAGE = 36
SURE, LEAST_SURE = 0.9, 0.7  # of a page on average, and of each picture on it


class Simulated:
    """A project of photos whose labels are known, its features, and a labeller who knows them."""

    def __init__(self, name: str, seed: int, folder: Path) -> None:
        photos = photo_set(name, seed, folder)
        if photos is None:
            raise SystemExit(f"the photos of {name} are not at hand")
        self.train, self.test = read_image_table(photos.train), read_image_table(photos.test)
        self.multilabel = photos.multilabel
        self.database = open_database(f"sqlite:///{folder / f'{uuid.uuid4().hex}.db'}")
        document = {
            "name": "photos",
            "task": self.train.task,
            "labels": [{"name": label} for label in self.train.classes],
            "data": str(folder),
        }
        with self.database.writing() as connection:
            checked = LabellingProjectDocument.model_validate(document)
            project = create_project(connection, checked)
            for table in (self.train, self.test):
                places = list(table.locations())
                add_pictures(connection, project, [(place, place) for place in places])
            self.person = person_named(connection, "simulated")
        self.features = PictureFeatures(self.database, project)
        self.features.compute(threading.Event())
        with self.database.reading() as connection:
            self.project = find_project(connection, "photos")
            pictures = page_of(connection, self.project, PictureFilter(), after=0, limit=1_000_000)
        ids = {label.name: label.id for label in self.project.labels}
        known = {}
        for table in (self.train, self.test):
            for row, place in enumerate(table.locations()):
                label = table.label(row)
                names = label if isinstance(label, list) else [label]
                known[place] = tuple(sorted(ids[name] for name in names))
        self.truth = {picture.id: known[picture.location] for picture in pictures}
        tested = set(self.test.locations())
        self.judged = [p.id for p in pictures if p.location in tested and self.features.has(p.id)]
        # Nobody is asked about those.
        self._skip(self.judged)
        self.free = [p.id for p in pictures if p.location not in tested]

    def _skip(self, pictures: list[int]) -> None:
        with self.database.writing() as connection:
            record_action(
                connection,
                self.project,
                self.person,
                Action(uuid.uuid4().hex, "skip", pictures),
            )

    def answer(self, labels: dict[int, tuple[int, ...]]) -> None:
        """Label pictures in one action."""
        with self.database.writing() as connection:
            action = Action(uuid.uuid4().hex, "label", list(labels), labels)
            record_action(connection, self.project, self.person, action)

    def accuracy_with_all(self) -> float:
        """On the test photos, of a head of every label."""
        decided = [Decided(n, self.truth[n]) for n in self.free if self.features.has(n)]
        features = self.features.gather([one.id for one in decided])
        targets, classes = targets_of(decided, self.project)
        scaling = Standardisation.of(features[:5_000])
        head = fit_quick_head(features, targets, classes, self.project.task, scaling)
        assert head is not None
        tested = [Decided(number, self.truth[number]) for number in self.judged]
        wanted, _ = targets_of(tested, self.project, classes)
        probabilities = head.probabilities(self.features.gather(self.judged))
        return float(right_of(probabilities, wanted, self.project.task).mean())

    def accuracy_of(self, assistant: Assistant) -> tuple[float, float]:
        """Of its suggestions for the test photos: the share that is right, and how sure it was on average."""
        found = assistant.suggestions(self.judged)
        if not found:
            return 0.0, 0.0
        right = [one.labels == self.truth[number] for number, one in found.items()]
        return float(np.mean(right)), float(np.mean([one.confidence for one in found.values()]))


def _plain(lesson: Lesson) -> Learnt | None:
    """A head of labelled pictures alone, as others fit it."""
    return _quickly(replace(lesson, unlabelled=lesson.unlabelled[:0]))


def _quickly(lesson: Lesson) -> Learnt | None:
    """Without the two heads that the running accuracy is judged by: nobody looks at it here."""
    return learn(replace(lesson, judged=np.zeros(len(lesson.judged), bool)))


# Order, and what learns from the labels.
_WAYS: dict[str, tuple[Order, Learn]] = {
    "random": ("random", _plain),
    "uncertainty alone": ("margin", _plain),
    "random, our head": ("random", _quickly),
    "ours": ("auto", _quickly),
}


def teach(names: list[str], seeds: int) -> None:
    """Print labels needed, by order, and how far confidences are off after thirty and a hundred labels."""
    columns = " | ".join(_WAYS)
    print(
        f"| photos | all labels | accuracy with all | {columns} | random / ours | "
        "confidence less accuracy, 30 and 100 labels |"
    )
    print("|---" * (len(_WAYS) + 5) + "|")
    for name in names:
        needed: dict[str, list[int]] = {way: [] for way in _WAYS}
        whole, gaps = [], []
        for seed in range(seeds):
            for way, (order, learns) in _WAYS.items():
                with tempfile.TemporaryDirectory() as folder:
                    simulated = Simulated(name, seed, Path(folder))
                    whole.append(simulated.accuracy_with_all())
                    total = len(simulated.free)
                    count, gap = _labels_needed(simulated, order, learns, SHARE * whole[-1])
                    needed[way].append(count)
                    if way == "ours":
                        gaps.append(gap)
        middle = {way: int(np.median(counts)) for way, counts in needed.items()}
        cells = " | ".join(str(middle[way]) for way in _WAYS)
        off = ", ".join(f"{value:+.2f}" for value in np.mean(gaps, axis=0))
        print(
            f"| {name} | {total} | {np.mean(whole):.3f} | {cells} | "
            f"{middle['random'] / middle['ours']:.1f}x | {off} |",
            flush=True,
        )


def _labels_needed(
    simulated: Simulated, order: Order, learns: Learn, wanted: float
) -> tuple[int, tuple[float, float]]:
    """Labels until suggestions are that accurate, and in the step after it, too; and confidence less
    accuracy after thirty and after a hundred labels."""
    assistant = Assistant(simulated.database, "photos", simulated.features, learns)
    labelled: list[int] = []
    first = reached = None
    gaps: dict[int, float] = {}
    while len(labelled) < len(simulated.free):
        assistant.refresh()
        accuracy, confidence = simulated.accuracy_of(assistant)
        gaps[len(labelled)] = confidence - accuracy
        if reached is None:
            reached = first if accuracy >= wanted else None
            first = len(labelled) if accuracy >= wanted else None
        elif len(labelled) >= 100:
            break
        # Before there is a head, uncertainty alone says nothing: at random, then.
        kind = "random" if order == "margin" and len(labelled) < STEP else order
        fresh = [number for number in assistant.order(kind) if number not in labelled][:STEP]
        if not fresh:
            break
        simulated.answer({number: simulated.truth[number] for number in fresh})
        labelled += fresh
    return reached or len(labelled), (gaps.get(30, np.nan), gaps.get(100, np.nan))


def bulk(names: list[str]) -> None:
    """Print actions until everything is labelled."""
    print("| photos | pictures | actions | share of one key a picture | wrong at the end |")
    print("|---|---|---|---|---|")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            simulated = Simulated(name, 0, Path(folder))
            actions, wrong = _actions_needed(simulated)
            total = len(simulated.free)
            share = actions / total
            print(
                f"| {name} | {total} | {actions} | {share:.2f} | {wrong / total:.2%} |", flush=True
            )


def _actions_needed(simulated: Simulated) -> tuple[int, int]:
    """Actions, and pictures that end with a wrong label."""
    random = np.random.default_rng(0)
    assistant = Assistant(simulated.database, "photos", simulated.features, _quickly)
    given: dict[int, tuple[int, ...]] = {}
    actions, truth = 0, simulated.truth

    def confirm(pictures: list[int], labels: tuple[int, ...]) -> int:
        """Give what is seen to be wrong its own label, one key each; then label the rest, one action."""
        seen = [n for n in pictures if truth[n] != labels and random.random() >= MISSED]
        answers = {n: truth[n] if n in seen else labels for n in pictures}
        simulated.answer(answers)
        given.update(answers)
        return len(seen) + 1

    while len(given) < len(simulated.free):
        assistant.refresh()
        worth = _pages_worth_confirming(assistant.confident(None, LEAST_SURE, 5_000))
        if worth:
            for labels, page in worth:
                actions += confirm(page, labels)
        elif len(given) < STEP and (groups := assistant.groups()):
            for group in groups[:8]:
                members = list(group.pictures)[:PAGE]
                kinds = [truth[number] for number in members]
                actions += confirm(members, max(set(kinds), key=kinds.count))
        else:
            fresh = assistant.order("auto")[:STEP]
            if not fresh:
                break
            actions += len(fresh)
            answers = {number: truth[number] for number in fresh}
            simulated.answer(answers)
            given.update(answers)
    return actions, sum(labels != truth[number] for number, labels in given.items())


def _pages_worth_confirming(
    suggestions: list[Suggestion],
) -> list[tuple[tuple[int, ...], list[int]]]:
    """Of each label the surest pictures, where they are sure enough on the whole."""
    pages: dict[tuple[int, ...], list[Suggestion]] = {}
    for one in suggestions:
        pages.setdefault(one.labels, []).append(one)
    firsts = {labels: page[:PAGE] for labels, page in pages.items()}
    return [
        (labels, [one.picture for one in page])
        for labels, page in firsts.items()
        if len(page) >= 3 and np.mean([one.confidence for one in page]) >= SURE
    ]


def main() -> None:
    """Run one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["teach", "bulk", "server", "pages", "first"])
    parser.add_argument("--sets", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--labellers", type=int, default=50)
    parser.add_argument("--pictures", type=int, help="left out: 100,000, 500,000, and 10,000")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kills", type=int, default=3)
    given = parser.parse_args()
    print(machine())
    if given.what == "teach":
        teach(given.sets, given.seeds)
    elif given.what == "bulk":
        bulk(given.sets)
    elif given.what == "server":
        server(given.labellers, given.pictures or 100_000, given.seconds, given.kills)
    elif given.what == "pages":
        pages(given.pictures or 500_000)
    else:
        first_label(given.pictures or 10_000)


if __name__ == "__main__":
    main()
