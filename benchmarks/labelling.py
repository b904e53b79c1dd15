"""What labelling costs a person and a server: `python benchmarks/labelling.py teach|bulk|server|pages|first`.

teach    labels until a linear head has 95 % of the accuracy that all labels give, by the assistant's order,
         by plain uncertainty (the margin alone, as Label Studio orders tasks by a model's score) and at random
bulk     actions until everything is labelled: groups and sure suggestions confirmed at a stroke, wrong
         ones taken out one by one; the peer is one key a picture
server   labellers who act twice a second on many pictures, while the server is killed
pages    opening, filtering and the next page of a project of many pictures
first    from a folder of pictures to the first one that is labelled
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import uuid
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
from tintype.labelling.assistance.quick_head import fit_quick_head
from tintype.labelling.database import open_database
from tintype.labelling.people import person_named
from tintype.labelling.pictures import PictureFilter, add_pictures, page_of
from tintype.labelling.projects import create_project, find_project
from tintype.schemas.labelling_project import LabellingProjectDocument

STEP, SHARE = 10, 0.95
MISSED = 0.1  # of the wrong pictures on a page, so many are not seen
PAGE = 36


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

    def accuracy(self, labelled: list[int]) -> float:
        """On the test photos, of a head of these labels."""
        decided = [Decided(n, self.truth[n]) for n in labelled if self.features.has(n)]
        features = self.features.gather([one.id for one in decided])
        targets, classes = targets_of(decided, self.project)
        scaling = Standardisation.of(self.features.gather(self.free[:2000]))
        head = fit_quick_head(features, targets, classes, self.project.task, scaling)
        if head is None:
            return 0.0
        tested = [Decided(number, self.truth[number]) for number in self.judged]
        wanted, _ = targets_of(tested, self.project, classes)
        probabilities = head.probabilities(self.features.gather(self.judged))
        return float(right_of(probabilities, wanted, self.project.task).mean())


def teach(names: list[str], seeds: int) -> None:
    """Print labels needed, by order."""
    print(
        "| photos | all labels | accuracy with all | random | uncertainty alone | ours | random / ours |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in names:
        needed: dict[str, list[int]] = {"random": [], "margin": [], "auto": []}
        whole = []
        for seed in range(seeds):
            for kind, counts in needed.items():
                with tempfile.TemporaryDirectory() as folder:
                    simulated = Simulated(name, seed, Path(folder))
                    wanted = SHARE * simulated.accuracy(simulated.free)
                    counts.append(_labels_needed(simulated, kind, wanted))
                    total = len(simulated.free)
                    whole.append(wanted / SHARE)
        middle = {kind: int(np.median(counts)) for kind, counts in needed.items()}
        print(
            f"| {name} | {total} | {np.mean(whole):.3f} | {middle['random']} | {middle['margin']} | "
            f"{middle['auto']} | {middle['random'] / middle['auto']:.1f}x |",
            flush=True,
        )


def _labels_needed(simulated: Simulated, kind: str, wanted: float) -> int:
    """Labels until the accuracy is there, and in the step after it, too."""
    assistant = Assistant(simulated.database, "photos", simulated.features)
    labelled: list[int] = []
    reached = 0
    while len(labelled) < len(simulated.free):
        assistant.refresh()
        # Before there is a head, uncertainty alone says nothing: at random, then.
        order = "random" if kind == "margin" and len(labelled) < STEP else kind
        fresh = [number for number in assistant.order(order) if number not in labelled][:STEP]  # type: ignore[arg-type]
        if not fresh:
            break
        simulated.answer({number: simulated.truth[number] for number in fresh})
        labelled += fresh
        if simulated.accuracy(labelled) < wanted:
            reached = 0
        elif reached:
            return reached
        else:
            reached = len(labelled)
    return reached or len(labelled)


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
    assistant = Assistant(simulated.database, "photos", simulated.features)
    given: dict[int, tuple[int, ...]] = {}
    actions, truth = 0, simulated.truth

    def confirm(pictures: list[int], labels: tuple[int, ...]) -> int:
        """Take out what is seen to be wrong, one action each; label the rest, one action."""
        seen = [n for n in pictures if truth[n] != labels and random.random() >= MISSED]
        rest = {n: labels for n in pictures if n not in seen}
        if rest:
            simulated.answer(rest)
            given.update(rest)
        return len(seen) + 1

    while len(given) < len(simulated.free):
        assistant.refresh()
        free = [number for number in assistant.order("random") if number not in given]
        if not free:
            break
        pages: dict[tuple[int, ...], list[int]] = {}
        for one in assistant.confident(None, 0.9, 5_000):
            pages.setdefault(one.labels, []).append(one.picture)
        worth = {labels: page[:PAGE] for labels, page in pages.items() if len(page) >= 3}
        if worth:
            for labels, page in worth.items():
                actions += confirm(page, labels)
        elif len(given) < 10 and (groups := assistant.groups()):
            for group in groups[:8]:
                members = list(group.pictures)[:PAGE]
                kinds = [truth[number] for number in members]
                actions += confirm(members, max(set(kinds), key=kinds.count))
                assistant.refresh()
        else:
            for number in assistant.order("auto")[:STEP]:
                actions += 1
                given[number] = truth[number]
                simulated.answer({number: truth[number]})
    return actions, sum(labels != truth[number] for number, labels in given.items())


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
