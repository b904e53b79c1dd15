"""Wrong labels found again: `python benchmarks/labelling.py errors`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from labelling_simulation import Labels, Simulated

from tintype.automl.label_issues import find_label_issues
from tintype.labelling.assistance.feature_space import FeatureSpace
from tintype.labelling.assistance.known import Decided, targets_of
from tintype.labelling.assistance.likely_errors import likely_errors
from tintype.labelling.assistance.quick_head import QuickHead, fit_quick_head

__all__ = ["errors"]

_LABELLED, _WRONG = (100, 400), 0.05
_RULES = ("ours", "cleanlab")


def errors(names: list[str], seeds: int) -> None:
    """Print how many of the wrong labels are listed, and how much of the list is wrong: means."""
    columns = [f"{rule}: {what}" for rule in _RULES for what in ("found", "of the list")]
    print(f"| photos | labelled | wrong | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 3) + "|")
    for name in names:
        found: dict[int, list[list[float]]] = {count: [] for count in _LABELLED}
        for seed in range(seeds):
            with tempfile.TemporaryDirectory() as folder:
                simulated = Simulated(name, seed, Path(folder))
                for count in _LABELLED:
                    found[count].append(_shares(simulated, count, seed))
            print(f"{name}, seed {seed}: done", file=sys.stderr, flush=True)
        for count, rows in found.items():
            shares = " | ".join(f"{value:.0%}" for value in np.mean(rows, axis=0))
            print(f"| {name} | {count} | {round(count * _WRONG)} | {shares} |", flush=True)


def _shares(simulated: Simulated, count: int, seed: int) -> list[float]:
    """Of each rule the share of wrong labels that it lists, and the share of its list that is wrong."""
    random = np.random.default_rng(seed)
    features = simulated.features.gather(simulated.free)
    drawn = random.permutation(len(features))
    rows = FeatureSpace.of(features[drawn]).placed(features)
    pictures = [simulated.free[place] for place in drawn[:count]]
    labels = {number: simulated.truth[number] for number in pictures}
    wrong = set(pictures[: round(count * _WRONG)])
    for number in wrong:
        labels[number] = _another(labels[number], simulated, random)
    decided = [Decided(number, labels[number]) for number in pictures]
    targets, classes = targets_of(decided, simulated.project)
    others = rows[drawn[count : count + 1_000]]
    head = fit_quick_head(rows[drawn[:count]], targets, classes, simulated.task, others)
    assert head is not None
    shares = []
    for listed in (
        [one.picture for one in likely_errors(head, decided, simulated.project, count)],
        _listed_by_cleanlab(head, decided, targets),
    ):
        hits = len(wrong & set(listed))
        shares += [hits / len(wrong), hits / max(len(listed), 1)]
    return shares


def _another(labels: Labels, simulated: Simulated, random: np.random.Generator) -> Labels:
    """Another label; where there may be several, one more or one less."""
    ids = [label.id for label in simulated.project.labels]
    if simulated.multilabel:
        return tuple(sorted(set(labels) ^ {int(random.choice(ids))}))
    return (int(random.choice([one for one in ids if one not in labels])),)


def _listed_by_cleanlab(head: QuickHead, decided: list[Decided], targets: np.ndarray) -> list[int]:
    """By its own rule, on the same probabilities."""
    names = tuple(map(str, head.classes))
    issues = find_label_issues(head.task, head.out_of_fold, targets, names, most=len(decided))
    return [decided[issue.row].id for issue in issues]
