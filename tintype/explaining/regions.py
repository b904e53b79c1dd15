"""XRAI (Kapishnikov et al. 2019), by the `saliency` package of its authors."""

from __future__ import annotations

from typing import Any

import numpy as np

from tintype.explaining.question import Question

__all__ = ["xrai"]


def xrai(question: Question) -> np.ndarray:
    """Float32 (h, w): each pixel has the density of integrated gradients of the region that it is ranked with.

    The gradients are integrated from two baselines, the least and the greatest value of the input, in
    `n_steps` points each; regions are Felzenszwalb & Huttenlocher's at six scales.
    """
    import torch
    from saliency.core import XRAI, XRAIParameters
    from saliency.core.base import INPUT_OUTPUT_GRADIENTS

    network = question.gradients

    def gradients(images: np.ndarray, call_model_args: Any, expected_keys: Any) -> dict[str, Any]:
        # float64 (n, h, w, 3), as the package makes them.
        values = torch.from_numpy(images.astype(np.float32)).permute(0, 3, 1, 2)
        values = values.to(network.device).requires_grad_()
        (found,) = torch.autograd.grad(question.score(values).sum(), values)
        return {INPUT_OUTPUT_GRADIENTS: found.permute(0, 2, 3, 1).float().cpu().numpy()}

    image = network.values_of(question.pixels)[0].permute(1, 2, 0).cpu().numpy()
    algorithm = "fast" if question.options.xrai_fast else "full"
    found = XRAI().GetMask(
        image,
        gradients,
        batch_size=question.options.batch_size,
        extra_parameters=XRAIParameters(steps=question.options.n_steps, algorithm=algorithm),
    )
    return found.astype(np.float32)
