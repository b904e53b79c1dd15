"""Attention as an explanation: weighted by its gradients (Chefer, Gur & Wolf 2021, "Generic
attention-model explainability for interpreting bi-modal and encoder-decoder transformers", equations 5
and 6), or multiplied through the layers (Abnar & Zuidema 2020, "Quantifying attention flow in
transformers", attention rollout).

Both follow relevance from the tokens that the answer is read from, back through every layer, to the patches.
In the papers that is [CLS] alone. Here a token counts by the size of its gradient times its state after the
last layer, so that means over patches (BEiT), [CLS] with a mean (DINOv2), two tokens (DeiT) and attention
pooling (SigLIP) are followed as well; where [CLS] alone is read, all of it is [CLS]'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from tintype.errors import ModelError
from tintype.explaining.gradient_network import patch_size_of
from tintype.explaining.question import Question
from tintype.explaining.step_by_step import attending_step_by_step

__all__ = ["attention", "attention_rollout"]


@dataclass(frozen=True)
class _Pass:
    """What one pass of the network left: all of it still in torch's graph."""

    score: torch.Tensor
    """(1,)."""
    layers: list[torch.Tensor]
    """Attention of each layer (1, heads, tokens, tokens), the first layer first."""
    states: torch.Tensor
    """(1, tokens, channels) after the last layer."""


def attention(question: Question) -> np.ndarray:
    """Float32 (rows, columns) of the patches: at least 0."""
    passed = _pass_of(question)
    states, *gradients = torch.autograd.grad(
        passed.score.sum(), [passed.states, *passed.layers], materialize_grads=True
    )
    relevance = _read_from(passed.states, states)
    for weights, gradient in zip(reversed(passed.layers), reversed(gradients), strict=True):
        relevance = relevance + relevance @ (weights * gradient)[0].relu().float().mean(0)
    return _of_patches(question, relevance)


def attention_rollout(question: Question) -> np.ndarray:
    """Float32 (rows, columns) of the patches: at least 0. The target counts only in what tokens are read."""
    passed = _pass_of(question)
    (states,) = torch.autograd.grad(passed.score.sum(), passed.states)
    relevance = _read_from(passed.states, states)
    for weights in reversed(passed.layers):
        # Half of a token's state comes past the attention, by the residual.
        relevance = (relevance + relevance @ weights[0].float().mean(0)) / 2
    return _of_patches(question, relevance)


def _read_from(states: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """The share of each token in what the score is read from: (tokens,), adding up to 1."""
    parts = (states * gradients)[0].float().sum(1).abs()
    return parts / parts.sum().clamp_min(1e-30)


def _of_patches(question: Question, relevance: torch.Tensor) -> np.ndarray:
    """`relevance` (tokens,) of the patches, which stand behind all other tokens, as the image has them."""
    height, width = question.pixels.shape[:2]
    patch = patch_size_of(question.gradients.network)
    if patch is None:
        raise ModelError("the network's config names no patch_size, so its tokens have no place")
    rows, columns = height // patch, width // patch
    patches = relevance.detach()[-rows * columns :]
    return patches.view(rows, columns).cpu().numpy()


def _pass_of(question: Question) -> _Pass:
    """One pass that keeps every layer's attention.

    Raises:
        ModelError: the network has no attention from every token to every token.
    """
    network = question.gradients
    layers: list[torch.Tensor] = []
    by_tokens: list[torch.Tensor] = []

    def keep(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor):
            by_tokens.append(output)
            return
        if not isinstance(output, tuple) or len(output) < 2:
            return
        weights = output[1]
        if not isinstance(weights, torch.Tensor) or weights.ndim != 4:
            return
        # A module around the one that attends hands on the same tensor.
        known = bool(layers) and weights is layers[-1]
        if weights.shape[2] == weights.shape[3] and not known:
            layers.append(weights)

    hooks = [module.register_forward_hook(keep) for module in network.network.model.modules()]
    try:
        with attending_step_by_step(network.network):
            values = network.values_of(question.pixels).requires_grad_()
            score = question.score(values)
    finally:
        for hook in hooks:
            hook.remove()
    if not layers:
        raise ModelError("the network shows no attention weights")
    tokens = layers[-1].shape[-1]
    states = next(
        each for each in reversed(by_tokens) if each.ndim == 3 and each.shape[1] == tokens
    )
    return _Pass(score, layers, states)
