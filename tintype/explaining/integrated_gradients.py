"""Integrated gradients (Sundararajan, Taly & Yan 2017), by Captum, in batches of points."""

from __future__ import annotations

import numpy as np

from tintype.explaining.question import Question

__all__ = ["integrated_gradients"]


def integrated_gradients(question: Question) -> np.ndarray:
    """Float32 (3, h, w): the input times the mean gradient on the way to it from a baseline of zeros, the
    mean colour. Together they add up to the score less that of the baseline, but for the approximation."""
    from captum.attr import IntegratedGradients

    values = question.gradients.values_of(question.pixels)
    attributions = IntegratedGradients(question.score).attribute(
        values,
        baselines=0.0,
        n_steps=question.options.n_steps,
        method=question.options.approximation_method,
        internal_batch_size=min(question.options.batch_size, question.options.n_steps),
    )
    return attributions[0].detach().float().cpu().numpy()
