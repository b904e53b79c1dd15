"""Labels carried over to unlabelled look-alikes, which help a head while few pictures are labelled.

Source: Zhou et al., "Learning with Local and Global Consistency", NIPS 2003: on the graph of nearest
neighbours, F = (1 - a) (I - a S)^-1 Y, here by repeated multiplication. Each class starts with the same mass,
so that one that was labelled often does not win everywhere.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

__all__ = ["neighbour_graph", "propagated"]

# Neighbours of a picture; how fast their weight falls with the cosine; what each step keeps of the last.
_NEIGHBOURS, _WIDTH, _KEPT = 10, 0.1, 0.95
_STEPS = 40


def neighbour_graph(units: np.ndarray) -> csr_matrix:
    """(n, n), symmetrically normalised: who is among whose nearest neighbours, nearer ones heavier.

    Args:
        units: float32 (n, D) of length 1.
    """
    count = len(units)
    near = min(_NEIGHBOURS, count - 1)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -np.inf)
    found = np.argpartition(-cosines, near - 1, axis=1)[:, :near].ravel()
    rows = np.repeat(np.arange(count), near)
    weights = np.exp((cosines[rows, found] - 1) / _WIDTH)
    graph = csr_matrix((weights, (rows, found)), shape=(count, count))
    graph = graph.maximum(graph.T).tocsr()
    share = 1 / np.sqrt(np.maximum(np.asarray(graph.sum(1)).ravel(), 1e-12))
    scaled: csr_matrix = graph.multiply(share[:, None]).multiply(share[None]).tocsr()
    return scaled


def propagated(graph: csr_matrix, indicators: np.ndarray) -> np.ndarray:
    """float32 (n, classes): of each row the share of every class that has reached it; zeros where none has.

    Args:
        graph: of `neighbour_graph`.
        indicators: float32 (n, classes) of 0 and 1; rows of zeros have no label.
    """
    start = indicators / np.maximum(indicators.sum(0), 1)
    mass = start
    for _ in range(_STEPS):
        mass = _KEPT * (graph @ mass) + (1 - _KEPT) * start
    return np.asarray(mass / np.maximum(mass.sum(1, keepdims=True), 1e-12), np.float32)
