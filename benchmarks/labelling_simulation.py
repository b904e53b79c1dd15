"""A labelling project of photos whose labels are known, and a labeller who knows them."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
from photo_sets import photo_set

from tintype.data import read_image_table
from tintype.labelling.actions import Action, record_action
from tintype.labelling.assistance.assistant import Assistant
from tintype.labelling.assistance.features import PictureFeatures
from tintype.labelling.assistance.learning import Learnt, Lesson, learn
from tintype.labelling.database import open_database
from tintype.labelling.people import person_named
from tintype.labelling.pictures import PictureFilter, add_pictures, page_of
from tintype.labelling.projects import create_project, find_project
from tintype.schemas.labelling_project import DEFAULT_MODEL, LabellingProjectDocument

__all__ = ["Labels", "Simulated", "learn_alone", "right_share", "score_of"]

Labels = tuple[int, ...]


class Simulated:
    """The project, its features, what is true, and which photos are for judging alone."""

    def __init__(self, name: str, seed: int, folder: Path, backbone: str = DEFAULT_MODEL) -> None:
        photos = photo_set(name, seed, folder)
        if photos is None:
            raise SystemExit(f"the photos of {name} are not at hand")
        train, test = read_image_table(photos.train), read_image_table(photos.test)
        self.task, self.multilabel = train.task, photos.multilabel
        self.database = open_database(f"sqlite:///{folder / f'{uuid.uuid4().hex}.db'}")
        document = {
            "name": "photos",
            "task": train.task,
            "labels": [{"name": label} for label in train.classes],
            "data": str(folder),
            "model": backbone,
        }
        with self.database.writing() as connection:
            checked = LabellingProjectDocument.model_validate(document)
            project = create_project(connection, checked)
            for table in (train, test):
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
        for table in (train, test):
            for row, place in enumerate(table.locations()):
                label = table.label(row)
                names = label if isinstance(label, list) else [label]
                known[place] = tuple(sorted(ids[name] for name in names))
        self.truth: dict[int, Labels] = {p.id: known[p.location] for p in pictures}
        tested = set(test.locations())
        self.judged = [p.id for p in pictures if p.location in tested and self.features.has(p.id)]
        # Nobody is asked about those.
        self._act("skip", self.judged)
        self.free = [p.id for p in pictures if p.location not in tested and self.features.has(p.id)]

    def answer(self, labels: dict[int, Labels]) -> None:
        """Label pictures in one action."""
        self._act("label", list(labels), labels)

    def forget(self, pictures: list[int]) -> None:
        """Take their labels away."""
        if pictures:
            self._act("clear", pictures)

    def suggested(self, assistant: Assistant) -> tuple[list[Labels], np.ndarray]:
        """For the judged photos; nothing with confidence 0 where there is no suggestion."""
        found = assistant.suggestions(self.judged)
        labels = [found[n].labels if n in found else () for n in self.judged]
        return labels, np.array([found[n].confidence if n in found else 0.0 for n in self.judged])

    def score(self, labels: list[Labels]) -> float:
        """Of proposals for the judged photos; see `score_of`."""
        return score_of(labels, [self.truth[number] for number in self.judged])

    def _act(self, kind: str, pictures: list[int], labels: dict[int, Labels] | None = None) -> None:
        action = Action(uuid.uuid4().hex, kind, pictures, labels or ())  # type: ignore[arg-type]
        with self.database.writing() as connection:
            record_action(connection, self.project, self.person, action)


def score_of(labels: list[Labels], truth: list[Labels]) -> float:
    """Mean share of labels in common of those proposed or true (intersection over union); accuracy, where
    there is one label each."""
    pairs = [(set(one), set(other)) for one, other in zip(labels, truth, strict=True)]
    return float(np.mean([len(a & b) / len(a | b) if a | b else 1.0 for a, b in pairs]))


def right_share(labels: list[Labels], truth: list[Labels]) -> float:
    """Share of pictures whose labels are all right."""
    return float(np.mean([one == other for one, other in zip(labels, truth, strict=True)]))


def learn_alone(lesson: Lesson) -> Learnt | None:
    """`learn` without what the running accuracy is judged by: nobody looks at it here."""
    return learn(replace(lesson, judged=np.zeros(len(lesson.judged), bool)))
