"""Linear layers on few labelled pictures, each with logits of these by layers that had not seen them.

With fewer labelled pictures than features the best weights are a combination of these pictures
(representer theorem; Schölkopf et al. 2001), so layers are fitted in the space that they span.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from tintype.automl.head_search import indicators_of
from tintype.automl.logistic_regressions import fit_regressions
from tintype.automl.principal_axes import PrincipalAxes
from tintype.labelling.assistance.propagation import neighbour_graph, propagated
from tintype.labelling.assistance.unit_rows import unit_rows
from tintype.schemas.task import ClassificationTask

__all__ = [
    "STRENGTHS",
    "LinearFit",
    "fit_with_look_alikes",
    "fits_of_labelled",
    "in_their_span",
    "own_axes",
]

STRENGTHS = (0.003, 0.03, 0.3)
"""Scikit-learn's C."""

# More axes than these change a layer hardly, and take longer than a second; look-alikes need fewer.
_MOST_AXES, _LOOK_ALIKE_AXES = 512, 128


@dataclass(frozen=True)
class LinearFit:
    """A linear layer on scaled features."""

    weight: np.ndarray
    """float32 (D, classes)."""
    bias: np.ndarray
    """float32 (classes,)."""
    out_of_fold: np.ndarray
    """float32 (n, classes): logits of each row by a layer that had not seen it."""

    def divided_by(self, temperature: float) -> LinearFit:
        """What is `temperature` times less sure."""
        return LinearFit(
            *(
                (values / temperature).astype(np.float32)
                for values in (self.weight, self.bias, self.out_of_fold)
            )
        )


def fits_of_labelled(
    scaled: np.ndarray,
    targets: np.ndarray,
    folds: np.ndarray,
    classes: int,
    task: ClassificationTask,
) -> list[LinearFit]:
    """One of each strength, on the labelled rows (n, D) alone."""
    axes, rotated = in_their_span(scaled)
    indicators = indicators_of(targets, classes)
    count = int(folds.max()) + 1
    # The last choice of rows is all of them.
    kept = np.stack([*(folds != fold for fold in range(count)), np.ones(len(folds), bool)])
    weights, biases = fit_regressions(
        rotated,
        indicators,
        kept.astype(np.float32),
        STRENGTHS,
        task,
        principal=own_axes(rotated),
    )
    fits = []
    for weight, bias in zip(weights, biases, strict=True):
        logits = np.zeros((len(folds), classes), np.float32)
        for fold in range(count):
            out = folds == fold
            logits[out] = rotated[out] @ weight[fold] + bias[fold]
        fits.append(LinearFit(axes @ weight[-1], bias[-1], logits))
    return fits


def fit_with_look_alikes(
    scaled: np.ndarray, targets: np.ndarray, folds: np.ndarray, classes: int, others: np.ndarray
) -> LinearFit:
    """On the labelled rows (n, D) and on `others` (m, D), to which labels are carried over from those
    rows; all others together weigh as much as the labelled ones, the surest of them most."""
    everything = np.concatenate([scaled, others])
    axes, rotated = _main_axes(everything)
    graph = neighbour_graph(unit_rows(rotated))
    labelled = len(scaled)
    truth = indicators_of(targets, classes)
    logits = np.zeros((labelled, classes), np.float32)
    for fold in (*range(int(folds.max()) + 1), None):
        inside = np.ones(labelled, bool) if fold is None else folds != fold
        indicators = np.zeros((len(everything), classes), np.float32)
        indicators[:labelled][inside] = truth[inside]
        shares = propagated(graph, indicators)[labelled:]
        indicators[labelled:] = np.eye(classes, dtype=np.float32)[shares.argmax(1)]
        weigh = np.square(shares.max(1)) * min(1, inside.sum() / len(others))
        kept = np.concatenate([inside, weigh]).astype(np.float32)
        weights, biases = fit_regressions(
            rotated,
            indicators,
            kept[None],
            STRENGTHS[1:2],
            "image_classification",
            principal=own_axes(rotated),
        )
        weight, bias = weights[0, 0], biases[0, 0]
        if fold is not None:
            logits[~inside] = rotated[:labelled][~inside] @ weight + bias
    return LinearFit(axes @ weight, bias, logits)


def in_their_span(scaled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthogonal axes (D, r) of the span of the rows, and the rows (n, r) along them."""
    few = scaled.shape[0] < scaled.shape[1]
    gram = scaled @ scaled.T if few else scaled.T @ scaled
    values, vectors = np.linalg.eigh(gram.astype(np.float64))
    largest = np.argsort(-values)[:_MOST_AXES]
    largest = largest[values[largest] > 1e-8 * max(float(values.max()), 1e-12)]
    axes = vectors[:, largest]
    if few:
        axes = scaled.T @ (axes / np.sqrt(values[largest]))
    axes = axes.astype(np.float32)
    return axes, scaled @ axes


def _main_axes(scaled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The axes (D, r) along which the rows vary most, and the rows (n, r) along them."""
    count = min(_LOOK_ALIKE_AXES, *scaled.shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        axes = torch.svd_lowrank(torch.from_numpy(scaled), q=count, niter=2)[2].numpy()
    return axes, scaled @ axes


def own_axes(rotated: np.ndarray) -> PrincipalAxes:
    """Of features that lie along principal axes already."""
    spread = torch.from_numpy(np.square(rotated).mean(0).astype(np.float32))
    return PrincipalAxes(spread, torch.eye(rotated.shape[1]))
