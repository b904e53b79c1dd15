"""The first layers of a network, when they learn nothing, apart from the rest.

What they make of an image is computed once, at the speed of inference, and only the rest is trained.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

from tintype.errors import CheckpointError, MissingExtraError
from tintype.models.runtimes.choice import choose_runtime
from tintype.training.adaptation import layers_of

__all__ = ["FrozenLayers", "frozen_runner"]

# Two ways to the same logits differ by rounding alone.
_TOLERANCE = 1e-3


class FrozenLayers(nn.Module):
    """pixel_values (n, 3, height, width) -> activations (n, …), what the first layer that learns is
    given."""

    def __init__(self, model: PreTrainedModel, count: int) -> None:
        """Prefer `FrozenLayers.of`.

        Args:
            model: a classifier in evaluation mode.
            count: of its layers, as `layers_of` has them.
        """
        super().__init__()
        layers = layers_of(model)
        self._model = model
        self._first = layers[count]
        self._frozen = layers[:count]

    @classmethod
    def of(cls, model: PreTrainedModel, count: int, size: tuple[int, int]) -> FrozenLayers | None:
        """The first `count` layers of `model`.

        Args:
            size: (height, width) of its input in pixels.

        Returns:
            None where they cannot be taken apart: nothing is frozen, nothing learns but the head, or
            the network passes on more than one tensor between its layers.
        """
        layers = layers_of(model)
        names = {id(module) for module in model.modules()}
        if not 0 < count < len(layers) or any(id(layer) not in names for layer in layers):
            return None
        frozen = cls(model, count)
        pixel_values = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
        try:
            with torch.no_grad():
                activations = frozen(pixel_values)
                expected = model(pixel_values=pixel_values).logits
                with frozen.taken_out(size) as logits_of:
                    found = logits_of(activations)
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError):
            return None
        close = found.shape == expected.shape and torch.allclose(
            found, expected, rtol=_TOLERANCE, atol=_TOLERANCE * float(expected.abs().max())
        )
        return frozen if close else None

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """What the first layer that learns is given."""
        seen: list[torch.Tensor] = []

        def look(module: nn.Module, arguments: Any, named: Any) -> None:
            seen.append(arguments[0] if arguments else named["hidden_states"])

        hook = self._first.register_forward_pre_hook(look, with_kwargs=True)
        try:
            self._model(pixel_values=pixel_values)
        finally:
            hook.remove()
        return seen[0]

    @contextmanager
    def taken_out(self, size: tuple[int, int]) -> Iterator[Callable[[torch.Tensor], torch.Tensor]]:
        """Within it the frozen layers of the model do nothing.

        Gives what computes logits (n, classes) from activations (n, …).
        """
        model = self._model
        device = next(self._first.parameters()).device
        nothing = torch.zeros(1, 3, *size, device=device)
        given: list[torch.Tensor] = []

        def give(module: nn.Module, arguments: Any, named: Any) -> Any:
            if arguments:
                return (given[-1], *arguments[1:]), named
            return arguments, {**named, "hidden_states": given[-1]}

        def logits_of(activations: torch.Tensor) -> torch.Tensor:
            given.append(activations)
            try:
                logits: torch.Tensor = model(pixel_values=nothing).logits
            finally:
                given.pop()
            return logits

        outputs = _outputs(model, self._frozen, nothing)
        hook = self._first.register_forward_pre_hook(give, with_kwargs=True)
        try:
            for layer, output in zip(self._frozen, outputs, strict=True):
                # They say what they said of one image, whatever they are asked: so all between
                # them runs as ever, on one image, and costs nothing.
                layer.forward = partial(_said, output)
            yield logits_of
        finally:
            hook.remove()
            for layer in self._frozen:
                vars(layer).pop("forward", None)


def _said(output: Any, *arguments: Any, **named: Any) -> Any:
    return output


def _outputs(model: nn.Module, layers: list[nn.Module], pixel_values: torch.Tensor) -> list[Any]:
    """What each layer gives for `pixel_values`."""
    outputs: dict[int, Any] = {}

    def keep(module: nn.Module, arguments: Any, output: Any) -> None:
        outputs[id(module)] = output

    hooks = [layer.register_forward_hook(keep) for layer in layers]
    try:
        with torch.no_grad():
            model(pixel_values=pixel_values)
    finally:
        for hook in hooks:
            hook.remove()
    return [outputs[id(layer)] for layer in layers]


def frozen_runner(
    frozen: FrozenLayers, size: tuple[int, int], device: torch.device
) -> Callable[[torch.Tensor], np.ndarray]:
    """What computes activations, float16 (n, …), of pixel_values (n, 3, height, width), on the fastest
    engine."""
    choice = choose_runtime("auto", "auto", device.type)
    if choice.runtime == "openvino":
        try:
            return _in_openvino(frozen, size, choice.precision, choice.threads)
        except (CheckpointError, MissingExtraError):
            pass  # Slower, and as good.
    half = torch.bfloat16 if choice.precision == "bf16" else torch.float32

    def run(pixel_values: torch.Tensor) -> np.ndarray:
        with torch.no_grad(), torch.autocast(device.type, half, enabled=half != torch.float32):
            return _halved(frozen(pixel_values.to(device)).float().cpu().numpy())

    return run


def _in_openvino(
    frozen: FrozenLayers, size: tuple[int, int], precision: Any, threads: int
) -> Callable[[torch.Tensor], np.ndarray]:
    from tintype.models.runtimes.openvino_runtime import OpenvinoRuntime, convert_to_openvino

    with tempfile.TemporaryDirectory(prefix="tintype-frozen-") as folder:
        graph = Path(folder) / "frozen.xml"
        convert_to_openvino(frozen, (torch.zeros(2, 3, *size),), graph, [-1, 3, *size])
        runtime = OpenvinoRuntime(graph, precision, threads=threads)
    return lambda pixel_values: _halved(runtime.run(pixel_values.contiguous().numpy()))


def _halved(activations: np.ndarray) -> np.ndarray:
    """float16, what lies beyond its range at its ends."""
    most = np.finfo(np.float16).max
    return np.clip(activations, -most, most).astype(np.float16)
