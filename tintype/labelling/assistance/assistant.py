"""The assistant of a project: suggestions, orders, look-alikes, and how far it can be trusted."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tintype.automl.label_issues import find_label_issues
from tintype.automl.standardisation import Standardisation
from tintype.errors import RequestError
from tintype.labelling.assistance.accuracy import RunningAccuracy, right_of, running_accuracy
from tintype.labelling.assistance.features import Features
from tintype.labelling.assistance.known import (
    Decided,
    decided_count,
    decided_pictures,
    free_pictures,
    random_sample,
    targets_of,
)
from tintype.labelling.assistance.orders import (
    Order,
    bald,
    cluster,
    coreset,
    entropy,
    margin,
    typical_of_clusters,
    uncertain_and_diverse,
    unit_rows,
)
from tintype.labelling.assistance.quick_head import (
    QuickHead,
    fit_quick_head,
    fit_resampled_heads,
)
from tintype.labelling.database import Database
from tintype.labelling.projects import Project, find_project

__all__ = ["Assistant", "Group", "LikelyError", "Suggestion"]

# Pictures that are put in order ahead, and one of how many comes from the random sample.
_QUEUE, _ONE_IN = 256, 5

# Heads of which BALD takes the disagreement.
_HEADS = 8

# Before anything is labelled, and as one group to label at a stroke.
_CLUSTERS, _LARGEST_GROUP = 24, 60

# A multi-label picture is suggested every label from here on.
_SUGGESTED = 0.5


@dataclass(frozen=True)
class Suggestion:
    """Labels that the assistant proposes."""

    picture: int
    labels: tuple[int, ...]
    confidence: float
    """Calibrated probability that these labels are right; multi-label, that each of them is, and no
    other."""
    source: str
    """labels (a head on what people labelled) or names (zero-shot)."""


@dataclass(frozen=True)
class Group:
    """Pictures that look alike, the most typical first."""

    pictures: tuple[int, ...]
    tightness: float
    """Mean cosine to the middle."""


@dataclass(frozen=True)
class LikelyError:
    """A labelled picture whose label may be wrong."""

    picture: int
    given: tuple[int, ...]
    proposed: tuple[int, ...]
    confidence: float


@dataclass(frozen=True)
class _Insight:
    """All that was worked out at one moment; replaced whole."""

    news: tuple[int, float, int]
    project: Project
    pool: np.ndarray
    """int64 (n,): ids of free pictures that have features."""
    units: np.ndarray
    """float32 (n, D): their features, of length 1."""
    probabilities: np.ndarray | None
    """float32 (n, classes)."""
    classes: tuple[int, ...]
    source: str
    head: QuickHead | None
    decided: list[Decided]
    known: np.ndarray
    """float32 (m, D): features of those, of length 1."""
    sample: list[int]
    """Free pictures of the random sample, in its order."""
    accuracy: RunningAccuracy | None
    queue: list[int]


class Assistant:
    """Looks at a project whenever it is told to, and answers from what it saw last.

    May be asked from several threads; `refresh` is for one.
    """

    def __init__(self, database: Database, name: str, features: Features) -> None:
        self._database, self._name, self._features = database, name, features
        self._insight: _Insight | None = None
        self._lock = threading.Lock()
        self._orders: tuple[_Insight | None, dict[Order, list[int]]] = (None, {})

    def refresh(self) -> bool:
        """Look at the project again, where there is news: labels, pictures, features.

        Returns:
            Whether there was.
        """
        with self._database.reading() as connection:
            project = find_project(connection, self._name)
            news = (*decided_count(connection, project), self._features.ready())
            if self._insight is not None and self._insight.news == news:
                return False
            decided = decided_pictures(connection, project)
            free = free_pictures(connection, project)
            sample = random_sample(connection, project)
        self._insight = self._looked(project, news, decided, free, sample)
        return True

    def order(self, kind: Order) -> list[int]:
        """Ids of free pictures, those to label first in front; of those that have features."""
        insight = self._insight
        if insight is None or not len(insight.pool):
            return []
        if kind == "auto":
            return insight.queue
        with self._lock:
            # Worked out once for all who ask, until there is news.
            if self._orders[0] is not insight:
                self._orders = (insight, {})
            known = self._orders[1]
            if kind not in known:
                known[kind] = insight.pool[self._places(insight, kind)].tolist()
            return known[kind]

    def suggestions(self, pictures: Sequence[int]) -> dict[int, Suggestion]:
        """What the assistant proposes for pictures, of those that have features."""
        insight = self._insight
        if insight is None:
            return {}
        ready = [number for number in pictures if self._features.has(number)]
        if not ready:
            return {}
        features = self._features.gather(ready)
        probabilities = self._probabilities(insight, features)
        if probabilities is None:
            return {}
        found = (
            _suggestion(insight, number, row)
            for number, row in zip(ready, probabilities, strict=True)
        )
        return {one.picture: one for one in found}

    def confident(self, label: int | None, least: float, limit: int) -> list[Suggestion]:
        """Free pictures whose suggestion is `label` (None: any) with that confidence or more, the
        surest first: to be confirmed at one stroke."""
        insight = self._insight
        if insight is None or insight.probabilities is None:
            return []
        found = [
            one
            for number, row in zip(insight.pool.tolist(), insight.probabilities, strict=True)
            if (one := _suggestion(insight, number, row)).confidence >= least
            and (label is None or one.labels == (label,))
        ]
        found.sort(key=lambda one: -one.confidence)
        return found[:limit]

    def similar(self, picture: int, limit: int) -> list[int]:
        """Free pictures that look most like one, nearest first.

        Raises:
            RequestError: 409, the picture has no features yet.
        """
        insight = self._insight
        if insight is None or not self._features.has(picture):
            raise RequestError("the picture has no features yet; try again shortly", status=409)
        query = unit_rows(self._features.gather([picture]))[0]
        nearness = insight.units @ query
        order = np.argsort(-nearness, kind="stable")
        return [int(number) for number in insight.pool[order] if number != picture][:limit]

    def groups(self) -> list[Group]:
        """Free pictures in clusters to label at one stroke, the tightest first."""
        insight = self._insight
        if insight is None or len(insight.pool) < 2:
            return []
        count = min(_CLUSTERS, max(2, len(insight.pool) // 8))
        centres, labels = cluster(insight.units, count)
        nearness = np.einsum("nd,nd->n", insight.units, centres[labels])
        groups = []
        for number in range(len(centres)):
            members = np.flatnonzero(labels == number)
            members = members[np.argsort(-nearness[members], kind="stable")][:_LARGEST_GROUP]
            if len(members):
                tightness = float(nearness[members].mean())
                groups.append(Group(tuple(insight.pool[members].tolist()), tightness))
        return sorted(groups, key=lambda group: -group.tightness)

    def likely_errors(self, limit: int) -> list[LikelyError]:
        """Labelled pictures whose labels are likely wrong, by cleanlab, the worst first."""
        insight = self._insight
        if insight is None or insight.head is None:
            return []
        head, project = insight.head, insight.project
        decided = [one for one in insight.decided if self._features.has(one.id)]
        targets, _ = targets_of(decided, project, head.classes)
        targets = targets[head.rows]
        names = tuple(map(str, head.classes))
        issues = find_label_issues(project.task, head.out_of_fold, targets, names, most=limit)
        found = []
        for issue in issues:
            one = decided[int(head.rows[issue.row])]
            proposed = _suggestion(insight, one.id, head.out_of_fold[issue.row])
            found.append(LikelyError(one.id, one.labels, proposed.labels, proposed.confidence))
        return found

    def status(self) -> dict[str, Any]:
        """How far it has come: `features` computed, `labelled` that it learnt from, where suggestions
        come from, and the running accuracy."""
        insight = self._insight
        return {
            "features": self._features.ready(),
            "labelled": 0 if insight is None else len(insight.decided),
            "suggestions_from": None
            if insight is None or insight.probabilities is None
            else insight.source,
            "accuracy": None
            if insight is None or insight.accuracy is None
            else insight.accuracy.shown(),
        }

    def _looked(
        self,
        project: Project,
        news: tuple[int, float, int],
        decided: list[Decided],
        free: list[int],
        sample: list[tuple[int, str]],
    ) -> _Insight:
        decided = [one for one in decided if self._features.has(one.id)]
        pool = np.array([number for number in free if self._features.has(number)], np.int64)
        features = self._features.gather(pool.tolist())
        taught = self._features.gather([one.id for one in decided])
        width = max(features.shape[-1], taught.shape[-1]) if len(pool) or len(decided) else 0
        features = features.reshape(len(pool), width)
        taught = taught.reshape(len(decided), width)
        head, accuracy = self._learnt(project, decided, taught, features, sample)
        probabilities, classes, source = None, tuple(label.id for label in project.labels), "names"
        if head is not None:
            classes, source = head.classes, "labels"
            probabilities = head.probabilities(features)
        elif len(pool):
            names = [label.name for label in project.labels]
            probabilities = self._features.zero_shot(names, features)
        insight = _Insight(
            news,
            project,
            pool,
            unit_rows(features) if len(pool) else features,
            probabilities,
            classes,
            source,
            head,
            decided,
            unit_rows(taught) if len(decided) else taught,
            [number for number, state in sample if state == "unlabelled"],
            accuracy,
            [],
        )
        kind: Order = "uncertainty" if head is not None else "auto"
        places = self._places(insight, kind)[:_QUEUE] if len(pool) else pool
        queue = _mixed(pool[places].tolist(), insight.sample)
        return _Insight(**{**insight.__dict__, "queue": queue})

    def _learnt(
        self,
        project: Project,
        decided: list[Decided],
        taught: np.ndarray,
        features: np.ndarray,
        sample: list[tuple[int, str]],
    ) -> tuple[QuickHead | None, RunningAccuracy | None]:
        """The head of all labels; and how heads without the random sample do on that."""
        targets, classes = targets_of(decided, project)
        everything = np.concatenate([features, taught]) if len(taught) else features
        if not len(everything):
            return None, None
        scaling = Standardisation.of(everything[:5_000])
        head = fit_quick_head(taught, targets, classes, project.task, scaling)
        if head is None:
            return None, None
        judged = _answered_in_front(sample)
        inside = np.array([one.id in judged for one in decided])
        outside = np.flatnonzero(~inside)
        if not inside.any():
            return head, None
        rights = []
        for rows in (outside, outside[::2]):
            few = [decided[row] for row in rows]
            few_targets, few_classes = targets_of(few, project)
            fitted = fit_quick_head(taught[rows], few_targets, few_classes, project.task, scaling)
            if fitted is None:
                return head, None
            wanted, _ = targets_of(
                [decided[row] for row in np.flatnonzero(inside)], project, few_classes
            )
            rights.append(right_of(fitted.probabilities(taught[inside]), wanted, project.task))
        return head, running_accuracy(rights[0], rights[1])

    def _probabilities(self, insight: _Insight, features: np.ndarray) -> np.ndarray | None:
        if insight.head is not None:
            return insight.head.probabilities(features)
        names = [label.name for label in insight.project.labels]
        return self._features.zero_shot(names, features)

    def _places(self, insight: _Insight, kind: Order) -> np.ndarray:
        """Places in the pool, in order."""
        everything = np.arange(len(insight.pool))
        task = insight.project.task
        if kind == "random":
            return everything
        if kind == "coreset":
            return coreset(insight.units, insight.known, _QUEUE)
        if insight.probabilities is None or kind == "auto":
            return typical_of_clusters(insight.units, _CLUSTERS)
        if kind == "margin":
            return np.argsort(-margin(insight.probabilities, task), kind="stable")
        if kind == "entropy":
            return np.argsort(-entropy(insight.probabilities, task), kind="stable")
        if kind == "confidence":
            return np.argsort(margin(insight.probabilities, task), kind="stable")
        if kind == "bald" and insight.head is not None:
            return np.argsort(-self._disagreement(insight, insight.head), kind="stable")
        uncertainty = margin(insight.probabilities, task)
        return uncertain_and_diverse(uncertainty, insight.units, insight.known, _QUEUE)

    def _disagreement(self, insight: _Insight, head: QuickHead) -> np.ndarray:
        decided = insight.decided
        targets, _ = targets_of(decided, insight.project, head.classes)
        taught = self._features.gather([one.id for one in decided])
        features = self._features.gather(insight.pool.tolist())
        heads = fit_resampled_heads(taught, targets, head, _HEADS)
        return bald([one.probabilities(features) for one in heads], insight.project.task)


def _suggestion(insight: _Insight, picture: int, probabilities: np.ndarray) -> Suggestion:
    classes = insight.classes
    if insight.project.multilabel:
        chosen = probabilities >= _SUGGESTED
        labels = tuple(sorted(classes[place] for place in np.flatnonzero(chosen)))
        sure = float(np.where(chosen, probabilities, 1 - probabilities).prod())
        return Suggestion(picture, labels, sure, insight.source)
    place = int(probabilities.argmax())
    return Suggestion(picture, (classes[place],), float(probabilities[place]), insight.source)


def _answered_in_front(sample: list[tuple[int, str]]) -> set[int]:
    """Those of a random order that come before the first one without an answer.

    All of them are answered, however they came to be: so they are still drawn at random, which the
    answered ones among all are not.
    """
    judged = set()
    for number, state in sample:
        if state not in ("labelled", "completed", "skipped"):
            break
        judged.add(number)
    return judged


def _mixed(queue: list[int], sample: list[int]) -> list[int]:
    """One of the random sample after every few of the queue."""
    rest = iter(sample)
    mixed: dict[int, None] = {}
    for place, number in enumerate(queue):
        if place % (_ONE_IN - 1) == 0 and (drawn := next(rest, None)) is not None:
            mixed[drawn] = None
        mixed[number] = None
    return list(mixed)
