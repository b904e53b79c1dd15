"""What labelling costs a person and a server: `python benchmarks/labelling.py teach|bulk|errors|retrain|server|pages|first`.

teach    labels until suggestions are 95 % as good as those of a head of all labels: by the assistant; at
         random and by plain uncertainty (the margin alone, as Label Studio orders tasks by a model's score)
         with a plain head of labelled pictures alone; and at random with the assistant's head
bulk     inputs until everything is labelled: some pictures one by one, then pages of what is suggested alike,
         each confirmed at a stroke, and wrong ones given their label by a key each, of which a tenth is
         overlooked; the peer is one key a picture
errors   of labels that are wrong, how many are listed as likely errors, and how much of the list is
retrain  seconds from labels to suggestions, on one core
server   labellers who act twice a second on many pictures, while the server is killed
pages    opening, filtering and the next page of a project of many pictures
first    from a folder of pictures to the first one that is labelled
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from labelling_bulk import bulk
from labelling_errors import errors
from labelling_retraining import retrain
from labelling_server import first_label, pages, server
from labelling_simulation import Labels, Simulated, learn_alone, right_share
from machine import machine
from photo_sets import NAMES
from plain_head import PlainHead

from tintype.automl.standardisation import Standardisation
from tintype.labelling.assistance.assistant import Assistant
from tintype.labelling.assistance.known import Decided, targets_of
from tintype.labelling.assistance.orders import margin
from tintype.schemas.labelling_project import DEFAULT_MODEL

STEP, SHARE = 10, 0.95
GAPS_AT = (30, 100)  # labels after which confidence is held against accuracy

WHATS = ("teach", "bulk", "errors", "retrain", "server", "pages", "first")
WAYS = ("ours", "random", "uncertainty alone", "random, our head")


def teach(names: list[str], seeds: int, ways: list[str], backbone: str) -> None:
    """Print labels needed, by way, and how far the assistant's confidences are off after some labels."""
    print(
        f"| photos | all labels | score with all | {' | '.join(ways)} | "
        f"confidence less accuracy, {' and '.join(map(str, GAPS_AT))} labels |"
    )
    print("|---" * (len(ways) + 4) + "|")
    for name in names:
        needed: dict[str, list[int]] = {way: [] for way in ways}
        totals, wholes, gaps = [], [], []
        for seed in range(seeds):
            with tempfile.TemporaryDirectory() as folder:
                simulated = Simulated(name, seed, Path(folder), backbone)
                whole = _score_with_all(simulated)
                totals.append(len(simulated.free))
                wholes.append(whole)
                for way in ways:
                    count, found = _labels_needed(simulated, way, seed, SHARE * whole)
                    needed[way].append(count)
                    print(f"{name}, seed {seed}, {way}: {count}", file=sys.stderr, flush=True)
                    if way == "ours":
                        gaps.append(found)
        cells = [f"{np.median(c):.0f} ({min(c)}-{max(c)})" for c in needed.values()]
        off = ", ".join(f"{value:+.2f}" for value in np.mean(gaps, axis=0)) if gaps else "-"
        print(
            f"| {name} | {np.median(totals):.0f} | {np.mean(wholes):.3f} | {' | '.join(cells)} | {off} |",
            flush=True,
        )


def _score_with_all(simulated: Simulated) -> float:
    """On the test photos, of the better of the plain head and the assistant's, of every label."""
    assistant = Assistant(simulated.database, "photos", simulated.features, learn_alone)
    simulated.answer({number: simulated.truth[number] for number in simulated.free})
    assistant.refresh()
    ours = simulated.score(simulated.suggested(assistant)[0])
    simulated.forget(simulated.free)
    return max(ours, simulated.score(_Plain(simulated).proposed(simulated.free)))


def _labels_needed(
    simulated: Simulated, way: str, seed: int, wanted: float
) -> tuple[int, list[float]]:
    """Labels until suggestions are that good, and in the step after it, too; and confidence less
    accuracy after some labels."""
    ours = way in ("ours", "random, our head")
    steps = _by_assistant(simulated, way, seed) if ours else _by_plain_head(simulated, way, seed)
    truth = [simulated.truth[number] for number in simulated.judged]
    first = reached = None
    count, gaps = 0, dict.fromkeys(GAPS_AT, np.nan)
    for count, labels, confidences in steps:
        if count in gaps:
            gaps[count] = float(confidences.mean()) - right_share(labels, truth)
        good = simulated.score(labels) >= wanted
        if reached is None:
            reached = first if good else None
            first = count if good else None
        if reached is not None and (way != "ours" or count >= max(GAPS_AT)):
            break
    steps.close()
    return reached or count, list(gaps.values())


Steps = Iterator[tuple[int, list[Labels], np.ndarray]]
"""Labels given so far, what is then proposed for the test photos, and how surely."""


def _by_assistant(simulated: Simulated, way: str, seed: int) -> Steps:
    assistant = Assistant(simulated.database, "photos", simulated.features, learn_alone)
    drawn = _drawn(simulated, seed)
    labelled: list[int] = []
    try:
        while True:
            assistant.refresh()
            if labelled:
                yield len(labelled), *simulated.suggested(assistant)
            known = set(labelled)
            order = assistant.order("auto") if way == "ours" else drawn
            fresh = [number for number in order if number not in known][:STEP]
            if not fresh:
                return
            simulated.answer({number: simulated.truth[number] for number in fresh})
            labelled += fresh
    finally:
        simulated.forget(labelled)


def _by_plain_head(simulated: Simulated, way: str, seed: int) -> Steps:
    plain = _Plain(simulated)
    free = _drawn(simulated, seed)
    labelled: list[int] = []
    while free:
        # Before there is a head, uncertainty alone says nothing: at random, then.
        if way == "uncertainty alone" and labelled:
            doubt = margin(plain.probabilities(labelled, free), simulated.task)
            free = [free[place] for place in np.argsort(-doubt, kind="stable")]
        labelled, free = labelled + free[:STEP], free[STEP:]
        labels = plain.proposed(labelled)
        yield len(labelled), labels, np.full(len(labels), np.nan)


def _drawn(simulated: Simulated, seed: int) -> list[int]:
    order = np.random.default_rng(seed).permutation(len(simulated.free))
    return [simulated.free[place] for place in order]


class _Plain:
    """The usual practice on a project's features."""

    def __init__(self, simulated: Simulated) -> None:
        self._simulated = simulated
        self._rows = simulated.features.gather([*simulated.free, *simulated.judged])
        self._places = {n: place for place, n in enumerate([*simulated.free, *simulated.judged])}
        scaling = Standardisation.of(self._rows[: len(simulated.free)])
        self._labels = tuple(label.id for label in simulated.project.labels)
        self._head = PlainHead(len(self._labels), simulated.project.task, scaling)

    def probabilities(self, labelled: list[int], asked: list[int]) -> np.ndarray:
        """float32 (asked, labels of the project), by a head of those that are labelled."""
        project, truth = self._simulated.project, self._simulated.truth
        decided = [Decided(number, truth[number]) for number in labelled]
        targets, _ = targets_of(decided, project, self._labels)
        places = [[self._places[number] for number in chosen] for chosen in (labelled, asked)]
        rows, tested = (self._rows[chosen] for chosen in places)
        return self._head.probabilities(rows, targets, tested)

    def proposed(self, labelled: list[int]) -> list[Labels]:
        """For the judged photos."""
        found = self.probabilities(labelled, self._simulated.judged)
        if not self._simulated.multilabel:
            return [(self._labels[place],) for place in found.argmax(1)]
        chosen = [np.flatnonzero(row >= 0.5) for row in found]
        return [tuple(sorted(self._labels[place] for place in places)) for places in chosen]


def main() -> None:
    """Run one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=list(WHATS))
    parser.add_argument("--sets", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--backbone", default=DEFAULT_MODEL, help="of teach and bulk")
    parser.add_argument("--labellers", type=int, default=50)
    parser.add_argument("--pictures", type=int, help="left out: 100,000, 500,000, and 10,000")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kills", type=int, default=3)
    given = parser.parse_args()
    print(machine(), flush=True)
    if given.what == "teach":
        teach(given.sets, given.seeds, given.ways, given.backbone)
    elif given.what == "bulk":
        bulk(given.sets, given.seeds, given.backbone)
    elif given.what == "errors":
        errors(given.sets, given.seeds)
    elif given.what == "retrain":
        retrain()
    elif given.what == "server":
        server(given.labellers, given.pictures or 100_000, given.seconds, given.kills)
    elif given.what == "pages":
        pages(given.pictures or 500_000)
    else:
        first_label(given.pictures or 10_000)


if __name__ == "__main__":
    main()
