"""Heads on features computed once: fitted in seconds, judged by cross-validation.

Several kinds compete by the same folds, each over a range of its settings: logistic regression; for
multi-class shrunken discriminants, the nearest class mean among them; where a backbone reads text,
logistic regression from the zero-shot weights; the nearest neighbours; and small MLPs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from tintype.automl.discriminants import fit_discriminants
from tintype.automl.folds import folds_of
from tintype.automl.head_search import Candidate, HeadProblem, Solver, indicators_of
from tintype.automl.logistic_regressions import fit_regressions
from tintype.automl.mlps import MlpSetting, fit_mlp
from tintype.automl.principal_axes import PrincipalAxes
from tintype.automl.standardisation import Standardisation
from tintype.models.heads import MlpHead, NeighboursHead, logit_factors
from tintype.schemas.task import MULTILABEL, ClassificationTask
from tintype.scoring.calibration import probabilities_of
from tintype.training.calibration import fit_temperature

__all__ = ["FittedHead", "ZeroShotWeights", "fit_head"]

# Cross-validation looks at no more rows than this, and the final fit at no more than that: the
# answer would hardly change.
_MOST_VALIDATED, _MOST_FITTED = 4000, 50_000

# Rows that probabilities are computed of at once.
_BLOCK = 64


@dataclass(frozen=True)
class ZeroShotWeights:
    """A linear layer that a text tower gives for raw image features."""

    weight: np.ndarray
    """float32 (classes, D)."""


@dataclass(frozen=True)
class FittedHead:
    """A head for raw features, calibrated, and how well its kind does."""

    module: nn.Module
    """One of `models.heads`, as it is served."""
    solver: Solver
    settings: dict[str, Any]
    """See `Candidate`."""
    score: float
    """The metric by cross-validation on the training rows."""
    validated_rows: np.ndarray
    """int64 (m,): rows that cross-validation looked at."""
    out_of_fold: np.ndarray
    """float32 (m, classes): probabilities of each of them by a head that had not seen it."""
    best_linear: FittedHead | None = None
    """The best of the linear kinds, where this is of another."""

    @property
    def to_finetune(self) -> FittedHead:
        """Itself, or the best linear head where this one, of neighbours, cannot learn."""
        learns = any(True for _ in self.module.parameters())
        return self if learns or self.best_linear is None else self.best_linear

    @torch.no_grad()
    def probabilities(self, features: np.ndarray, task: ClassificationTask) -> np.ndarray:
        """Features (n, D) -> float32 (n, classes)."""
        blocks = torch.from_numpy(np.ascontiguousarray(features, np.float32)).split(_BLOCK)
        return probabilities_of(torch.cat([self.module(block) for block in blocks]).numpy(), task)


def fit_head(
    features: np.ndarray,
    targets: np.ndarray,
    *,
    task: ClassificationTask,
    classes: int,
    metric: str,
    seed: int = 42,
    groups: np.ndarray | None = None,
    zero_shot: ZeroShotWeights | None = None,
    views: np.ndarray | None = None,
) -> FittedHead:
    """The best head on `features`, float32 (n, D), for `targets` as `ImageTable.targets` gives
    them.

    Args:
        groups: int64 (n,): rows of one number stay in one fold of the cross-validation.
        zero_shot: what a text tower gives for the classes; a regression from there competes too.
        views: float32 (views, n, D): features of each image as it is, which are `features`, and
            flipped or cropped. All are learnt from, a view as one of so many rows of an image;
            heads are judged on images as they are, and neighbours are looked up among these.

    Raises:
        ValueError: the first view is not `features`.
    """
    if views is None:
        views = features[None]
    elif views.shape[1:] != features.shape or not np.array_equal(views[0], features):
        raise ValueError("the first of views is the features of each image as it is")
    random = np.random.default_rng(seed)
    standard = Standardisation.of(features)
    rows = _at_most(_MOST_VALIDATED, len(features), random)
    fitted = _at_most(_MOST_FITTED // len(views), len(features), random)
    folds = folds_of(targets[rows], task, seed, None if groups is None else groups[rows])
    if zero_shot is not None:
        # One number, told by all rows: that of the text tower is for features of length 1.
        given = fit_temperature(features[rows] @ zero_shot.weight.T, targets[rows], task)
        zero_shot = ZeroShotWeights(zero_shot.weight / np.float32(given))
    scaled = standard.scaled(views[:, rows])
    problem = HeadProblem(
        raw=features[rows],
        views=scaled,
        targets=targets[rows],
        folds=folds,
        task=task,
        classes=classes,
        metric=metric,
        principal=PrincipalAxes.of(scaled[0]),
        rows=len(features),
        independent=len(rows) if groups is None else len(np.unique(groups[rows])),
        seed=seed,
        offset=None if zero_shot is None else views[:, rows] @ zero_shot.weight.T,
    )
    final = _FinalFit(problem, standard, views[:, fitted], targets[fitted], zero_shot)
    linear = problem.best_linear()
    best = problem.best(linear)
    best_linear = final.head(linear, rows)
    if best is linear:
        return best_linear
    return replace(final.head(best, rows), best_linear=best_linear)


@dataclass(frozen=True)
class _FinalFit:
    """Fits on all rows what cross-validation has chosen."""

    problem: HeadProblem
    standard: Standardisation
    views: np.ndarray
    """float32 (views, n, D), raw."""
    targets: np.ndarray
    zero_shot: ZeroShotWeights | None

    def head(self, candidate: Candidate, rows: np.ndarray) -> FittedHead:
        """Fitted as `candidate` says, and calibrated by its logits out of fold.

        Args:
            rows: int64 (m,): those that cross-validation looked at.
        """
        if candidate.solver == "nearest neighbours":
            module: nn.Module = self._neighbours(candidate)
        elif candidate.solver == "mlp":
            module = self._mlp(candidate)
        else:
            module = self._linear(candidate)
        temperature = 1.0
        # A regression's probabilities are what it is fitted to.
        if "regression" not in candidate.solver:
            task, targets = self.problem.task, self.problem.targets
            temperature = fit_temperature(candidate.logits, targets, task)
            with torch.no_grad():
                for tensor in logit_factors(module):
                    tensor.div_(temperature)
        return FittedHead(
            module.eval(),
            candidate.solver,
            candidate.settings,
            candidate.score,
            rows,
            probabilities_of(candidate.logits / temperature, self.problem.task),
        )

    def _linear(self, candidate: Candidate) -> nn.Linear:
        views, rows, width = self.views.shape
        classes, task = self.problem.classes, self.problem.task
        flat = self.views.reshape(-1, width)
        scaled = self.standard.scaled(flat)
        prior = self.zero_shot if candidate.solver == "regression from zero-shot" else None
        if candidate.solver == "shrunken discriminant":
            weights, biases = fit_discriminants(
                scaled,
                np.tile(self.targets, views),
                classes,
                [candidate.settings["shrinkage"]],
                row_weight=1 / views,
            )
        else:
            weights, biases = fit_regressions(
                scaled,
                np.tile(indicators_of(self.targets, classes), (views, 1)),
                np.full((1, views * rows), 1 / views, np.float32),
                [candidate.settings["strength"]],
                task,
                None if prior is None else flat @ prior.weight.T,
                principal=self.problem.principal,
            )
        weight, bias = self.standard.folded(
            weights.reshape(width, classes), biases.reshape(classes)
        )
        if prior is not None:
            weight = weight + torch.from_numpy(prior.weight)
        head = nn.Linear(width, classes)
        head.load_state_dict({"weight": weight, "bias": bias})
        return head

    def _mlp(self, candidate: Candidate) -> MlpHead:
        hidden, hidden_bias, output, output_bias = fit_mlp(
            self.problem.mlp_inputs(self.standard.scaled(self.views)),
            torch.from_numpy(indicators_of(self.targets, self.problem.classes)),
            MlpSetting(**candidate.settings),
            self.problem.task,
            self.problem.seed,
        )
        along = (self.problem.mlp_axes @ hidden).numpy()
        weight, bias = self.standard.folded(along, hidden_bias.numpy())
        head = MlpHead(self.views.shape[2], len(bias), len(output_bias))
        head.load_state_dict(
            {
                "hidden.weight": weight,
                "hidden.bias": bias,
                "output.weight": output.T,
                "output.bias": output_bias,
            }
        )
        return head

    def _neighbours(self, candidate: Candidate) -> NeighboursHead:
        return NeighboursHead(
            torch.from_numpy(self.views[0]),
            torch.from_numpy(indicators_of(self.targets, self.problem.classes)),
            candidate.settings["neighbours"],
            multilabel=self.problem.task == MULTILABEL,
        )


def _at_most(most: int, count: int, random: np.random.Generator) -> np.ndarray:
    """int64: all of `count` rows, or `most` of them at random."""
    rows = np.arange(count)
    return rows if count <= most else np.sort(random.permutation(rows)[:most])
