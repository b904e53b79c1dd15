"""The signals of a monitor on one window: what is tested, and at which level together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tintype.monitoring.drift_tests import DriftTest, adjusted
from tintype.monitoring.embedding_drift import classifier_test, mmd_test
from tintype.monitoring.estimated_accuracy import Estimate, estimate_accuracy
from tintype.monitoring.image_statistics import STATISTICS
from tintype.monitoring.label_drift import chi_square_test, stability_index
from tintype.monitoring.labelled_accuracy import LabelledAccuracy, accuracy_drop, labelled_accuracy
from tintype.monitoring.number_drift import confidence_test, number_test
from tintype.monitoring.repeated_pictures import one_of_each
from tintype.monitoring.samples import Sample

__all__ = ["LEAST_TESTED", "Comparison", "Different", "compare", "different_pictures"]

LEAST_TESTED = 20
"""Rows of each side without which nothing is tested."""


@dataclass(frozen=True)
class Different:
    """Both sides with every picture once; rows without a picture are all kept."""

    baseline: Sample
    window: Sample
    repeated: int
    """Rows of the window that were left out: a picture like theirs stands for them."""


@dataclass(frozen=True)
class Comparison:
    """What a window shows beside its baseline."""

    tests: list[DriftTest]
    labels: list[dict[str, Any]] = field(default_factory=list)
    """Of each label its share on both sides, the largest change first: label, baseline, window, psi."""
    psi: float | None = None
    estimates: dict[str, Estimate] = field(default_factory=dict)
    """Accuracy without labels, by method."""
    accuracy: LabelledAccuracy | None = None
    """By labels that came later; None without any."""
    baseline_accuracy: LabelledAccuracy | None = None
    notices: list[str] = field(default_factory=list)
    """What was not tested, and why."""


def different_pictures(baseline: Sample, window: Sample) -> Different:
    """Both sides, near-duplicates of both together once; see `repeated_pictures`."""
    sides = (baseline, window)
    seen = [np.flatnonzero(side.seen) for side in sides]
    greys = [
        side.greys[row].tobytes() for side, rows in zip(sides, seen, strict=True) for row in rows
    ]
    kept = one_of_each(greys)
    first = len(seen[0])
    chosen = (seen[0][kept[kept < first]], seen[1][kept[kept >= first] - first])
    left = []
    for side, rows in zip(sides, chosen, strict=True):
        without = np.flatnonzero([not location for location in side.locations])
        left.append(side.take(np.sort(np.concatenate([rows, without]))))
    return Different(left[0], left[1], len(seen[1]) - len(chosen[1]))


def compare(
    different: Different,
    labelled: np.ndarray,
    signals: Collection[str],
    level: float,
    *,
    seed: int = 0,
) -> Comparison:
    """Run `signals`.

    Args:
        different: both sides with every picture once: what is tested.
        labelled: int64 (k,), of answers whose labels have come since the last window: 1 right, 0 wrong.
        signals: names, as documents of monitors have them.
        level: chance of a false alarm over all tests together.
    """
    base, new = different.baseline, different.window
    tests: list[DriftTest] = []
    notices: list[str] = []
    seen = [side.seen for side in (base, new)]
    if {"embedding_drift", "image_statistics"} & set(signals):
        if min(int(each.sum()) for each in seen) < LEAST_TESTED:
            notices.append(
                f"pictures are not compared: {seen[0].sum()} of the baseline and {seen[1].sum()} of the "
                f"window can be read; {LEAST_TESTED} of each are needed"
            )
        else:
            if "embedding_drift" in signals:
                tests += _embedding_tests(base.embeddings[seen[0]], new.embeddings[seen[1]], seed)
            if "image_statistics" in signals:
                tests += [
                    number_test(
                        "image_statistics",
                        name,
                        base.statistics[seen[0], place],
                        new.statistics[seen[1], place],
                    )
                    for place, name in enumerate(STATISTICS)
                ]
    found = _Answers(different, labelled, signals, seed)
    found.run()
    tests = adjusted([*tests, *found.tests], level)
    return Comparison(
        tests,
        found.labels,
        found.psi,
        found.estimates,
        found.accuracy,
        found.baseline_accuracy,
        [*notices, *found.notices],
    )


def _embedding_tests(baseline: np.ndarray, window: np.ndarray, seed: int) -> list[DriftTest]:
    found = {
        "mmd": mmd_test(baseline, window, seed=seed),
        "auc": classifier_test(baseline, window, seed=seed),
    }
    return [DriftTest("embedding_drift", name, *values) for name, values in found.items()]


class _Answers:
    """The signals of the model's answers."""

    def __init__(
        self, different: Different, labelled: np.ndarray, signals: Collection[str], seed: int
    ) -> None:
        self._base, self._new = different.baseline.answers, different.window.answers
        self._labelled = labelled
        self._signals, self._seed = signals, seed
        self.tests: list[DriftTest] = []
        self.notices: list[str] = []
        self.labels: list[dict[str, Any]] = []
        self.psi: float | None = None
        self.estimates: dict[str, Estimate] = {}
        self.accuracy: LabelledAccuracy | None = None
        self.baseline_accuracy: LabelledAccuracy | None = None

    def run(self) -> None:
        """Fill in what there is."""
        if not {"label_drift", "confidence_drift", "estimated_accuracy", "accuracy"} & set(
            self._signals
        ):
            return
        known = self._base.answered & (self._base.right >= 0)
        if "accuracy" in self._signals:
            self._accuracy(self._base.right[known])
        answered = [side.answered for side in (self._base, self._new)]
        if min(int(each.sum()) for each in answered) < LEAST_TESTED:
            self.notices.append(
                f"answers are not compared: there are {answered[0].sum()} of the baseline and "
                f"{answered[1].sum()} of the window; {LEAST_TESTED} of each are needed"
            )
            return
        confidences = [
            side.confidences[rows]
            for side, rows in zip((self._base, self._new), answered, strict=True)
        ]
        if "label_drift" in self._signals:
            self._label_drift()
        if "confidence_drift" in self._signals:
            self.tests.append(confidence_test(*confidences))
        if "estimated_accuracy" in self._signals:
            if known.sum() < LEAST_TESTED:
                self.notices.append("accuracy is not estimated: the baseline has no labels")
            else:
                self.estimates = estimate_accuracy(
                    self._base.confidences[known],
                    self._base.right[known] == 1,
                    confidences[1],
                    seed=self._seed,
                )

    def _label_drift(self) -> None:
        base, new = self._base.counts(), self._new.counts()
        size = max(len(base), len(new))
        base, new = (np.pad(each, (0, size - len(each))) for each in (base, new))
        statistic, p_value = chi_square_test(base, new, seed=self._seed)
        self.tests.append(DriftTest("label_drift", "chi_square", statistic, p_value))
        self.psi, parts = stability_index(base, new)
        names = max(self._base.classes, self._new.classes, key=len)
        shares = base / base.sum(), new / new.sum()
        self.labels = [
            {
                "label": names[code],
                "baseline": float(shares[0][code]),
                "window": float(shares[1][code]),
                "psi": float(parts[code]),
            }
            for code in np.argsort(-parts, kind="stable")
            if base[code] or new[code]
        ]

    def _accuracy(self, baseline: np.ndarray) -> None:
        if not len(self._labelled):
            return
        self.accuracy = labelled_accuracy(self._labelled)
        if len(baseline) < LEAST_TESTED:
            return
        self.baseline_accuracy = labelled_accuracy(baseline)
        if self.accuracy.labelled >= LEAST_TESTED:
            self.tests.append(accuracy_drop(self.baseline_accuracy, self.accuracy))
