"""Training steps of depthwise convolutions and of networks made of them: torch's gradients and ours.

    ./run bench depthwise

Layers of EfficientNet-Lite0 at 224 pixels, 32 images, forward and backward; then images/s of the whole
network and of its last layers, as fine-tuning runs them (channels last, fixed statistics). Medians of five.
Prints Markdown for RESULTS.md.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from machine import machine, quiet
from torch import nn

from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.classifier import load_classifier
from tintype.training.depthwise import fast_depthwise

IMAGES, REPEATS = 32, 5

# Channels, side of the map, size of the filter, stride.
LAYERS = ((672, 14, 5, 1), (1152, 7, 5, 1), (672, 14, 5, 2), (144, 56, 3, 1), (96, 112, 3, 2))

# Blocks that are frozen, of 16.
FROZEN = (0, 9, 11)


def main() -> None:
    """Run and print."""
    quiet()
    print(f"Machine: {machine()}\n")
    print("| depthwise, 32 images, bf16 | torch | Tintype | ratio |")
    print("|---|---|---|---|")
    for channels, side, size, stride in LAYERS:
        layer = nn.Conv2d(
            channels, channels, size, stride, size // 2, groups=channels, bias=False
        ).to(memory_format=torch.channels_last)
        images = torch.randn(IMAGES, channels, side, side)
        name = f"{size}x{size}, stride {stride}, {channels} channels of {side}x{side}"
        _row(name, layer, lambda layer=layer, images=images: _step(layer, images), "ms")
    print("\n| EfficientNet-Lite0, images/s | torch | Tintype | ratio |")
    print("|---|---|---|---|")
    for frozen in FROZEN:
        model: Any = load_classifier(
            resolve_checkpoint("tintype/efficientnet-lite0"), classes=tuple("abcdefghij")
        )
        model.to(memory_format=torch.channels_last)
        name = f"blocks {frozen + 1} to 16 and the head" if frozen else "all layers"
        _row(name, model, lambda model=model, frozen=frozen: _training(model, frozen), "images/s")


def _row(name: str, module: nn.Module, run: Callable[[], None], unit: str) -> None:
    figures = []
    for context in (nullcontext(), fast_depthwise(module)):
        with context:
            run()
            seconds = statistics.median(_timed(run) for _ in range(REPEATS))
        figures.append(IMAGES / seconds if unit == "images/s" else seconds * 1000)
    ratio = figures[1] / figures[0] if unit == "images/s" else figures[0] / figures[1]
    shown = " | ".join(f"{figure:.1f}{'' if unit == 'images/s' else ' ms'}" for figure in figures)
    print(f"| {name} | {shown} | {ratio:.1f}x |", flush=True)


def _timed(run: Callable[[], None]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def _step(layer: nn.Module, images: torch.Tensor) -> None:
    images = images.contiguous(memory_format=torch.channels_last).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        result = layer(images)
    result.sum().backward()


def _training(model: Any, frozen: int) -> None:
    network = model.efficientnet_lite
    side, channels = (14, 112) if frozen else (224, 3)
    values = torch.randn(IMAGES, channels, side, side).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        values = values if frozen else network.stem(values)
        for block in network.blocks[frozen:]:
            values = block(values)
        logits = model.classifier(network.top(values).mean((2, 3)))
        loss = nn.functional.cross_entropy(logits, torch.arange(IMAGES) % 10)
    loss.backward()
    model.zero_grad()


if __name__ == "__main__":
    main()
