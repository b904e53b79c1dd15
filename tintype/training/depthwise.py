"""Depthwise convolutions whose gradients are computed faster on a CPU.

oneDNN has fast kernels for the gradient of 3x3 filters, and slow ones for larger filters and, in bf16,
for strides (measured: `./run bench depthwise`). The gradient of a larger filter is put together of those
of 3x3 windows of it: the same sums, in another order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional

__all__ = ["fast_depthwise"]

# Every tap of a filter lies in one of its windows of this size, and windows begin at every second tap.
_WINDOW, _STEP = 3, 2

_backward = torch.ops.aten.convolution_backward


@contextmanager
def fast_depthwise(model: nn.Module) -> Iterator[None]:
    """Within it, depthwise convolutions of `model` have the faster gradients, on a CPU."""
    chosen = [m for m in model.modules() if isinstance(m, nn.Conv2d) and _is_depthwise(m)]
    for module in chosen:
        # On the instance: its class, its name and its weights remain what they are.
        module.forward = partial(_forward, module)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for module in chosen:
            del module.forward


def _is_depthwise(module: nn.Conv2d) -> bool:
    height, width = module.kernel_size
    return (
        module.groups == module.in_channels == module.out_channels
        and height == width
        and height >= _WINDOW
        and height % 2 == 1
        and module.dilation == (1, 1)
        and module.stride[0] == module.stride[1]
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
        and module.weight.device.type == "cpu"
    )


def _forward(module: nn.Conv2d, values: torch.Tensor) -> torch.Tensor:
    weight, bias = module.weight, module.bias
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        values, weight = values.to(dtype), weight.to(dtype)
        bias = None if bias is None else bias.to(dtype)
    # `_is_depthwise` chose none whose padding is a word.
    height, width = (int(side) for side in module.padding)
    if height or width:
        values = functional.pad(values, [width, width, height, height])
    result: torch.Tensor = _Depthwise.apply(values, weight, module.stride[0])
    return result if bias is None else result + bias.view(1, -1, 1, 1)


class _Depthwise(torch.autograd.Function):
    """Values (n, channels, height, width), padded, and weight (channels, 1, k, k)."""

    @staticmethod
    def forward(
        context: Any, values: torch.Tensor, weight: torch.Tensor, stride: int
    ) -> torch.Tensor:
        context.save_for_backward(values, weight)
        context.stride = stride
        return functional.conv2d(values, weight, stride=stride, groups=values.shape[1])

    @staticmethod
    def backward(
        context: Any, gradient: torch.Tensor
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        values, weight = context.saved_tensors
        stride = context.stride
        of_values = of_weight = None
        if context.needs_input_grad[0]:
            if stride > 1 and values.dtype == torch.bfloat16:
                # In bf16 this one has no fast kernel.
                wide = (gradient.float(), values.float(), weight.float())
                of_values = _gradients(*wide, stride, of_values=True).to(values.dtype)
            else:
                of_values = _gradients(gradient, values, weight, stride, of_values=True)
        if context.needs_input_grad[1]:
            of_weight = _of_weight(gradient, values, weight, stride)
        return of_values, of_weight, None


def _of_weight(
    gradient: torch.Tensor, values: torch.Tensor, weight: torch.Tensor, stride: int
) -> torch.Tensor:
    size = weight.shape[-1]
    if size == _WINDOW:
        return _gradients(gradient, values, weight, stride, of_values=False)
    result = torch.empty_like(weight)
    window = weight[:, :, :_WINDOW, :_WINDOW].contiguous()
    height = (gradient.shape[2] - 1) * stride + _WINDOW
    width = (gradient.shape[3] - 1) * stride + _WINDOW
    for top in range(0, size - _WINDOW + 1, _STEP):
        for left in range(0, size - _WINDOW + 1, _STEP):
            seen = values[:, :, top : top + height, left : left + width]
            seen = seen.contiguous(memory_format=torch.channels_last)
            part = _gradients(gradient, seen, window, stride, of_values=False)
            result[:, :, top : top + _WINDOW, left : left + _WINDOW] = part
    return result


def _gradients(
    gradient: torch.Tensor,
    values: torch.Tensor,
    weight: torch.Tensor,
    stride: int,
    *,
    of_values: bool,
) -> torch.Tensor:
    """The gradient with respect to `values`, or else to `weight`."""
    found = _backward(
        gradient,
        values,
        weight,
        None,
        [stride, stride],
        [0, 0],
        [1, 1],
        False,
        [0, 0],
        values.shape[1],
        [of_values, not of_values, False],
    )
    result: torch.Tensor = found[0 if of_values else 1]
    return result
