"""Do 95 % intervals hold the truth in 95 % of cases? On real photos, by repeated splits.

    ./run bench intervals [--sets clothing sign-digits playing-cards digits] [--splits 200] [--tested 150]

A logistic regression on tintype/efficientnet-lite0's features of a quarter of the photos (of groups) is asked
about all others. Its metrics there are the truth. Tests are drawn from these others, with replacement, photo by
photo or, where photos have groups, group by group until there are --tested; of each test the intervals are
computed as `tintype evaluate` does, and counted that hold the truth. A tenth of the splits draw another
quarter. Asked: 90 to 99 %. Prints Markdown for RESULTS.md.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from machine import machine, quiet
from photo_sets import NAMES, photo_set

import tintype
from tintype.evaluation.metrics import compute_metrics
from tintype.evaluation.report import evaluate_predictions
from tintype.schemas.task import MULTICLASS, MULTILABEL, ClassificationTask

BACKBONE = "tintype/efficientnet-lite0"
METRICS: dict[ClassificationTask, tuple[str, ...]] = {
    MULTICLASS: ("accuracy", "balanced_accuracy", "f1_score_macro", "AUC_macro", "log_loss"),
    MULTILABEL: ("accuracy", "iou", "f1_score_macro", "AUC_macro", "log_loss"),
}


@dataclass(frozen=True)
class Photos:
    """All photos of a set."""

    features: np.ndarray
    """float32 (n, D)."""
    targets: np.ndarray
    """Codes (n,), or (n, classes) of 0 and 1."""
    groups: np.ndarray
    """int64 (n,)."""
    classes: list[str]

    @property
    def task(self) -> ClassificationTask:
        """Of several labels where targets are rows."""
        return MULTILABEL if self.targets.ndim == 2 else MULTICLASS


def main() -> None:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument("--tested", type=int, default=150)
    options = parser.parse_args()
    quiet()
    print(f"Machine: {machine()}; {options.splits} tests of {options.tested} photos or some more\n")
    print("| photos | the others | metric, its truth | held by | mean width |")
    print("|---" * 5 + "|", flush=True)
    for name in options.sets:
        with tempfile.TemporaryDirectory(prefix="tintype-intervals-") as folder:
            photos = _read(name, Path(folder))
            if photos is None:
                print(f"| {name} | not at hand | | | |")
                continue
            for row in _rows(name, photos, options.splits, options.tested):
                print(row, flush=True)


def _read(name: str, folder: Path) -> Photos | None:
    found = photo_set(name, 0, folder)
    if found is None:
        return None
    rows: list[dict[str, str]] = []
    for path in (found.train, found.test):
        with path.open(newline="") as file:
            rows.extend(csv.DictReader(file))
    scorer = tintype.Scorer.load(BACKBONE, task="embeddings")
    features = np.stack([one.features for one in scorer.predict([row["image"] for row in rows])])
    labels = [row[found.label].split() if found.multilabel else [row[found.label]] for row in rows]
    classes = sorted({label for one in labels for label in one})
    present = np.array([[name in one for name in classes] for one in labels])
    targets = present.astype(np.int64) if found.multilabel else present.argmax(1)
    _, groups = np.unique([row["group"] for row in rows], return_inverse=True)
    return Photos(features, targets, groups, classes)


def _rows(name: str, photos: Photos, splits: int, tested: int) -> list[str]:
    names = METRICS[photos.task]
    held = dict.fromkeys(names, 0)
    widths: dict[str, list[float]] = {metric: [] for metric in names}
    truths: dict[str, list[float]] = {metric: [] for metric in names}
    random = np.random.default_rng(0)
    grouped = len(np.unique(photos.groups)) < len(photos.groups)
    others = probabilities = np.empty(0)
    truth: dict[str, float] = {}
    for split in range(splits):
        if split % max(1, splits // 10) == 0:
            others, probabilities = _asked(photos, random)
            truth = compute_metrics(
                photos.task, probabilities, photos.targets[others], metrics=list(names)
            )
        rows, units = _drawn(photos.groups[others], tested, random)
        found = evaluate_predictions(
            photos.task,
            probabilities[rows],
            photos.targets[others][rows],
            photos.classes,
            metrics=list(names),
            groups=units if grouped else None,
        )
        for metric in names:
            low, high = found.intervals[metric]
            held[metric] += low <= truth[metric] <= high
            widths[metric].append(high - low)
            truths[metric].append(truth[metric])
    return [
        f"| {name} | {len(others)} | {metric} {np.mean(truths[metric]):.3f} | "
        f"{held[metric] / splits:.1%} | {np.mean(widths[metric]):.3f} |"
        for metric in names
    ]


def _asked(photos: Photos, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows that nothing was learnt from, and what a model of the other ones says of them."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    from tintype.automl.standardisation import Standardisation

    groups = np.unique(photos.groups)
    learnt = np.isin(photos.groups, random.permutation(groups)[: len(groups) // 4])
    regression = LogisticRegression(C=0.01, max_iter=300)
    head = OneVsRestClassifier(regression) if photos.task == MULTILABEL else regression
    # As heads of Tintype are: scikit-learn's scaler blows features up that hardly vary in so few photos,
    # and one photo then has a loss of fifty others.
    scaling = Standardisation.of(photos.features[learnt])
    head.fit(scaling.scaled(photos.features[learnt]), photos.targets[learnt])
    others = np.flatnonzero(~learnt)
    probabilities = head.predict_proba(scaling.scaled(photos.features[others]))
    if photos.task == MULTICLASS and probabilities.shape[1] < len(photos.classes):
        whole = np.zeros((len(others), len(photos.classes)))
        whole[:, head.classes_] = probabilities
        probabilities = whole
    return others, probabilities


def _drawn(
    groups: np.ndarray, tested: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Places of at least `tested` rows, drawn with replacement by group, and the draw of each."""
    chosen = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    rows: list[np.ndarray] = []
    while sum(map(len, rows)) < tested:
        rows.append(chosen[random.integers(len(chosen))])
    units = np.repeat(np.arange(len(rows)), [len(part) for part in rows])
    return np.concatenate(rows), units


if __name__ == "__main__":
    main()
