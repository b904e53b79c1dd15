"""Averages of weights: one that follows the training step by step, and one of its best epochs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from tintype.training.checkpoints import save_weights

__all__ = ["MovingAverage", "Snapshots", "mix_snapshots"]

_WEIGHTS = "model.safetensors"


class MovingAverage:
    """An exponential moving average of what a model learns (Polyak & Juditsky 1992).

    average = d average + (1 - d) weights after every step t, with d = min(decay, (1 + t) / (10 + t)):
    the first steps, which are far from where it ends, are soon forgotten (as TensorFlow's
    ExponentialMovingAverage has it). One copy of the weights that learn, and of the running
    statistics of normalisation, is all it needs.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """
        Args:
            model: on the device that trains; the average begins with its weights.
            decay: the most of the old average that a step keeps.
        """
        self._decay = decay
        learning = {name: value for name, value in model.named_parameters() if value.requires_grad}
        moving = {n: value for n, value in model.named_buffers() if value.is_floating_point()}
        self._live: dict[str, torch.Tensor] = {**learning, **moving}
        self._average = {name: value.detach().clone() for name, value in self._live.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Follow the weights as they are after `step` optimizer steps, counted from 1."""
        decay = min(self._decay, (1 + step) / (10 + step))
        live = [value.detach() for value in self._live.values()]
        torch._foreach_lerp_(list(self._average.values()), live, 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the average for its weights; nothing is copied. Not for training."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The average by name."""
        return self._average

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on from what `state_dict` gave.

        Raises:
            KeyError: it is of another model.
        """
        for name, value in self._average.items():
            value.copy_(state[name])

    def _exchange(self) -> None:
        for name, live in self._live.items():
            live.data, self._average[name] = self._average[name], live.data


class Snapshots:
    """The weights of the best evaluations so far, on disk: never more than `most` at a time."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most

    def keep(
        self,
        model: nn.Module,
        history: Sequence[dict[str, Any]],
        better: Callable[[dict[str, Any], dict[str, Any]], bool],
    ) -> None:
        """Keep `model` as what the last entry of `history` was measured on, if it is among the best.

        Raises:
            OutputError: the folder cannot be written or the disk is full.
        """
        best = ranked(history, better)[: self._most]
        steps = [entry["step"] for entry in best]
        if history[-1]["step"] in steps:
            save_weights(self._path(history[-1]["step"]), model)
        for entry in history:
            if entry["step"] not in steps:
                shutil.rmtree(self._path(entry["step"]).parent, ignore_errors=True)

    def read(self, step: int) -> dict[str, torch.Tensor]:
        """The weights after `step`, on the CPU.

        Raises:
            OSError: they are not among those kept.
        """
        return load_file(self._path(step))

    def has(self, step: int) -> bool:
        """Whether the weights after `step` are kept."""
        return self._path(step).is_file()

    def _path(self, step: int) -> Path:
        return self._folder / f"after-{step:08d}" / _WEIGHTS


def ranked(
    history: Sequence[dict[str, Any]], better: Callable[[dict[str, Any], dict[str, Any]], bool]
) -> list[dict[str, Any]]:
    """Entries of `history`, the best first; of equals the earlier one first."""
    order: list[dict[str, Any]] = []
    for entry in history:
        place = next((n for n, other in enumerate(order) if better(entry, other)), len(order))
        order.insert(place, entry)
    return order


def mix_snapshots(
    snapshots: Snapshots,
    history: Sequence[dict[str, Any]],
    better: Callable[[dict[str, Any], dict[str, Any]], bool],
    measure: Callable[[dict[str, torch.Tensor]], dict[str, float]],
    *,
    greedy: bool,
) -> tuple[dict[str, torch.Tensor], dict[str, float], list[int]] | None:
    """The mean of the snapshots' weights, where it is better than the best one; else None.

    A "soup" (Wortsman et al., "Model soups", ICML 2022), of one training's epochs in place of several
    trainings. Greedy, their recipe 1: the best first, then each that makes the mean better on the
    validation images. Two sets of weights are in memory at a time.

    Args:
        better: whether the first metrics are better than the second.
        measure: validation metrics of a model with these weights.

    Returns:
        The weights, their metrics, and the steps they are from.
    """
    entries = [entry for entry in ranked(history, better) if snapshots.has(entry["step"])]
    if len(entries) < 2:
        return None
    best = entries[0]
    mean, steps = snapshots.read(best["step"]), [best["step"]]
    metrics: dict[str, Any] = best
    for entry in entries[1:]:
        wider = _mean(mean, len(steps), snapshots.read(entry["step"]))
        if greedy:
            found = measure(wider)
            if not better(found, metrics):
                continue
            metrics = found
        mean, steps = wider, [*steps, entry["step"]]
    if len(steps) == 1:
        return None
    if not greedy:
        metrics = measure(mean)
    return (mean, metrics, steps) if better(metrics, best) else None


def _mean(
    mean: dict[str, torch.Tensor], count: int, other: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The mean of `count` + 1 models; counters and other whole numbers stay those of the best."""
    return {
        name: value + (other[name] - value) / (count + 1) if value.is_floating_point() else value
        for name, value in mean.items()
    }
