"""The assistant of a project: suggestions, orders, look-alikes, and how far it can be trusted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from tintype.errors import RequestError
from tintype.labelling.assistance.features import Features
from tintype.labelling.assistance.gathered import GatheredFeatures
from tintype.labelling.assistance.insight import Insight, lesson_of
from tintype.labelling.assistance.known import KnownPictures, targets_of
from tintype.labelling.assistance.learning import Learn, learn
from tintype.labelling.assistance.likely_errors import likely_errors
from tintype.labelling.assistance.orders import (
    Order,
    bald,
    cluster,
    coreset,
    entropy,
    margin,
    typical_of_clusters,
    uncertain_and_diverse,
)
from tintype.labelling.assistance.proposed import Group, LikelyError, ProposedLabels, Suggestion
from tintype.labelling.assistance.quick_head import QuickHead, fit_resampled_heads
from tintype.labelling.database import Database
from tintype.labelling.projects import Project, find_project

__all__ = ["Assistant"]

T = TypeVar("T")

# Pictures that are chosen far apart from each other, pictures that are put in order ahead (many people
# have many before them), and one of how many comes from the random sample.
_DIVERSE, _QUEUE, _ONE_IN = 256, 2_048, 5

# Heads of which BALD takes the disagreement.
_HEADS = 8

# Before anything is labelled, and as one group to label at a stroke.
_CLUSTERS, _LARGEST_GROUP = 24, 60

# What a head makes of fewer labels than one a kind says too little of what would teach it most.
_LEAST_TYPICAL, _MOST_TYPICAL = 10, 60

# Clusters are looked for again when there are so many times as many pictures.
_GROWN = 1.25


class Assistant:
    """Looks at a project whenever it is told to, and answers from what it saw last.

    May be asked from several threads; `refresh` is for one.
    """

    def __init__(
        self, database: Database, name: str, features: Features, learn: Learn = learn
    ) -> None:
        self._database, self._name, self._features = database, name, features
        self._learn = learn
        self._known, self._gathered = KnownPictures(), GatheredFeatures(features)
        self._insight: Insight | None = None
        self._ready = 0
        self._typical: list[int] = []
        self._lock = threading.Lock()
        self._kept: tuple[Insight | None, dict[str, Any]] = (None, {})

    @property
    def times_read(self) -> int:
        """Counts up when pictures have come, or their files were looked after."""
        return self._known.times_read

    def refresh(self) -> bool:
        """Look at the project again, where there is news: labels, pictures, features.

        Returns:
            Whether there was.
        """
        with self._database.reading() as connection:
            project = find_project(connection, self._name)
            news = self._known.follow(connection, project)
        ready = self._features.ready()
        before = self._insight
        if before is not None and not news and (before.project, self._ready) == (project, ready):
            return False
        self._insight, self._ready = self._looked(project), ready
        return True

    def order(self, kind: Order) -> list[int]:
        """Ids of free pictures, those to label first in front; of those that have features."""
        insight = self._insight
        if insight is None or not len(insight.pool):
            return []
        if kind == "auto":
            return insight.queue

        def worked_out() -> list[int]:
            ordered: list[int] = insight.pool[self._places(insight, kind)].tolist()
            return ordered

        return self._once(insight, kind, worked_out)

    def proposed(self) -> ProposedLabels | None:
        """The suggestions for the free pictures that it looked at."""
        return None if self._insight is None else self._insight.proposed

    def suggestions(self, pictures: Sequence[int]) -> dict[int, Suggestion]:
        """What the assistant proposes for pictures, of those that have features."""
        insight = self._insight
        if insight is None:
            return {}
        found = {} if insight.proposed is None else insight.proposed.of_pictures(pictures)
        others = [n for n in pictures if n not in found and self._features.has(n)]
        proposed = self._proposed(insight, others) if others else None
        return found if proposed is None else found | proposed.of_pictures(others)

    def confident(self, label: int | None, least: float, limit: int) -> list[Suggestion]:
        """Free pictures whose suggestion is `label` (None: any) with that confidence or more, the
        surest first: to be confirmed at one stroke."""
        insight = self._insight
        if insight is None or insight.proposed is None:
            return []
        return insight.proposed.surest(label, least, limit)

    def similar(self, picture: int, limit: int) -> list[int]:
        """Free pictures that look most like one, nearest first.

        Raises:
            RequestError: 409, the picture has no features yet.
        """
        insight = self._insight
        if insight is None or not self._features.has(picture):
            raise RequestError("the picture has no features yet; try again shortly", status=409)
        query = insight.space.placed(self._features.gather([picture]))[0]
        nearness = (insight.rows @ query)[insight.places]
        order = np.argsort(-nearness, kind="stable")[: limit + 1]
        return [int(number) for number in insight.pool[order] if number != picture][:limit]

    def groups(self) -> list[Group]:
        """Free pictures in clusters to label at one stroke, the tightest first."""
        insight = self._insight
        if insight is None or len(insight.pool) < 2:
            return []
        return self._once(insight, "groups", lambda: _groups(insight))

    def likely_errors(self, limit: int) -> list[LikelyError]:
        """Labelled pictures whose labels are likely wrong, the worst first."""
        insight = self._insight
        if insight is None or insight.head is None:
            return []
        return likely_errors(insight.head, insight.decided, insight.project, limit)

    def status(self) -> dict[str, Any]:
        """How far it has come: `features` computed, `labelled` that it learnt from, where suggestions
        come from, and the running accuracy."""
        insight = self._insight
        return {
            "features": self._features.ready(),
            "labelled": 0 if insight is None else len(insight.decided),
            "suggestions_from": None
            if insight is None or insight.proposed is None
            else insight.proposed.source,
            "accuracy": None
            if insight is None or insight.accuracy is None
            else insight.accuracy.shown(),
        }

    def _once(self, insight: Insight, what: str, work: Callable[[], T]) -> T:
        """`work`, done once for all who ask until there is news."""
        with self._lock:
            if self._kept[0] is not insight:
                self._kept = (insight, {})
            kept = self._kept[1]
            if what not in kept:
                kept[what] = work()
            found: T = kept[what]
            return found

    def _looked(self, project: Project) -> Insight:
        has, gathered = self._features.has, self._gathered
        decided, free = self._known.decided(has), self._known.free(has)
        gathered.hold([*free, *(one.id for one in decided)])
        sample = self._known.random_sample()
        lesson, decided = lesson_of(project, decided, gathered, free, sample)
        learnt = None if lesson is None else self._learn(lesson)
        head = None if learnt is None else learnt.head
        pool, places = np.array(free, np.int64), gathered.places(free)
        probabilities, classes, source = None, tuple(label.id for label in project.labels), "names"
        if head is not None:
            classes, source = head.classes, "labels"
            probabilities = head.probabilities(gathered.placed[places])
        elif free:
            names = [label.name for label in project.labels]
            probabilities = self._features.zero_shot(names, gathered.rows[places])
        proposed = None
        if probabilities is not None:
            multilabel = project.multilabel
            proposed = ProposedLabels.of(
                pool, probabilities, classes, source, multilabel=multilabel
            )
        insight = Insight(
            project,
            pool,
            gathered.space,
            gathered.placed,
            places,
            probabilities,
            proposed,
            head,
            decided,
            gathered.places([one.id for one in decided]),
            None if learnt is None else learnt.accuracy,
            [],
        )
        drawn = [number for number, state in sample if state == "unlabelled"]
        return replace(insight, queue=_mixed(self._taught_most_by(insight), drawn)[:_QUEUE])

    def _taught_most_by(self, insight: Insight) -> list[int]:
        """Free pictures, those whose labels teach most in front: typical ones of all kinds, until there are
        as many as labels; then those that the head is least sure about."""
        wanted = min(max(_LEAST_TYPICAL, len(insight.project.labels)), _MOST_TYPICAL)
        if insight.head is not None and len(insight.decided) >= wanted:
            order = self._places(insight, "uncertainty")[:_QUEUE]
            return list(insight.pool[order].tolist())
        if len(insight.pool) > _GROWN * len(self._typical):
            count = max(_CLUSTERS, wanted)
            order = typical_of_clusters(insight.rows[insight.places], count)
            self._typical = insight.pool[order].tolist()
        free = set(insight.pool.tolist())
        return [number for number in self._typical if number in free]

    def _proposed(self, insight: Insight, pictures: Sequence[int]) -> ProposedLabels | None:
        """For pictures that have features, whether or not they are free."""
        if insight.proposed is None:
            return None
        features = self._features.gather(pictures)
        if insight.head is not None:
            rows = insight.space.placed(features)
            probabilities: np.ndarray | None = insight.head.probabilities(rows)
        else:
            names = [label.name for label in insight.project.labels]
            probabilities = self._features.zero_shot(names, features)
        if probabilities is None:
            return None
        classes, source = insight.proposed.classes, insight.proposed.source
        multilabel = insight.project.multilabel
        return ProposedLabels.of(pictures, probabilities, classes, source, multilabel=multilabel)

    def _places(self, insight: Insight, kind: Order) -> np.ndarray:
        """Places in the pool, in order."""
        task = insight.project.task
        if kind == "random":
            return np.arange(len(insight.pool))
        if kind == "coreset":
            known = insight.rows[insight.decided_places]
            return coreset(insight.rows[insight.places], known, _DIVERSE)
        if insight.probabilities is None or kind == "auto":
            return typical_of_clusters(insight.rows[insight.places], _CLUSTERS)
        if kind == "margin":
            return np.argsort(-margin(insight.probabilities, task), kind="stable")
        if kind == "entropy":
            return np.argsort(-entropy(insight.probabilities, task), kind="stable")
        if kind == "confidence":
            return np.argsort(margin(insight.probabilities, task), kind="stable")
        if kind == "bald" and insight.head is not None:
            return np.argsort(-self._disagreement(insight, insight.head), kind="stable")
        uncertainty = margin(insight.probabilities, task)
        return uncertain_and_diverse(uncertainty, insight.rows, insight.places, _DIVERSE)

    def _disagreement(self, insight: Insight, head: QuickHead) -> np.ndarray:
        decided = insight.decided
        targets, _ = targets_of(decided, insight.project, head.classes)
        heads = fit_resampled_heads(insight.rows[insight.decided_places], targets, head, _HEADS)
        pool = insight.rows[insight.places]
        return bald([one.probabilities(pool) for one in heads], insight.project.task)


def _groups(insight: Insight) -> list[Group]:
    rows = insight.rows[insight.places]
    count = min(_CLUSTERS, max(2, len(insight.pool) // 8))
    centres, labels = cluster(rows, count)
    nearness = np.einsum("nd,nd->n", rows, centres[labels])
    groups = []
    for number in range(len(centres)):
        members = np.flatnonzero(labels == number)
        members = members[np.argsort(-nearness[members], kind="stable")][:_LARGEST_GROUP]
        if len(members):
            tightness = float(nearness[members].mean())
            groups.append(Group(tuple(insight.pool[members].tolist()), tightness))
    return sorted(groups, key=lambda group: -group.tightness)


def _mixed(queue: list[int], sample: list[int]) -> list[int]:
    """One of the random sample after every few of the queue."""
    rest = iter(sample)
    mixed: dict[int, None] = {}
    for place, number in enumerate(queue):
        if place % (_ONE_IN - 1) == 0 and (drawn := next(rest, None)) is not None:
            mixed[drawn] = None
        mixed[number] = None
    return list(mixed)
