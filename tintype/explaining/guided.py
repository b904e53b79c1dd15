"""Guided backpropagation (Springenberg et al. 2015) and guided Grad-CAM (Selvaraju et al. 2017)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers.activations import ACT2FN, LinearActivation

from tintype.explaining.question import Question

__all__ = ["guided_backprop", "guided_gradcam"]


def _activation_kinds() -> tuple[type[nn.Module], ...]:
    """Classes of torch's and transformers' activations that are shaped like ReLU. Gates are not: they weigh
    what passes by."""
    kinds = {nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU, nn.Hardswish}
    kinds |= {kind[0] if isinstance(kind, tuple) else kind for kind in dict.values(ACT2FN)}
    return tuple(kinds - {nn.Sigmoid, nn.Tanh, LinearActivation})


_ACTIVATIONS = _activation_kinds()


def guided_backprop(question: Question) -> np.ndarray:
    """Float32 (3, h, w): the gradient by the normalised input, of which every activation lets the positive
    part alone through.

    For ReLU this is Captum's `GuidedBackprop`, which leaves other activations as they are; here ReLU6, GELU
    and the rest are guided, too.
    """
    return _guided_gradient(question)[0].cpu().numpy()


def guided_gradcam(question: Question) -> np.ndarray:
    """Float32 (3, h, w): Grad-CAM of the last map of the network, enlarged (bilinear, as in the paper), times
    guided backpropagation."""
    from captum.attr import LayerAttribution, LayerGradCam

    values = question.gradients.values_of(question.pixels)
    layer = _last_map(question, values)
    heat = LayerGradCam(question.score, layer).attribute(values, relu_attributions=True)
    enlarged = LayerAttribution.interpolate(heat, tuple(values.shape[2:]), "bilinear")
    return (enlarged * _guided_gradient(question))[0].detach().float().cpu().numpy()


def _guided_gradient(question: Question) -> torch.Tensor:
    """Float32 (1, 3, h, w)."""
    values = question.gradients.values_of(question.pixels).requires_grad_()
    with _guided(question.gradients.network):
        (gradient,) = torch.autograd.grad(question.score(values).sum(), values)
    return gradient.float()


@contextmanager
def _guided(network: nn.Module) -> Iterator[None]:
    """Within it, gradients that leave an activation towards the input lose their negative part."""

    def guide(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor | None:
        if not inputs[0].requires_grad:
            return None
        # A copy, so that what else reads the activation's input (a residual) keeps its gradient.
        copy = inputs[0].clone()
        copy.register_hook(torch.relu)
        return copy

    hooks = [
        module.register_forward_pre_hook(guide)
        for module in network.modules()
        if isinstance(module, _ACTIVATIONS)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _last_map(question: Question, values: torch.Tensor) -> nn.Module:
    """The last module whose output (1, channels, height, width) still has more than one place."""
    found: list[nn.Module] = []

    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.ndim == 4 and output[0, 0].numel() > 1:
            found.append(module)

    hooks = [
        module.register_forward_hook(note) for module in question.gradients.network.model.modules()
    ]
    try:
        with torch.no_grad():
            question.gradients.outputs_of(values)
    finally:
        for hook in hooks:
            hook.remove()
    return found[-1]
