"""Which kind of head on given features, and how regularised: told by cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch

from tintype.automl.discriminants import fit_discriminants
from tintype.automl.logistic_regressions import fit_regressions
from tintype.automl.mlps import MlpSetting, search_mlps
from tintype.automl.principal_axes import PrincipalAxes
from tintype.evaluation.metrics import compute_metrics
from tintype.models.heads import NeighboursHead
from tintype.schemas.task import MULTILABEL, ClassificationTask
from tintype.scoring.calibration import probabilities_of

__all__ = ["Candidate", "HeadProblem", "Solver", "indicators_of"]

Solver = Literal[
    "logistic regression",
    "shrunken discriminant",
    "regression from zero-shot",
    "nearest neighbours",
    "mlp",
]

# scikit-learn's C: the inverse of the regularisation, for a sum of losses over the rows.
_STRENGTHS = (0.003, 0.03, 0.3, 3.0)
_SHRINKAGES = (0.03, 0.1, 0.3, 0.6, 1.0)

_NEIGHBOURS = (5, 20, 100)

# Above so many images a head of neighbours would be too large and slow to serve, and above so many
# features of images MLPs take too long to search: on two cores all heads together take about five
# seconds on 1,500 images of 1,280 features, each seen mirrored, too.
_MOST_KNOWN, _MOST_FOR_MLPS = 20_000, 2_000_000

# MLPs see so many principal axes at most.
_MLP_AXES = 256

# Rows that neighbours are looked up for at once.
_BLOCK = 64

# Another kind than logistic regression has to be better by more standard errors of an accuracy than
# this: of several that are equally good one always looks best.
_WINS_BY = 0.5


@dataclass(frozen=True)
class Candidate:
    """A kind of head with its settings, and how well it did."""

    solver: Solver
    settings: dict[str, Any]
    """strength: of a regression the inverse of its regularisation, scikit-learn's C. shrinkage: of a
    discriminant. neighbours: how many vote. width, decay, rounds: see `MlpSetting`."""
    score: float
    """The metric out of fold."""
    logits: np.ndarray
    """float32 (n, classes), out of fold."""


@dataclass(frozen=True)
class HeadProblem:
    """Rows, and the folds by which heads on them are judged."""

    raw: np.ndarray
    """float32 (n, D): features as the backbone gives them."""
    views: np.ndarray
    """float32 (views, n, D), standardised: heads learn from all and are judged on the first."""
    targets: np.ndarray
    folds: np.ndarray
    """int64 (n,), from 0."""
    task: ClassificationTask
    classes: int
    metric: str
    principal: PrincipalAxes
    """Of the first view."""
    rows: int
    """How many there are to fit the head to in the end, n or more."""
    independent: int
    """How many of the n tell something of their own: groups, where rows are of some."""
    seed: int
    offset: np.ndarray | None = None
    """float32 (views, n, classes): logits of the zero-shot weights, where there are some."""

    def best_linear(self) -> Candidate:
        """The linear kind of the highest score; of near equals logistic regression."""
        best = self._best("logistic regression", "strength", self._regressions(None))
        if self.task == MULTILABEL:
            return best
        rivals = [self._best("shrunken discriminant", "shrinkage", self._discriminants())]
        if self.offset is not None:
            regressions = self._regressions(self.offset)
            rivals.append(self._best("regression from zero-shot", "strength", regressions))
        return self._winner(best, rivals)

    def best(self, linear: Candidate) -> Candidate:
        """The kind of the highest score; of near equals `linear`."""
        rivals = []
        if self.rows <= _MOST_KNOWN:
            rivals.append(self._best("nearest neighbours", "neighbours", self._neighbours()))
        if self.views[0].size <= _MOST_FOR_MLPS:
            rivals.append(self._best_mlp())
        return self._winner(linear, rivals)

    def mlp_inputs(self, views: np.ndarray) -> torch.Tensor:
        """Standardised `views` (views, n, D) -> float32 (views, n, K), as MLPs see them."""
        return torch.from_numpy(views) @ self.mlp_axes

    @cached_property
    def mlp_axes(self) -> torch.Tensor:
        """float32 (D, K): the first principal axes, together about 1 in mean square each."""
        count = min(_MLP_AXES, self.principal.axes.shape[1])
        level = self.principal.spread[:count].mean().clamp_min(1e-12).sqrt()
        return self.principal.axes[:, :count] / level

    def _winner(self, best: Candidate, rivals: list[Candidate]) -> Candidate:
        rival = max(rivals, key=lambda candidate: candidate.score, default=best)
        error = (max(best.score * (1 - best.score), 1e-4) / self.independent) ** 0.5
        return rival if rival.score > best.score + _WINS_BY * error else best

    def _best(
        self, solver: Solver, setting: str, found: Sequence[tuple[float, np.ndarray]]
    ) -> Candidate:
        """The best setting of a kind; of equals the first, which is the smoother one."""
        candidates = [
            Candidate(solver, {setting: value}, self._score(logits), logits)
            for value, logits in found
        ]
        return max(candidates, key=lambda candidate: round(candidate.score, 9))

    def _best_mlp(self) -> Candidate:
        found = search_mlps(
            self.mlp_inputs(self.views),
            torch.from_numpy(indicators_of(self.targets, self.classes)),
            self.folds,
            self.task,
            self.seed,
        )
        candidates = [
            Candidate("mlp", _shown(setting), self._score(logits), logits)
            for setting, logits in found
        ]
        return max(candidates, key=lambda candidate: round(candidate.score, 9))

    def _score(self, logits: np.ndarray) -> float:
        probabilities = probabilities_of(logits, self.task)
        scores = compute_metrics(self.task, probabilities, self.targets, metrics=[self.metric])
        return scores.get(self.metric, 0.0)

    def _regressions(self, offset: np.ndarray | None) -> list[tuple[float, np.ndarray]]:
        views, rows, width = self.views.shape
        count = int(self.folds.max()) + 1
        kept = np.stack([self.folds != fold for fold in range(count)]).astype(np.float32)
        weight, bias = fit_regressions(
            self.views.reshape(-1, width),
            np.tile(indicators_of(self.targets, self.classes), (views, 1)),
            np.tile(kept / views, (1, views)),
            _STRENGTHS,
            self.task,
            None if offset is None else offset.reshape(-1, self.classes),
            principal=self.principal,
        )
        out = np.zeros((len(_STRENGTHS), rows, self.classes), np.float32)
        for fold in range(count):
            outside = self.folds == fold
            out[:, outside] = self.views[0, outside] @ weight[:, fold] + bias[:, fold, None]
        if offset is not None:
            out += offset[0]
        return list(zip(_STRENGTHS, out, strict=True))

    def _discriminants(self) -> list[tuple[float, np.ndarray]]:
        views, rows, width = self.views.shape
        out = np.zeros((len(_SHRINKAGES), rows, self.classes), np.float32)
        for fold in range(int(self.folds.max()) + 1):
            outside = self.folds == fold
            weight, bias = fit_discriminants(
                self.views[:, ~outside].reshape(-1, width),
                np.tile(self.targets[~outside], views),
                self.classes,
                _SHRINKAGES,
                row_weight=1 / views,
            )
            out[:, outside] = self.views[0, outside] @ weight + bias[:, None]
        return list(zip(_SHRINKAGES, out, strict=True))

    def _neighbours(self) -> list[tuple[int, np.ndarray]]:
        """Among images as they are."""
        labels = torch.from_numpy(indicators_of(self.targets, self.classes))
        features = torch.from_numpy(self.raw)
        folds = torch.from_numpy(self.folds)
        fewest = len(folds) - int(torch.bincount(folds).max())
        counts = sorted({min(count, fewest) for count in _NEIGHBOURS})
        out = np.zeros((len(counts), len(folds), self.classes), np.float32)
        for fold in range(int(folds.max()) + 1):
            inside, outside = folds != fold, folds == fold
            for number, count in enumerate(counts):
                head = NeighboursHead(
                    features[inside],
                    labels[inside],
                    count,
                    multilabel=self.task == MULTILABEL,
                )
                logits = [head(block) for block in features[outside].split(_BLOCK)]
                out[number, outside.numpy()] = torch.cat(logits).numpy()
        # More neighbours are smoother.
        return list(zip(counts, out, strict=True))[::-1]


def indicators_of(targets: np.ndarray, classes: int) -> np.ndarray:
    """float32 (n, classes) of 0 and 1."""
    if targets.ndim == 2:
        return targets.astype(np.float32)
    return np.eye(classes, dtype=np.float32)[targets]


def _shown(setting: MlpSetting) -> dict[str, Any]:
    return {"width": setting.width, "decay": setting.decay, "rounds": setting.rounds}
