"""Attention in steps that torch can differentiate one by one, its weights being a tensor among others.

transformers has an "eager" attention that does the same, with a softmax that goes to float32 and back; this one
leaves that to torch's softmax, which sums in float32 within.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, PreTrainedModel

__all__ = ["attend_step_by_step", "attending_step_by_step"]

_NAME = "tintype_step_by_step"


def _attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, heads, tokens, d) each -> (n, tokens, heads, d), and the weights (n, heads, tokens, tokens)."""
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = (query * scaling) @ key.transpose(2, 3)
    # A mask, or biases by the places of patches (BEiT).
    weights = (scores if attention_mask is None else scores + attention_mask).softmax(-1)
    return (weights @ value).transpose(1, 2).contiguous(), weights


AttentionInterface.register(_NAME, _attend)


def attend_step_by_step(network: nn.Module) -> None:
    """Have every model of transformers in `network` attend so from now on."""
    for model in _models(network):
        model.set_attn_implementation(_NAME)


@contextmanager
def attending_step_by_step(network: nn.Module) -> Iterator[None]:
    """Within it, `network` attends so: fused kernels never have the weights as a tensor."""
    before = [(model, model.config._attn_implementation) for model in _models(network)]
    attend_step_by_step(network)
    try:
        yield
    finally:
        for model, implementation in before:
            model.set_attn_implementation(implementation)


def _models(network: nn.Module) -> list[PreTrainedModel]:
    return [module for module in network.modules() if isinstance(module, PreTrainedModel)]
