"""Whether pictures look otherwise than those of the baseline, by their embeddings.

Two tests that see different things:

- MMD, the maximum mean discrepancy (Gretton, Borgwardt, Rasch, Schölkopf & Smola 2012, "A Kernel Two-Sample Test",
  JMLR 13): the unbiased estimate of its square with a Gaussian kernel, as wide as the median distance; its p-value is
  of permutations, and therefore exact.
- A classifier that is to tell the window from the baseline (Lopez-Paz & Oquab 2017, "Revisiting Classifier Two-Sample
  Tests", ICLR): it learns from one half of both, and its AUC on the other half is a Mann-Whitney statistic, whose
  p-value holds whatever it has learnt.
"""

from __future__ import annotations

import numpy as np

__all__ = ["PERMUTATIONS", "classifier_test", "kernel_width", "mmd_test", "witness"]

PERMUTATIONS = 2_000
"""The least p-value is one of so many: small enough for a dozen tests at once."""

# Rows of each side that tests look at; a kernel of both takes 64 MB.
_MOST_ROWS = 2_000

# Rows by which the median distance is found.
_WIDTH_ROWS = 1_000

# Permutations that are computed at once.
_BLOCK = 256

# Axes that the classifier sees, and how strongly its weights are held: few rows, many features.
_AXES, _INVERSE_PENALTY = 50, 0.1


def mmd_test(
    baseline: np.ndarray,
    window: np.ndarray,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> tuple[float, float]:
    """The squared MMD and its p-value.

    Args:
        baseline: float32 (n, D), rows of length 1; of more than 2,000 rows, so many are drawn.
        window: float32 (m, D), likewise.

    Raises:
        ValueError: under two rows on one side.
    """
    draw = np.random.default_rng(seed)
    first, second = (_drawn(rows, draw) for rows in (baseline, window))
    n, m = len(first), len(second)
    if min(n, m) < 2:
        raise ValueError(f"{n} and {m} rows given; expected two at least on each side")
    both = np.concatenate([first, second]).astype(np.float32)
    kernel = _kernel(both, both, kernel_width(both, draw))
    np.fill_diagonal(kernel, 0.0)
    sums = kernel.sum(1, dtype=np.float64)
    found = _squared_mmd(kernel, sums, _sides(n, m, None), n, m)[0]
    as_much = 0
    for start in range(0, permutations, _BLOCK):
        count = min(_BLOCK, permutations - start)
        orders = draw.permuted(np.tile(np.arange(n + m), (count, 1)), axis=1)
        as_much += int((_squared_mmd(kernel, sums, _sides(n, m, orders), n, m) >= found).sum())
    return float(found), (1 + as_much) / (1 + permutations)


def classifier_test(
    baseline: np.ndarray, window: np.ndarray, *, seed: int = 0
) -> tuple[float, float]:
    """The AUC with which a classifier tells unseen rows apart, and its one-sided p-value.

    Args:
        baseline: float32 (n, D), rows of length 1; of more than 2,000 rows, so many are drawn.
        window: float32 (m, D), likewise.

    Raises:
        ValueError: under four rows on one side.
    """
    from scipy.stats import mannwhitneyu
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression

    draw = np.random.default_rng(seed)
    sides = [_drawn(rows, draw) for rows in (baseline, window)]
    if min(map(len, sides)) < 4:
        raise ValueError(
            f"{len(sides[0])} and {len(sides[1])} rows given; expected four at least on each side"
        )
    halves = [np.array_split(side[draw.permutation(len(side))], 2) for side in sides]
    seen = np.concatenate([halves[0][0], halves[1][0]])
    sources = np.repeat([0, 1], [len(halves[0][0]), len(halves[1][0])])
    axes = PCA(
        min(_AXES, *seen.shape), whiten=True, svd_solver="randomized", random_state=seed
    ).fit(seen)
    classifier = LogisticRegression(C=_INVERSE_PENALTY, class_weight="balanced", max_iter=300)
    classifier.fit(axes.transform(seen), sources)
    scores = [classifier.decision_function(axes.transform(half[1])) for half in halves]
    ranks = mannwhitneyu(scores[1], scores[0], alternative="greater")
    return float(ranks.statistic / (len(scores[0]) * len(scores[1]))), float(ranks.pvalue)


def witness(
    baseline: np.ndarray, window: np.ndarray, *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The witness function of the MMD (Gretton et al. 2012, section 2.3): what is more of the window than of the
    baseline is high.

    Args:
        baseline: float32 (n, D), rows of length 1.
        window: float32 (m, D), likewise.

    Returns:
        of the rows of `baseline`, float64 (n,), and of `window`, float64 (m,).
    """
    draw = np.random.default_rng(seed)
    first, second = (_drawn(rows, draw).astype(np.float32) for rows in (baseline, window))
    width = kernel_width(np.concatenate([first, second]), draw)

    def of(rows: np.ndarray) -> np.ndarray:
        found = np.empty(len(rows))
        for start in range(0, len(rows), _MOST_ROWS):
            some = rows[start : start + _MOST_ROWS].astype(np.float32)
            near, far = (
                _kernel(some, side, width).mean(1, dtype=np.float64) for side in (second, first)
            )
            found[start : start + _MOST_ROWS] = near - far
        return found

    return of(baseline), of(window)


def kernel_width(rows: np.ndarray, draw: np.random.Generator) -> float:
    """The median distance of two rows, of which some are enough."""
    some = _drawn(rows, draw, _WIDTH_ROWS)
    distances = _squared_distances(some, some)[np.triu_indices(len(some), 1)]
    return max(float(np.sqrt(np.median(distances))), 1e-6)


def _drawn(rows: np.ndarray, draw: np.random.Generator, most: int = _MOST_ROWS) -> np.ndarray:
    if len(rows) <= most:
        return rows
    return rows[draw.choice(len(rows), most, replace=False)]


def _kernel(rows: np.ndarray, others: np.ndarray, width: float) -> np.ndarray:
    """float32 (n, m), Gaussian."""
    scaled = _squared_distances(rows, others)
    scaled /= -2.0 * width**2
    return np.exp(scaled, out=scaled)


def _squared_distances(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    products = rows @ others.T
    products *= -2.0
    products += (rows**2).sum(1)[:, None]
    products += (others**2).sum(1)[None, :]
    return np.maximum(products, 0.0, out=products)


def _sides(n: int, m: int, orders: np.ndarray | None) -> np.ndarray:
    """float32 (n + m, permutations): 1 for the rows that are of the first side."""
    if orders is None:
        return np.repeat(np.array([1, 0], np.float32), [n, m])[:, None]
    return (orders < n).astype(np.float32).T


def _squared_mmd(
    kernel: np.ndarray, sums: np.ndarray, sides: np.ndarray, n: int, m: int
) -> np.ndarray:
    """float64 (permutations,): all by one product of matrices."""
    within = np.einsum("ip,ip->p", sides, kernel @ sides, dtype=np.float64)
    touching = sums @ sides
    others = sums.sum() - 2 * touching + within
    return within / (n * (n - 1)) + others / (m * (m - 1)) - 2 * (touching - within) / (n * m)
