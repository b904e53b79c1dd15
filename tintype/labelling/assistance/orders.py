"""Which pictures to label next: orders of a pool, each a function of what is known of its pictures.

Sources: margin and entropy, Settles (2009), Active Learning Literature Survey, section 3.1; core-sets,
Sener and Savarese (2018), the greedy k-centre of section 4; uncertainty with diversity weighs distances
as Prabhu et al. (2021), CLUE, do; BALD, Houlsby et al. (2011), with bootstrap heads in place of samples
of the posterior; the first pictures, Hacohen et al. (2022), TypiClust.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tintype.labelling.assistance.unit_rows import unit_rows
from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = [
    "ORDERS",
    "Order",
    "bald",
    "cluster",
    "coreset",
    "entropy",
    "margin",
    "typical_of_clusters",
    "uncertain_and_diverse",
]

Order = Literal[
    "auto", "uncertainty", "margin", "entropy", "bald", "coreset", "confidence", "random"
]

ORDERS: tuple[Order, ...] = (
    "auto",
    "uncertainty",
    "margin",
    "entropy",
    "bald",
    "coreset",
    "confidence",
    "random",
)
"""auto: clusters first, and uncertainty with diversity once there is a head."""

# Of an uncertain part, so many times as many as are wanted are looked at for diversity.
_CANDIDATES = 10


def margin(probabilities: np.ndarray, task: ClassificationTask) -> np.ndarray:
    """float (n,), 0 to 1: how near the two likeliest classes are; multi-label, how near the least
    certain label is to one half."""
    if task == MULTILABEL:
        return 1 - 2 * np.abs(probabilities - 0.5).min(1)
    if probabilities.shape[1] < 2:
        return np.zeros(len(probabilities))
    top = -np.partition(-probabilities, 1, axis=1)[:, :2]
    return 1 - (top[:, 0] - top[:, 1])


def entropy(probabilities: np.ndarray, task: ClassificationTask) -> np.ndarray:
    """float (n,): in nats; multi-label, summed over the labels."""
    p = np.clip(probabilities, 1e-12, 1 - 1e-7)
    if task == MULTILABEL:
        return -(p * np.log(p) + (1 - p) * np.log(1 - p)).sum(1)
    return -(p * np.log(p)).sum(1)


def bald(probabilities: Sequence[np.ndarray], task: ClassificationTask) -> np.ndarray:
    """float (n,): what the label would tell about which of several heads is right: entropy of their
    mean, less the mean of their entropies."""
    mean = np.mean(probabilities, axis=0)
    return entropy(mean, task) - np.mean([entropy(one, task) for one in probabilities], axis=0)


def coreset(units: np.ndarray, known: np.ndarray, count: int) -> np.ndarray:
    """int64 (count,): one after the other, the row that is farthest from all that are known.

    Args:
        units: (n, D) of length 1.
        known: (m, D) of length 1, m may be 0: those that have labels.
    """
    return _far_apart(units, known, np.ones(len(units)), count)


def uncertain_and_diverse(
    uncertainty: np.ndarray, units: np.ndarray, places: np.ndarray, count: int
) -> np.ndarray:
    """int64 (n,): of the most uncertain `count` that are far apart from each other; then all others, the
    most uncertain first.

    Args:
        uncertainty: (n,), 0 or more.
        units: (m, D) of length 1.
        places: int64 (n,), which of `units` they are.
    """
    order = np.argsort(-uncertainty, kind="stable")
    first = order[: count * _CANDIDATES]
    near = units[places[first]]
    chosen = first[_far_apart(near, near[:0], uncertainty[first] + 1e-6, count)]
    others = np.ones(len(order), bool)
    others[chosen] = False
    return np.concatenate([chosen, order[others[order]]])


def typical_of_clusters(units: np.ndarray, count: int, *, seed: int = 0) -> np.ndarray:
    """int64: the row nearest to the middle of each of `count` clusters, from the largest cluster to
    others far from it; then the row second nearest of each, and so on through all rows."""
    clusters = min(count, len(units))
    if clusters == 0:
        return np.zeros(0, np.int64)
    centres, labels = cluster(units, clusters, seed=seed)
    nearness = np.einsum("nd,nd->n", units, centres[labels])
    sizes = np.bincount(labels, minlength=len(centres))
    order = np.lexsort((-nearness, labels))
    place = np.empty(len(units), np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    place[order] = np.arange(len(units)) - np.repeat(starts, sizes)
    turn = np.empty(len(centres), np.int64)
    turn[_far_apart(centres, centres[:0], np.sqrt(sizes), len(centres))] = np.arange(len(centres))
    return np.lexsort((turn[labels], place))


def cluster(units: np.ndarray, count: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Centres (count, D) of length 1 and the cluster of each row, int64 (n,), by k-means."""
    import warnings

    from sklearn.cluster import KMeans, MiniBatchKMeans

    kind = KMeans if len(units) <= 2_000 else MiniBatchKMeans
    with warnings.catch_warnings():
        # Copies of one picture are fewer clusters than asked for.
        warnings.simplefilter("ignore")
        fitted = kind(count, n_init=1, random_state=seed, max_iter=50).fit(units)
    return unit_rows(fitted.cluster_centers_), fitted.labels_.astype(np.int64)


def _far_apart(units: np.ndarray, known: np.ndarray, weight: np.ndarray, count: int) -> np.ndarray:
    """Greedily the row of the largest weight times distance to the nearest that was taken."""
    distance = np.full(len(units), 2.0, np.float32)
    for start in range(0, len(known), 256):
        nearest = (units @ known[start : start + 256].T).max(1)
        np.minimum(distance, 1 - nearest, out=distance)
    taken: list[int] = []
    for _ in range(min(count, len(units))):
        best = int((weight * np.maximum(distance, 0)).argmax())
        if distance[best] <= 0 and taken:
            # Only copies of what was taken are left: by weight alone, then.
            rest = np.setdiff1d(np.arange(len(units)), taken)
            taken += rest[np.argsort(-weight[rest], kind="stable")][: count - len(taken)].tolist()
            break
        taken.append(best)
        np.minimum(distance, 1 - units @ units[best], out=distance)
        distance[best] = -1
    return np.array(taken, np.int64)
