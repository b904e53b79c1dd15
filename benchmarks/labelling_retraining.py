"""Seconds from labels to suggestions: `python benchmarks/labelling.py retrain`."""

from __future__ import annotations

import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from tintype.labelling.actions import Action, record_action
from tintype.labelling.assistance.assistant import Assistant
from tintype.labelling.database import open_database
from tintype.labelling.people import person_named
from tintype.labelling.pictures import PictureFilter, add_pictures, page_of
from tintype.labelling.projects import create_project
from tintype.schemas.labelling_project import LabellingProjectDocument

__all__ = ["retrain"]

_PICTURES, _LABELLED, _TIMES = (10_000, 100_000), (10, 100, 500, 2_000), 3
_CLASSES, _WIDTH = 20, 1280


class _Features:
    """Features in memory, around a middle a class, as wide as EfficientNet-Lite0's."""

    def __init__(self, numbers: Sequence[int]) -> None:
        random = np.random.default_rng(0)
        self._places = {number: place for place, number in enumerate(numbers)}
        middles = random.normal(size=(_CLASSES, _WIDTH)).astype(np.float32)
        self._rows = random.standard_normal((len(numbers), _WIDTH), np.float32)
        self._rows += middles[np.arange(len(numbers)) % _CLASSES] / 2
        np.maximum(self._rows, 0, out=self._rows)

    def ready(self) -> int:
        return len(self._places)

    def has(self, picture: int) -> bool:
        return picture in self._places

    def compute(self, stop: object, tell: Callable[[], None] = lambda: None) -> None:
        tell()

    def replaced(self) -> int:
        return 0

    def gather(self, pictures: Sequence[int]) -> np.ndarray:
        return self._rows[[self._places[number] for number in pictures]]

    def zero_shot(self, names: Sequence[str], features: np.ndarray) -> np.ndarray | None:
        return None


def retrain() -> None:
    """Print what one look of the assistant takes after labels have come, its running accuracy included."""
    torch.set_num_threads(1)
    print(f"{_CLASSES} labels, features of {_WIDTH}, one thread; medians of {_TIMES}")
    print("| pictures | labelled | CPU seconds | seconds |")
    print("|---|---|---|---|")
    with threadpool_limits(1):
        for pictures in _PICTURES:
            with tempfile.TemporaryDirectory() as folder:
                _retrain(pictures, Path(folder))


def _retrain(pictures: int, folder: Path) -> None:
    database = open_database(f"sqlite:///{folder / 'labelling.db'}")
    names = [f"label {number}" for number in range(_CLASSES)]
    document = LabellingProjectDocument.model_validate(
        {"name": "many", "labels": names, "data": str(folder)}
    )
    with database.writing() as connection:
        project = create_project(connection, document)
        urls = [f"https://pictures.test/{number}.jpg" for number in range(pictures)]
        add_pictures(connection, project, [(url, url) for url in urls])
        person = person_named(connection, "simulated")
        page = page_of(connection, project, PictureFilter(), after=0, limit=pictures)
    numbers = [picture.id for picture in page]
    assistant = Assistant(database, "many", _Features(numbers))
    assistant.refresh()

    def answer(chosen: Sequence[int]) -> None:
        labels = {n: (project.labels[numbers.index(n) % _CLASSES].id,) for n in chosen}
        action = Action(uuid.uuid4().hex, "label", list(chosen), labels)
        with database.writing() as connection:
            record_action(connection, project, person, action)

    labelled = 0
    for wanted in _LABELLED:
        times = []
        for again in range(_TIMES):
            count = wanted - labelled - (_TIMES - 1 - again)
            answer(assistant.order("auto")[:count])
            labelled += count
            begun, used = time.perf_counter(), time.process_time()
            assistant.refresh()
            times.append((time.process_time() - used, time.perf_counter() - begun))
        used, taken = (statistics.median(values) for values in zip(*times, strict=True))
        print(f"| {pictures} | {labelled} | {used:.2f} | {taken:.2f} |", flush=True)
