"""What a method is asked: one image, one target, and the two ways to ask the model."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tintype.errors import UsageError
from tintype.explaining.targets import Target
from tintype.schemas.explanation import ExplanationOptions
from tintype.scoring.scorer import Scorer

if TYPE_CHECKING:
    import torch

    from tintype.models.networks import ImageNetwork

__all__ = ["GradientNetwork", "Question", "mean_colour"]


class GradientNetwork:
    """A Scorer's network in torch, a copy of its own: scoring goes on beside it.

    It computes in the Scorer's precision where that is bf16 (by autocast; weights and gradients of the input
    stay float32), else in fp32: int8 has no gradients.
    """

    def __init__(self, scorer: Scorer) -> None:
        """
        Raises:
            UsageError: the model's weights are not on disk.
            CheckpointError: they cannot be loaded.
        """
        import torch

        from tintype.models.networks import load_image_network

        if scorer.checkpoint is None:
            raise UsageError(
                "gradients need the model's weights on disk: save it as a model folder"
            )
        network = load_image_network(scorer.checkpoint, scorer.preprocessor, scorer.output)  # type: ignore[arg-type]
        self.device = torch.device(scorer.choice.device)
        self.network: ImageNetwork = network.requires_grad_(False).to(self.device)
        self.precision = "bf16" if scorer.choice.precision == "bf16" else "fp32"

    def values_of(self, pixels: np.ndarray) -> torch.Tensor:
        """uint8 (h, w, 3) -> the network's input, float32 (1, 3, h, w)."""
        import torch

        # A copy: decoded pixels may be read-only.
        batch = torch.from_numpy(pixels[None].copy()).to(self.device)
        return self.network.values_of(batch).float()

    def outputs_of(self, values: torch.Tensor) -> torch.Tensor:
        """Float32 (n, 3, h, w) -> float32 (n, D)."""
        with self._autocast():
            return self.network.outputs_of(values).float()

    def _autocast(self) -> AbstractContextManager[object]:
        import torch

        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)


@dataclass(frozen=True)
class Question:
    """One image and one target."""

    pixels: np.ndarray
    """uint8 (h, w, 3): the model's input before it is normalised."""

    target: Target
    options: ExplanationOptions

    confidences: Callable[[np.ndarray], np.ndarray]
    """uint8 (n, h, w, 3) -> float32 (n,): how sure the Scorer is of the target, in its own runtime."""

    mean_colour: np.ndarray
    """uint8 (3,): see `mean_colour`."""

    network: GradientNetwork | None = None
    """None where only outputs can be had."""

    @property
    def gradients(self) -> GradientNetwork:
        """The network; asked for by methods that need gradients alone."""
        assert self.network is not None, "check_method lets no such method come here"
        return self.network

    def score(self, values: torch.Tensor) -> torch.Tensor:
        """What is differentiated, (n,), of the network's input (n, 3, h, w)."""
        return self.target.score(self.gradients.outputs_of(values))


def mean_colour(scorer: Scorer) -> np.ndarray:
    """The colour that normalising makes 0, uint8 (3,): what stands for "nothing there".

    It is the mean of the images that the model was trained on, and the baseline of Captum's methods.
    """
    scale, shift = scorer.preprocessor.scale_and_shift()
    return np.rint(-shift / scale).clip(0, 255).astype(np.uint8)
