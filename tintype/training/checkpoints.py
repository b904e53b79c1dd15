"""Training checkpoints: everything a killed run needs to go on exactly, without a pickle.

A checkpoint is a folder `step-<n>` with `model.safetensors` (all weights and buffers),
`optimizer.safetensors` (every state tensor of the optimizer, by position) and `trainer.json`
(step, schedule, history, best so far), and `average.safetensors` where a moving average of the
weights is kept. It appears whole or not at all. No random state is kept:
every step seeds its own generators from (seed, step).
"""

from __future__ import annotations

import errno
import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from tintype.errors import CheckpointError
from tintype.files import atomic_folder, write_json

__all__ = [
    "TrainerState",
    "latest_checkpoint",
    "load_best",
    "load_checkpoint",
    "load_weights",
    "prune_checkpoints",
    "save_best",
    "save_checkpoint",
    "save_weights",
]

# Among checkpoints: the weights that did best so far, and their validation logits.
_BEST, _LOGITS = "best", "validation_logits.npy"


@dataclass
class TrainerState:
    """Where a run stands after `step` optimizer steps."""

    step: int = 0
    best_step: int = -1
    best_metric: float | None = None
    evaluations_without_improvement: int = 0
    batch_size: int = 0
    """The batch size in force, after any halving for lack of memory."""

    history: list[dict[str, Any]] = field(default_factory=list)
    fingerprint: str = ""
    """Digest of data, checkpoint and parameters: a resume must match it."""

    best_metrics: dict[str, float] = field(default_factory=dict)
    """All validation metrics of the best weights."""

    averaged: list[str] = field(default_factory=list)
    """What the best weights are the average of; empty where they are as they were learnt."""

    finished: bool = False


class Average(Protocol):
    """A moving average of weights: what is saved and read of it."""

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Tensors by name."""

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Raises KeyError where one is missing."""


def save_checkpoint(
    folder: Path,
    state: TrainerState,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: Any,
    *,
    average: Average | None = None,
) -> Path:
    """Write `folder/step-<n>` and return it.

    Raises:
        OutputError: the folder cannot be written or the disk is full.
    """
    path = folder / f"step-{state.step:08d}"
    tensors, scalars = _flatten(optimizer.state_dict()["state"])
    with atomic_folder(path) as temporary:
        _save_tensors(model.state_dict(), temporary / "model.safetensors")
        _save_tensors(tensors, temporary / "optimizer.safetensors")
        if average is not None:
            _save_tensors(average.state_dict(), temporary / "average.safetensors")
        trainer = {
            "state": asdict(state),
            "optimizer_scalars": scalars,
            "learning_rates": [group["lr"] for group in optimizer.param_groups],
            "schedule": {
                key: value
                for key, value in schedule.state_dict().items()
                if isinstance(value, int | float | list | bool) and key != "lr_lambdas"
            },
        }
        write_json(temporary / "trainer.json", trainer)
    return path


def load_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: Any,
    *,
    average: Average | None = None,
) -> TrainerState:
    """Put model, optimizer, schedule and average back as they were and return the trainer's state.

    Raises:
        CheckpointError: a file is missing or damaged.
    """
    try:
        trainer = json.loads((path / "trainer.json").read_text("utf-8"))
        tensors = load_file(path / "optimizer.safetensors")
        load_weights(path / "model.safetensors", model)
        if average is not None:
            average.load_state_dict(load_file(path / "average.safetensors"))
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise CheckpointError(f"the training checkpoint {path} is damaged: {error}") from None
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict(
        {"state": _unflatten(tensors, trainer["optimizer_scalars"]), "param_groups": groups}
    )
    _lay_out(optimizer)
    for group, rate in zip(optimizer.param_groups, trainer["learning_rates"], strict=True):
        group["lr"] = rate
    schedule.load_state_dict(schedule.state_dict() | trainer["schedule"])
    return TrainerState(**trainer["state"])


def latest_checkpoint(folder: Path) -> Path | None:
    """The checkpoint with the highest step in `folder`, or None."""
    steps = sorted(folder.glob("step-*"))
    return steps[-1] if steps else None


def prune_checkpoints(folder: Path, keep: int, *, every: int | None = None) -> None:
    """Remove all but the `keep` newest checkpoints, and those at multiples of `every` steps.

    `keep` -1 keeps all.
    """
    steps = [
        path
        for path in sorted(folder.glob("step-*"))
        if every is None or int(path.name.removeprefix("step-")) % every
    ]
    for path in steps[: max(0, len(steps) - keep)] if keep >= 0 else []:
        shutil.rmtree(path, ignore_errors=True)


def save_weights(path: Path, model: nn.Module) -> None:
    """Write all weights and buffers of `model` to one safetensors file, atomically.

    Raises:
        OutputError: the folder cannot be written or the disk is full.
    """
    with atomic_folder(path.parent) as temporary:
        _save_tensors(model.state_dict(), temporary / path.name)


def load_weights(path: Path, model: nn.Module) -> None:
    """Read what `save_weights` wrote back into a model of the same shape."""
    model.load_state_dict(load_file(path))


def save_best(folder: Path, model: nn.Module, logits: np.ndarray) -> None:
    """Write the weights that did best so far, and what they say of the validation images.

    Args:
        folder: of the training's checkpoints.
        logits: float32 (n, classes).

    Raises:
        OutputError: the folder cannot be written or the disk is full.
    """
    with atomic_folder(folder / _BEST) as temporary:
        _save_tensors(model.state_dict(), temporary / "model.safetensors")
        np.save(temporary / _LOGITS, logits)


def load_best(folder: Path, model: nn.Module) -> np.ndarray:
    """Read what `save_best` wrote back: the weights into `model`; the logits are returned."""
    load_weights(folder / _BEST / "model.safetensors", model)
    logits: np.ndarray = np.load(folder / _BEST / _LOGITS, allow_pickle=False)
    return logits


def _save_tensors(tensors: dict[str, torch.Tensor], path: Path) -> None:
    # Tied weights share storage, which safetensors refuses: each name gets its own copy.
    seen: set[int] = set()
    whole = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu().contiguous()
        whole[name] = tensor.clone() if tensor.data_ptr() in seen else tensor
        seen.add(tensor.data_ptr())
    try:
        save_file(whole, path)
    except SafetensorError as error:
        # It wraps the system's error, a full disk above all, in a type of its own.
        raise OSError(errno.ENOSPC, str(error)) from None


def _flatten(
    state: dict[int, dict[str, Any]],
) -> tuple[dict[str, torch.Tensor], dict[str, float | int | None]]:
    tensors: dict[str, torch.Tensor] = {}
    scalars: dict[str, float | int | None] = {}
    for position, entry in state.items():
        for name, value in entry.items():
            target = tensors if isinstance(value, torch.Tensor) else scalars
            target[f"{position}.{name}"] = value
    return tensors, scalars


def _lay_out(optimizer: torch.optim.Optimizer) -> None:
    """Lay the optimizer's state out in memory as the weights are.

    Files hold tensors row by row; fused optimizers walk memory, and would pair the weights of a
    convolution, whose channels lie last, with the state of others.
    """
    for parameter, entry in optimizer.state.items():
        for name, value in entry.items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                entry[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _unflatten(
    tensors: dict[str, torch.Tensor], scalars: dict[str, float | int | None]
) -> dict[int, dict[str, Any]]:
    state: dict[int, dict[str, Any]] = {}
    for name, value in {**tensors, **scalars}.items():
        position, key = name.split(".", 1)
        state.setdefault(int(position), {})[key] = value
    return state
