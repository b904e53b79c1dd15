"""Linear heads on features computed once: fitted in seconds, judged by cross-validation.

Several kinds compete by the same folds, each over a range of its regularisation: logistic regression;
for multi-class shrunken discriminants, the nearest class mean among them; and, where a backbone reads
text, logistic regression from the zero-shot weights. Whichever wins is one linear layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tintype.automl.discriminants import fit_discriminants
from tintype.automl.folds import folds_of
from tintype.automl.logistic_regressions import fit_regressions
from tintype.evaluation.metrics import compute_metrics
from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["HeadKind", "LinearHead", "ZeroShotWeights", "fit_linear_head"]

HeadKind = Literal["logistic regression", "shrunken discriminant", "regression from zero-shot"]

# scikit-learn's C: the inverse of the regularisation, for a sum of losses over the rows.
_STRENGTHS = (0.003, 0.03, 0.3, 3.0)
_SHRINKAGES = (0.03, 0.1, 0.3, 0.6, 1.0)

# Cross-validation looks at no more rows than this, and the final fit at no more than that: the
# answer would hardly change.
_MOST_VALIDATED, _MOST_FITTED = 4000, 50_000

# Features that vary less than this share of the median one are not blown up to its size: noise in
# them would rule the head, and fine-tuning from it would begin with huge losses.
_LEAST_DEVIATION = 0.1

# Another kind than logistic regression has to be better by more standard errors of an accuracy than
# this: of several that are equally good one always looks best.
_WINS_BY = 0.5

# Temperatures that a discriminant's logits are divided by, the best by cross-validation.
_TEMPERATURES = np.geomspace(0.3, 100, 60)


@dataclass(frozen=True)
class ZeroShotWeights:
    """A linear layer that a text tower gives for raw image features."""

    weight: np.ndarray
    """float32 (classes, D)."""


@dataclass(frozen=True)
class LinearHead:
    """A linear layer for raw features."""

    weight: np.ndarray
    """float32 (classes, D)."""
    bias: np.ndarray
    """float32 (classes,)."""
    kind: HeadKind
    strength: float
    """Of a regression the inverse of its regularisation, scikit-learn's C; of a discriminant its
    shrinkage."""
    score: float
    """The metric by cross-validation on the training rows."""
    validated_rows: np.ndarray
    """int64 (m,): rows that cross-validation looked at."""
    out_of_fold: np.ndarray
    """float32 (m, classes): probabilities of each of them by a head that had not seen it."""

    def probabilities(self, features: np.ndarray, task: ClassificationTask) -> np.ndarray:
        """Features (n, D) -> float32 (n, classes)."""
        return _probabilities(features @ self.weight.T + self.bias, task)


@dataclass(frozen=True)
class _Candidate:
    """A kind of head at one regularisation, and how well it did."""

    kind: HeadKind
    strength: float
    score: float
    logits: np.ndarray
    """float32 (m, classes), out of fold."""


def fit_linear_head(
    features: np.ndarray,
    targets: np.ndarray,
    *,
    task: ClassificationTask,
    classes: int,
    metric: str,
    seed: int = 42,
    groups: np.ndarray | None = None,
    zero_shot: ZeroShotWeights | None = None,
) -> LinearHead:
    """The best head on `features`, float32 (n, D), for `targets` as `ImageTable.targets` gives
    them.

    Args:
        groups: int64 (n,): rows of one number stay in one fold of the cross-validation.
        zero_shot: what a text tower gives for the classes; a regression from there competes too.
    """
    random = np.random.default_rng(seed)
    mean, scale = features.mean(0), _scale(features)
    rows = _at_most(_MOST_VALIDATED, len(features), random)
    folds = folds_of(targets[rows], task, seed, None if groups is None else groups[rows])
    if zero_shot is not None:
        # One number, told by all rows: that of the text tower is for features of length 1.
        given = _best_temperature(features[rows] @ zero_shot.weight.T, targets[rows])
        zero_shot = ZeroShotWeights(zero_shot.weight / np.float32(given))
    offset = None if zero_shot is None else features @ zero_shot.weight.T
    problem = _Problem((features[rows] - mean) / scale, targets[rows], folds, task, classes, metric)
    best = problem.best_of(None if offset is None else offset[rows])
    fitted = _at_most(_MOST_FITTED, len(features), random)
    scaled = (features[fitted] - mean) / scale
    prior = zero_shot if best.kind == "regression from zero-shot" else None
    temperature = 1.0
    if best.kind == "shrunken discriminant":
        weights, biases = fit_discriminants(scaled, targets[fitted], classes, [best.strength])
        temperature = _best_temperature(best.logits, targets[rows])
    else:
        weights, biases = fit_regressions(
            scaled,
            _indicators(targets[fitted], classes),
            np.ones((1, len(fitted)), np.float32),
            [best.strength],
            task,
            offset[fitted] if prior is not None and offset is not None else None,
        )
    raw = weights[0].T / scale / temperature
    bias = biases[0] / temperature - raw @ mean
    if prior is not None:
        raw = raw + prior.weight
    return LinearHead(
        raw.astype(np.float32),
        bias.astype(np.float32),
        best.kind,
        best.strength,
        best.score,
        rows,
        _probabilities(best.logits / temperature, task),
    )


@dataclass(frozen=True)
class _Problem:
    """Rows, and the folds by which heads on them are judged."""

    features: np.ndarray
    """float32 (n, D), standardised."""
    targets: np.ndarray
    folds: np.ndarray
    task: ClassificationTask
    classes: int
    metric: str

    def best_of(self, offset: np.ndarray | None) -> _Candidate:
        """The kind and regularisation of the highest score; of near equals the regression.

        Args:
            offset: float32 (n, classes): logits of the zero-shot weights, where there are some.
        """
        best = self._best("logistic regression", _STRENGTHS, self._regressions(None))
        if self.task == MULTILABEL:
            return best
        rivals = [self._best("shrunken discriminant", _SHRINKAGES, self._discriminants)]
        if offset is not None:
            regressions = self._regressions(offset)
            rivals.append(self._best("regression from zero-shot", _STRENGTHS, regressions))
        rival = max(rivals, key=lambda candidate: candidate.score)
        spread = max(best.score * (1 - best.score), 1e-4)
        return (
            rival
            if rival.score > best.score + _WINS_BY * (spread / len(self.folds)) ** 0.5
            else best
        )

    def _best(
        self,
        kind: HeadKind,
        strengths: Sequence[float],
        out_of_fold: Callable[[Sequence[float]], np.ndarray],
    ) -> _Candidate:
        """The best strength of a kind; of equals the first, which is the smoother one."""
        best: _Candidate | None = None
        for strength, logits in zip(strengths, out_of_fold(strengths), strict=True):
            probabilities = _probabilities(logits, self.task)
            scores = compute_metrics(self.task, probabilities, self.targets, metrics=[self.metric])
            score = scores.get(self.metric, 0.0)
            if best is None or score > best.score + 1e-9:
                best = _Candidate(kind, strength, score, logits)
        assert best is not None
        return best

    def _regressions(self, offset: np.ndarray | None) -> Callable[[Sequence[float]], np.ndarray]:
        def out_of_fold(strengths: Sequence[float]) -> np.ndarray:
            count = int(self.folds.max()) + 1
            kept = np.stack([self.folds != fold for fold in range(count)]).astype(np.float32)
            # Problem p: fold p % count at strength p // count.
            weight, bias = fit_regressions(
                self.features,
                _indicators(self.targets, self.classes),
                np.tile(kept, (len(strengths), 1)),
                [strength for strength in strengths for _ in range(count)],
                self.task,
                offset,
            )
            out = np.zeros((len(strengths), len(self.folds), self.classes), np.float32)
            for problem in range(len(weight)):
                outside = self.folds == problem % count
                logits = self.features[outside] @ weight[problem] + bias[problem]
                out[problem // count, outside] = (
                    logits if offset is None else logits + offset[outside]
                )
            return out

        return out_of_fold

    def _discriminants(self, shrinkages: Sequence[float]) -> np.ndarray:
        out = np.zeros((len(shrinkages), len(self.folds), self.classes), np.float32)
        for fold in range(int(self.folds.max()) + 1):
            outside = self.folds == fold
            weight, bias = fit_discriminants(
                self.features[~outside], self.targets[~outside], self.classes, shrinkages
            )
            out[:, outside] = self.features[outside] @ weight + bias[:, None]
        return out


def _best_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """What logits (n, classes) are best divided by, by log loss (Guo et al. 2017)."""
    losses = [
        -np.log(np.maximum(_softmax(logits / t)[np.arange(len(targets)), targets], 1e-12)).mean()
        for t in _TEMPERATURES
    ]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def _scale(features: np.ndarray) -> np.ndarray:
    """What each feature is divided by: its deviation, or a floor under it."""
    deviation = features.std(0)
    varying = deviation[deviation > 1e-6]
    floor = _LEAST_DEVIATION * float(np.median(varying)) if len(varying) else 1.0
    return np.maximum(deviation, floor)


def _at_most(most: int, count: int, random: np.random.Generator) -> np.ndarray:
    """int64: all of `count` rows, or `most` of them at random."""
    rows = np.arange(count)
    return rows if count <= most else np.sort(random.permutation(rows)[:most])


def _indicators(targets: np.ndarray, classes: int) -> np.ndarray:
    """float32 (n, classes) of 0 and 1."""
    if targets.ndim == 2:
        return targets.astype(np.float32)
    return np.eye(classes, dtype=np.float32)[targets]


def _probabilities(logits: np.ndarray, task: ClassificationTask) -> np.ndarray:
    if task == MULTILABEL:
        return (1 / (1 + np.exp(-np.clip(logits, -60, 60)))).astype(np.float32)
    return _softmax(logits).astype(np.float32)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers: np.ndarray = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)
