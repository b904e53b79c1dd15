"""Inputs until every picture has its label: `python benchmarks/labelling.py bulk`."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from labelling_simulation import Labels, Simulated, learn_alone

from tintype.labelling.assistance.assistant import Assistant

__all__ = ["bulk"]

_STEP = 10
_ONE_BY_ONE = 6  # pictures a label, before pages are confirmed
_PAGE = 36
_MISSED = 0.1  # of the wrong pictures on a page, so many are not seen
_SURE = 0.5  # pictures of which the assistant is less sure are labelled one by one


@dataclass
class _Inputs:
    """What a labeller has done."""

    one_by_one: int = 0
    """Pictures given their label by a key."""
    pages: int = 0
    """Confirmed at a stroke."""
    corrected: int = 0
    """Pictures on pages that were seen to be wrong, and given their label by a key."""

    @property
    def all(self) -> int:
        return self.one_by_one + self.pages + self.corrected


def bulk(names: list[str], seeds: int, backbone: str) -> None:
    """Print inputs until everything is labelled: medians."""
    print(
        "| photos | pictures | one by one | pages | corrected | share of one key a picture | wrong |"
    )
    print("|---" * 7 + "|")
    for name in names:
        found = []
        for seed in range(seeds):
            with tempfile.TemporaryDirectory() as folder:
                labeller = _Labeller(Simulated(name, seed, Path(folder), backbone), seed)
                labeller.label_everything()
                inputs, total = labeller.inputs, labeller.total
                row = (inputs.one_by_one, inputs.pages, inputs.corrected)
                found.append((total, *row, inputs.all / total, labeller.wrong))
                print(f"{name}, seed {seed}: {found[-1]}", file=sys.stderr, flush=True)
        total, *counts, share, wrong = np.median(found, axis=0)
        cells = " | ".join(f"{count:.0f}" for count in counts)
        print(f"| {name} | {total:.0f} | {cells} | {share:.2f} | {wrong:.2%} |", flush=True)


class _Labeller:
    """Somebody who knows every label, and does not look closely at pages."""

    def __init__(self, simulated: Simulated, seed: int) -> None:
        self.inputs, self.total = _Inputs(), len(simulated.free)
        self._simulated, self._random = simulated, np.random.default_rng(seed)
        self._assistant = Assistant(simulated.database, "photos", simulated.features, learn_alone)
        self._given: dict[int, Labels] = {}

    @property
    def wrong(self) -> float:
        """Share of the labels given so far that are wrong."""
        truth = self._simulated.truth
        return float(np.mean([labels != truth[n] for n, labels in self._given.items()]))

    def label_everything(self) -> None:
        """The queue first; then the surest page of each label, again and again."""
        first = _ONE_BY_ONE * len(self._simulated.project.labels)
        while len(self._given) < self.total:
            self._assistant.refresh()
            pages = self._pages() if len(self._given) >= first else []
            for labels, pictures in pages:
                self._confirm(pictures, labels)
            if not pages:
                self._label_one_by_one(self._assistant.order("auto")[:_STEP])

    def _pages(self) -> list[tuple[Labels, list[int]]]:
        pages: dict[Labels, list[int]] = {}
        for one in self._assistant.confident(None, _SURE, self.total):
            pages.setdefault(one.labels, []).append(one.picture)
        return [(labels, page[:_PAGE]) for labels, page in pages.items()]

    def _confirm(self, pictures: list[int], labels: Labels) -> None:
        truth = self._simulated.truth
        wrong = [n for n in pictures if truth[n] != labels and self._random.random() >= _MISSED]
        self._answer({n: truth[n] if n in wrong else labels for n in pictures})
        self.inputs.pages += 1
        self.inputs.corrected += len(wrong)

    def _label_one_by_one(self, pictures: list[int]) -> None:
        self._answer({number: self._simulated.truth[number] for number in pictures})
        self.inputs.one_by_one += len(pictures)

    def _answer(self, labels: dict[int, Labels]) -> None:
        self._simulated.answer(labels)
        self._given |= labels
