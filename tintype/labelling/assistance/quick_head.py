"""A linear head on rows of a `FeatureSpace`, fitted to the labels so far, and calibrated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tintype.automl.folds import folds_of
from tintype.automl.head_search import indicators_of
from tintype.automl.logistic_regressions import fit_regressions
from tintype.labelling.assistance.linear_fits import (
    STRENGTHS,
    LinearFit,
    fits_of_labelled,
    own_axes,
)
from tintype.labelling.assistance.mixture_fits import fit_mixture
from tintype.schemas.task import MULTILABEL, ClassificationTask
from tintype.scoring.calibration import probabilities_of
from tintype.training.calibration import fit_temperature, row_losses

__all__ = [
    "FOLDS",
    "LEAST_LABELS",
    "Candidate",
    "QuickHead",
    "fit_quick_head",
    "fit_resampled_heads",
    "rows_to_fit",
]

LEAST_LABELS = 10
"""From so many labelled pictures on there is a head."""

# More rows than these change the head hardly, and take longer than a second.
_MOST_ROWS = 4_000

# With so many labelled pictures of each class on average, unlabelled ones add nothing.
_PLENTY = 30

# With fewer than so many of each, cross-validation tells little: a regression is taken for a mixture
# where it is better by more than so many standard errors of their difference.
_SCARCE, _ERRORS = 10, 1.0

# With fewer rows there is nothing to choose by; so many rows are taken to agree with a head's sureness.
_LEAST_JUDGED, _AGREEING = 5, 30

# Bins of sureness by which labelled pictures are weighed as all pictures are, and what one counts at most.
_BINS, _MOST_COUNTED = 4, 5.0

FOLDS = 5
"""Of the cross-validation."""


@dataclass(frozen=True)
class Candidate:
    """A way to fit a head."""

    kind: Literal["regression", "mixture"]
    setting: float
    """A regression's strength, scikit-learn's C; what an unlabelled picture counts in a mixture."""


_MIXTURE = Candidate("mixture", 0.3)


@dataclass(frozen=True)
class QuickHead:
    """A calibrated linear classifier of rows of a `FeatureSpace`."""

    weight: np.ndarray
    """float32 (D, classes)."""
    bias: np.ndarray
    """float32 (classes,)."""
    classes: tuple[int, ...]
    """Ids of the labels that there are examples of."""
    task: ClassificationTask
    out_of_fold: np.ndarray
    """float32 (n, classes): probabilities of the rows it was fitted to, each by a head that had not
    seen its label; by regressions on labelled rows alone, where such were fitted. Even, where all had
    seen it, or none an example of its class; multi-label, one half for such a class."""
    candidate: Candidate
    """How it was fitted."""

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        """Rows (n, D) -> float32 (n, classes)."""
        return probabilities_of(rows @ self.weight + self.bias, self.task)


def fit_quick_head(
    rows: np.ndarray,
    targets: np.ndarray,
    classes: tuple[int, ...],
    task: ClassificationTask,
    unlabelled: np.ndarray,
    *,
    candidate: Candidate | None = None,
    left_out: int = FOLDS,
    seed: int = 0,
) -> QuickHead | None:
    """The head of the least log loss by cross-validation, and its temperature: of regressions on the
    labelled pictures, and, of one label a picture, of a mixture that learns from unlabelled ones, too.

    Args:
        rows: float32 (n, D), of a `FeatureSpace`.
        targets: int64 (n,) positions in `classes`, or float32 (n, classes) of 0 and 1.
        classes: ids of labels; of each there is one example at least.
        unlabelled: float32 (m, D): others, of which there may be none.
        candidate: the only one, but for a regression beside a mixture; None: all that suit the number of
            labels.
        left_out: so many of five folds are left out in turn, to choose and to calibrate by; 0: what the
            candidate gives is taken as it is.

    Returns:
        None with fewer than ten rows, or without two classes to tell apart.
    """
    if len(rows) < LEAST_LABELS or len(classes) < (1 if task == MULTILABEL else 2):
        return None
    folds = folds_of(targets, task, seed, None, most=FOLDS)
    folds[folds >= left_out] = -1
    known = _had_examples(indicators_of(targets, len(classes)), folds) & (folds >= 0)[:, None]
    judged = (folds >= 0) if task == MULTILABEL else known[np.arange(len(rows)), targets]
    if candidate is None:
        tried = _suiting(len(rows), len(classes), task, judged=int(judged.sum()))
    else:
        tried = [candidate]
        if candidate.kind == "mixture" and left_out:
            tried.append(Candidate("regression", STRENGTHS[1]))
    fits = _fits(tried, rows, targets, folds, len(classes), task, unlabelled)
    place = 0
    if judged.sum() >= _LEAST_JUDGED:
        tempered = [_tempered(fit, targets, judged, task) for fit in fits]
        place = _best(tempered, tried, targets, judged, task)
        fits = tempered
    best = alone = fits[place]
    if tried[place].kind == "mixture" and len(fits) > 1:
        alone = fits[1 + _best(fits[1:], tried[1:], targets, judged, task)]
    if len(unlabelled) >= judged.sum() >= _LEAST_JUDGED:
        weights = _as_in_the_pool(best, judged, task, unlabelled)
        best = _tempered(best, targets, judged, task, weights)
    known = known if task == MULTILABEL else judged[:, None]
    out_of_fold = probabilities_of(np.where(known, alone.out_of_fold, 0), task)
    return QuickHead(best.weight, best.bias, classes, task, out_of_fold, tried[place])


def _suiting(rows: int, classes: int, task: ClassificationTask, *, judged: int) -> list[Candidate]:
    """Candidates for so many labelled rows, of which `judged` can tell them apart."""
    regressions = [Candidate("regression", strength) for strength in STRENGTHS]
    if task == MULTILABEL or rows >= _PLENTY * classes:
        return regressions
    return [_MIXTURE, *regressions] if judged >= _LEAST_JUDGED else [_MIXTURE]


def _fits(
    tried: list[Candidate],
    rows: np.ndarray,
    targets: np.ndarray,
    folds: np.ndarray,
    classes: int,
    task: ClassificationTask,
    unlabelled: np.ndarray,
) -> list[LinearFit]:
    """One of each candidate; mixtures come before regressions."""
    fits = [
        fit_mixture(rows, targets, folds, classes, unlabelled, weight=one.setting)
        for one in tried
        if one.kind == "mixture"
    ]
    strengths = [one.setting for one in tried if one.kind == "regression"]
    if strengths:
        fits += fits_of_labelled(rows, targets, folds, classes, task, strengths)
    return fits


def _best(
    fits: list[LinearFit],
    tried: list[Candidate],
    targets: np.ndarray,
    judged: np.ndarray,
    task: ClassificationTask,
) -> int:
    """Which of the fits has the least log loss; of few labels the mixture, unless one is clearly better
    (the rule of one standard error; Breiman et al., "Classification and Regression Trees", 1984)."""
    losses = [
        row_losses(probabilities_of(fit.out_of_fold[judged], task), targets[judged], task)
        for fit in fits
    ]
    best = int(np.argmin([loss.mean() for loss in losses]))
    if tried[0].kind == "mixture" and len(targets) < _SCARCE * fits[0].bias.size:
        better = losses[0] - losses[best]
        if better.mean() <= _ERRORS * better.std() / len(better) ** 0.5:
            return 0
    return best


def _tempered(
    fit: LinearFit,
    targets: np.ndarray,
    judged: np.ndarray,
    task: ClassificationTask,
    weights: np.ndarray | None = None,
) -> LinearFit:
    """As sure as judged rows allow; of few rows nearer to what it was, as if others had agreed with that."""
    found = fit_temperature(fit.out_of_fold[judged], targets[judged], task, weights)
    rows = judged.sum()
    return fit.divided_by(float(found ** (rows / (rows + _AGREEING))))


def _as_in_the_pool(
    fit: LinearFit, judged: np.ndarray, task: ClassificationTask, unlabelled: np.ndarray
) -> np.ndarray:
    """float64: what each judged row counts where pictures are as they come: those that people were asked
    about were harder.

    Rows count as often as pictures that are as sure do among all (covariate shift; Shimodaira 2000), in
    bins of equally many pictures.
    """
    rows = _lead(fit.out_of_fold[judged], task)
    pool = np.concatenate([_lead(unlabelled @ fit.weight + fit.bias, task), rows])
    edges = np.quantile(pool, np.arange(1, _BINS) / _BINS)
    there, wanted = (
        np.bincount(np.searchsorted(edges, values), minlength=_BINS) / len(values)
        for values in (rows, pool)
    )
    # A bin of which there is hardly a row says little: no row counts for many.
    share = np.minimum(wanted / np.maximum(there, 1e-12), _MOST_COUNTED)
    weights = share[np.searchsorted(edges, rows)]
    return np.asarray(weights / weights.mean())


def _lead(logits: np.ndarray, task: ClassificationTask) -> np.ndarray:
    """float64 (n,): of the largest logit over the next; multi-label, the least of all from 0."""
    if task == MULTILABEL:
        return np.asarray(np.abs(logits).min(1), np.float64)
    highest = np.sort(logits, axis=1)[:, -2:]
    return np.asarray(highest[:, 1] - highest[:, 0], np.float64)


def _had_examples(indicators: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """bool (n, classes): whether a class had an example outside of the row's fold.

    Where it had none, no head could have known of it, which tells nothing of the head of all rows.

    Args:
        indicators: float32 (n, classes) of 0 and 1.
    """
    found = np.zeros(indicators.shape, bool)
    for fold in np.unique(folds):
        inside = folds == fold
        found[inside] = indicators[~inside].any(0)
    return found


def fit_resampled_heads(
    rows: np.ndarray,
    targets: np.ndarray,
    head: QuickHead,
    count: int,
    *,
    seed: int = 0,
) -> list[QuickHead]:
    """Heads fitted to bootstrap samples of the rows: where they disagree, labels teach most.

    Args:
        rows, targets: those that `head` was fitted to.
    """
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(rows), [1 / len(rows)] * len(rows), count)
    weights, biases = fit_regressions(
        rows,
        indicators_of(targets, len(head.classes)),
        drawn.astype(np.float32),
        STRENGTHS[1:2],
        head.task,
        principal=own_axes(rows),
    )
    nothing = np.zeros((0, len(head.classes)), np.float32)
    return [
        QuickHead(weight, bias, head.classes, head.task, nothing, head.candidate)
        for weight, bias in zip(weights[0], biases[0], strict=True)
    ]


def rows_to_fit(targets: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """int64: rows to fit a head to where there are many, of rare classes all.

    Args:
        targets: as for `fit_quick_head`.
    """
    if len(targets) <= _MOST_ROWS:
        return np.arange(len(targets))
    random = np.random.default_rng(seed)
    rarity = targets.sum(0) if targets.ndim == 2 else np.bincount(targets)
    if targets.ndim == 2:
        weight = np.where(targets > 0, 1 / np.maximum(rarity, 1), 0).max(1) + 1 / len(targets)
    else:
        weight = 1 / rarity[targets]
    chosen = random.choice(len(targets), _MOST_ROWS, replace=False, p=weight / weight.sum())
    return np.sort(chosen)
