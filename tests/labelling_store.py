"""Labelling projects for tests: pictures that nobody reads, and people who answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import select

from tintype.labelling.actions import Action, Recorded
from tintype.labelling.database import Database
from tintype.labelling.doing import do_action, redo, undo
from tintype.labelling.handing_out import hand_out
from tintype.labelling.people import person_named
from tintype.labelling.pictures import PictureFilter, add_pictures, count_by_state, page_of
from tintype.labelling.projects import Project, create_project, find_project
from tintype.labelling.tables import PictureRow
from tintype.schemas.labelling_project import LabellingProjectDocument

__all__ = ["KnownFeatures", "Store"]

_NUMBERS = itertools.count()


class Store:
    """One project and short ways to do things in it."""

    def __init__(self, database: Database, count: int = 12, **document: Any) -> None:
        self.database = database
        given = {"name": "fruit", "labels": ["Apple", "Pear", "Plum"], "data": "/nowhere"}
        self.name = str({**given, **document}["name"])
        with database.writing() as connection:
            made = create_project(
                connection, LabellingProjectDocument.model_validate({**given, **document})
            )
            # By URL: nothing has to lie on the disk.
            urls = [f"https://pictures.test/{self.name}/{number}.jpg" for number in range(count)]
            add_pictures(connection, made, [(url, url.rsplit("/", 1)[1]) for url in urls])

    @property
    def project(self) -> Project:
        with self.database.reading() as connection:
            return find_project(connection, self.name)

    def label(self, name: str) -> int:
        return next(label.id for label in self.project.labels if label.name == name)

    @property
    def ids(self) -> list[int]:
        with self.database.reading() as connection:
            chosen = select(PictureRow.id).where(PictureRow.project_id == self.project.id)
            return sorted(connection.execute(chosen).scalars())

    def person(self, name: str) -> int:
        with self.database.writing() as connection:
            return person_named(connection, name)

    def act(self, person: str, kind: str, *pictures: int, **given: Any) -> Recorded:
        """An action by places of pictures (0 is the first) and names of labels."""
        labels = [self.label(name) for name in given.pop("labels", ())]
        given.setdefault("client_id", f"client-{next(_NUMBERS)}")
        chosen = [self.ids[place] for place in pictures]
        who, project = self.person(person), self.project
        action = Action(kind=kind, pictures=chosen, labels=labels, **given)  # type: ignore[arg-type]
        return do_action(self.database, project, who, action)

    def undo(self, person: str) -> Recorded:
        who, project = self.person(person), self.project
        return undo(self.database, project, who, f"client-{next(_NUMBERS)}")

    def redo(self, person: str) -> Recorded:
        who, project = self.person(person), self.project
        return redo(self.database, project, who, f"client-{next(_NUMBERS)}")

    def next(self, person: str, count: int, order: tuple[int, ...] = ()) -> list[int]:
        """Places of the pictures that a person is handed."""
        ids, who, project = self.ids, self.person(person), self.project
        with self.database.writing() as connection:
            wanted = [ids[place] for place in order]
            found = hand_out(connection, project, who, count, wanted)
        return [ids.index(number) for number in found]

    @property
    def states(self) -> dict[str, int]:
        """Counts above 0."""
        with self.database.reading() as connection:
            counts = count_by_state(connection, self.project)
        return {state: count for state, count in counts.items() if count}

    def picture(self, place: int) -> dict[str, Any]:
        names = {label.id: label.name for label in self.project.labels}
        with self.database.reading() as connection:
            page = page_of(connection, self.project, PictureFilter(), after=0, limit=place + 1)
        return page[place].shown(names)


class KnownFeatures:
    """Features around one middle a class; of a picture the class is its id modulo 3."""

    def __init__(self, spread: float = 0.7, reads_names: bool = False) -> None:
        self.middles = np.random.default_rng(0).normal(size=(3, 16)).astype(np.float32) * 2
        self.spread, self.reads_names = spread, reads_names
        self.there = True

    def ready(self) -> int:
        return int(self.there)

    def has(self, picture: int) -> bool:
        return self.there

    def compute(self, stop: object, tell: Callable[[], None] = lambda: None) -> None:
        tell()

    def replaced(self) -> int:
        return 0

    def gather(self, pictures: Sequence[int]) -> np.ndarray:
        rows = [
            self.middles[number % 3]
            + self.spread * np.random.default_rng(number).normal(size=16).astype(np.float32)
            for number in pictures
        ]
        return np.array(rows, np.float32).reshape(len(rows), 16)

    def zero_shot(self, names: Sequence[str], features: np.ndarray) -> np.ndarray | None:
        if not self.reads_names:
            return None
        distance = ((features[:, None] - self.middles) ** 2).sum(2)
        return np.eye(3, dtype=np.float32)[distance.argmin(1)]
