"""Occlusion (Zeiler & Fergus 2014), by Captum: how much confidence a covered window takes away."""

from __future__ import annotations

import numpy as np
import torch

from tintype.explaining.question import Question

__all__ = ["occlusion"]


def occlusion(question: Question) -> np.ndarray:
    """Float32 (h, w): the loss of confidence, averaged over the windows that cover a pixel.

    A window is covered with the mean colour, and moves by half of its side.
    """
    from captum.attr import Occlusion

    def confidences(images: torch.Tensor) -> torch.Tensor:
        # float32 of whole levels (n, 3, h, w).
        pixels = images.permute(0, 2, 3, 1).to(torch.uint8).contiguous()
        return torch.from_numpy(question.confidences(pixels.numpy()))

    image = torch.from_numpy(question.pixels.astype(np.float32)).permute(2, 0, 1)[None]
    nothing = torch.from_numpy(question.mean_colour.astype(np.float32)).view(1, 3, 1, 1)
    side = max(1, round(min(question.pixels.shape[:2]) * question.options.window))
    step = max(1, side // 2)
    attributions = Occlusion(confidences).attribute(
        image,
        sliding_window_shapes=(3, side, side),
        strides=(3, step, step),
        baselines=nothing.expand_as(image),
        perturbations_per_eval=question.options.batch_size,
    )
    # The same for all channels, which are covered together.
    return attributions[0, 0].float().numpy()
