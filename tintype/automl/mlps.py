"""Small MLPs on features: how wide, how much weight decay and how long, by cross-validation.

The MLPs of one width, one for each fold and weight decay, learn together as one batch (AdamW;
Loshchilov and Hutter 2019). When to stop is told by the rows that a fold leaves out. The same seed
gives the same MLP.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["MlpSetting", "fit_mlp", "search_mlps"]

_WIDTHS, _DECAYS = (64, 256), (1.0, 10.0)

_RATE, _BATCH = 5e-3, 128

# Learning is looked at so many times; in between all rows are seen, or so many steps are made.
_ROUNDS, _LEAST_STEPS = 12, 10


@dataclass(frozen=True)
class MlpSetting:
    """How an MLP is made."""

    width: int
    """Units of the hidden layer."""
    decay: float
    """AdamW's, multiplied by the rate."""
    rounds: int
    """How long it learns."""


@dataclass(frozen=True)
class MlpWeights:
    """Of several MLPs of one width."""

    hidden: torch.Tensor
    """(problems, D, width)."""
    hidden_bias: torch.Tensor
    """(problems, 1, width)."""
    output: torch.Tensor
    """(problems, width, classes)."""
    output_bias: torch.Tensor
    """(problems, 1, classes)."""

    def logits(self, inputs: torch.Tensor) -> torch.Tensor:
        """Inputs (problems, n, D) -> (problems, n, classes)."""
        hidden = torch.baddbmm(self.hidden_bias, inputs, self.hidden).relu()
        return torch.baddbmm(self.output_bias, hidden, self.output)

    def tensors(self) -> list[torch.Tensor]:
        """All of them, to be learnt."""
        return [self.hidden, self.hidden_bias, self.output, self.output_bias]


def search_mlps(
    inputs: torch.Tensor,
    indicators: torch.Tensor,
    folds: np.ndarray,
    task: ClassificationTask,
    seed: int,
) -> list[tuple[MlpSetting, np.ndarray]]:
    """Settings to choose from, each stopped where its log loss out of fold is least.

    Args:
        inputs: float32 (views, n, D), about 1 in mean square: the first view is judged, and all
            are learnt from.
        indicators: float32 (n, classes) of 0 and 1.
        folds: int64 (n,), from 0.

    Returns:
        for each setting its logits out of fold, float32 (n, classes).
    """
    count = int(folds.max()) + 1
    left_out = [torch.from_numpy(np.flatnonzero(folds == fold)) for fold in range(count)]
    kept = [np.flatnonzero(folds != fold) for fold in range(count)]
    found = []
    for width in _WIDTHS:
        decays = [decay for decay in _DECAYS for _ in range(count)]
        best = _Best(len(_DECAYS))
        for rounds, weights in _learning(
            inputs, indicators, kept * len(_DECAYS), width, decays, _ROUNDS, task, seed
        ):
            logits = torch.zeros(len(_DECAYS), len(folds), indicators.shape[1])
            for fold, rows in enumerate(left_out):
                own = MlpWeights(*(tensor[fold::count] for tensor in weights.tensors()))
                logits[:, rows] = own.logits(inputs[0, rows].expand(len(_DECAYS), -1, -1))
            best.take(rounds, logits, [float(_loss(one, indicators, task)) for one in logits])
        for decay, rounds, logits in zip(_DECAYS, best.rounds, best.logits, strict=True):
            found.append((MlpSetting(width, decay, rounds), logits.numpy()))
    return found


class _Best:
    """When each of several had its least loss, and its logits then."""

    def __init__(self, count: int) -> None:
        self.rounds = [0] * count
        self.logits: list[torch.Tensor] = [torch.empty(0)] * count
        self._losses = [float("inf")] * count

    def take(self, rounds: int, logits: torch.Tensor, losses: list[float]) -> None:
        """Logits (count, n, classes) and losses after so many rounds."""
        for number, loss in enumerate(losses):
            if loss < self._losses[number]:
                self._losses[number], self.rounds[number] = loss, rounds
                self.logits[number] = logits[number]


def fit_mlp(
    inputs: torch.Tensor,
    indicators: torch.Tensor,
    setting: MlpSetting,
    task: ClassificationTask,
    seed: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """One MLP on all rows; arguments as of `search_mlps`.

    Returns:
        weights of the hidden layer (D, width) and its biases (width,), weights of the output
        (width, classes) and its biases (classes,).
    """
    rows, decays = [np.arange(inputs.shape[1])], [setting.decay]
    learning = _learning(
        inputs, indicators, rows, setting.width, decays, setting.rounds, task, seed
    )
    *_, (_, weights) = learning
    return (
        weights.hidden[0],
        weights.hidden_bias[0, 0],
        weights.output[0],
        weights.output_bias[0, 0],
    )


def _learning(
    inputs: torch.Tensor,
    indicators: torch.Tensor,
    kept: list[np.ndarray],
    width: int,
    decays: list[float],
    rounds: int,
    task: ClassificationTask,
    seed: int,
) -> Iterator[tuple[int, MlpWeights]]:
    """MLPs after 1, 2, ... `rounds` rounds, the same tensors each time.

    Args:
        kept: the rows that each learns from.
        decays: of each.
    """
    random = np.random.default_rng(seed)
    weights = _first_weights(
        len(kept), inputs.shape[2], width, _first_logits(indicators, task), seed
    )
    optimizer = torch.optim.Adam(weights.tensors(), lr=_RATE, fused=True)
    shrink = 1 - _RATE * torch.tensor(decays)[:, None, None]
    most = max(map(len, kept))
    batch = min(_BATCH, most)
    steps = max(_LEAST_STEPS, -(-most // batch))
    for number in range(rounds):
        # Rows come anew where a fold has fewer than the largest.
        size = steps * batch
        orders = torch.from_numpy(
            np.stack([np.resize(random.permutation(rows), size) for rows in kept])
        )
        views = torch.from_numpy(random.integers(len(inputs), size=orders.shape))
        for rows, view in zip(orders.split(batch, 1), views.split(batch, 1), strict=True):
            optimizer.zero_grad()
            loss = _loss(weights.logits(inputs[view, rows]), indicators[rows], task)
            loss.backward()
            with torch.no_grad():
                weights.hidden.mul_(shrink)
                weights.output.mul_(shrink)
            optimizer.step()
        yield number + 1, MlpWeights(*(tensor.detach() for tensor in weights.tensors()))


def _first_weights(
    problems: int, features: int, width: int, logits: torch.Tensor, seed: int
) -> MlpWeights:
    """The same for each problem (He et al. 2015), giving about `logits` (classes,)."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(features, width, generator=generator) * (2 / features) ** 0.5
    output = torch.randn(width, len(logits), generator=generator) * (0.1 / width) ** 0.5
    tensors = (hidden, torch.zeros(1, width), output, logits[None])
    return MlpWeights(*(tensor.repeat(problems, 1, 1).requires_grad_() for tensor in tensors))


def _first_logits(indicators: torch.Tensor, task: ClassificationTask) -> torch.Tensor:
    """(classes,): of how frequent each class is, so that no time goes into learning that."""
    shares = (indicators.sum(0) + 0.5) / (len(indicators) + 1)
    return shares.logit() if task == MULTILABEL else shares.log()


def _loss(logits: torch.Tensor, indicators: torch.Tensor, task: ClassificationTask) -> torch.Tensor:
    """Mean over rows (…, classes)."""
    if task == MULTILABEL:
        return functional.binary_cross_entropy_with_logits(logits, indicators)
    return -(indicators * logits.log_softmax(-1)).sum(-1).mean()
