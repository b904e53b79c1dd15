"""What a method is asked: one image, one target, and the two ways to ask the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tintype.explaining.giving_up import check_wanted
from tintype.explaining.targets import Target
from tintype.schemas.explanation import ExplanationOptions
from tintype.scoring.scorer import Scorer

if TYPE_CHECKING:
    import torch

    from tintype.explaining.gradient_network import GradientNetwork

__all__ = ["Question", "mean_colour"]


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
        """What is differentiated, (n,), of the network's input (n, 3, h, w).

        Raises:
            TimeoutError: nobody waits for it any more.
        """
        check_wanted()
        return self.target.score(self.gradients.outputs_of(values))


def mean_colour(scorer: Scorer) -> np.ndarray:
    """The colour that normalising makes 0, uint8 (3,): what stands for "nothing there".

    It is the mean of the images that the model was trained on, and the baseline of Captum's methods.
    """
    scale, shift = scorer.preprocessor.scale_and_shift()
    return np.rint(-shift / scale).clip(0, 255).astype(np.uint8)
