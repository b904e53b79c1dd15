"""Frozen layers run once for each view of an image: the same model comes of it, sooner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint

from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.classifier import load_classifier
from tintype.training.activation_inputs import ActivationInputs
from tintype.training.adaptation import freeze_layers
from tintype.training.augmentation import Step
from tintype.training.frozen_layers import FrozenLayers, frozen_runner

FAMILIES = ("vit", "beit", "deit", "dinov2", "swin", "resnet", "convnext", "efficientnet_lite")


def classifier(folder: Path, family: str) -> tuple[Any, tuple[int, int]]:
    checkpoint = resolve_checkpoint(str(write_checkpoint(folder / family, family)))
    side = int(checkpoint.config.get("image_size", 64))
    return load_classifier(checkpoint), (side, side)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_can_be_taken_apart(tmp_path: Path, family: str) -> None:
    model, size = classifier(tmp_path, family)
    frozen = FrozenLayers.of(model, 2, size)
    assert frozen is not None
    images = torch.randn(3, 3, *size)
    with torch.no_grad():
        expected = model(pixel_values=images).logits
        activations = frozen(images)
        with frozen.taken_out(size) as logits_of:
            found = logits_of(activations)
        again = model(pixel_values=images).logits
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(again, expected)


def test_what_learns_has_the_same_gradients(tmp_path: Path) -> None:
    model, size = classifier(tmp_path, "vit")
    freeze_layers(model, 2)
    frozen = FrozenLayers.of(model, 2, size)
    assert frozen is not None
    images = torch.randn(3, 3, *size)
    model(pixel_values=images).logits.square().sum().backward()
    expected = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    activations = frozen(images).detach()
    with frozen.taken_out(size) as logits_of:
        logits_of(activations).square().sum().backward()
    found = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("count", [0, 99])
def test_nothing_to_take_apart(tmp_path: Path, count: int) -> None:
    model, size = classifier(tmp_path, "vit")
    assert FrozenLayers.of(model, count, size) is None


def test_an_engine_gives_what_torch_gives(tmp_path: Path) -> None:
    model, size = classifier(tmp_path, "efficientnet_lite")
    frozen = FrozenLayers.of(model, 3, size)
    assert frozen is not None
    images = torch.randn(3, 3, *size)
    with torch.no_grad():
        expected = frozen(images)
    found = torch.from_numpy(frozen_runner(frozen, size, torch.device("cpu"))(images)).float()
    assert found.shape == expected.shape
    # bf16 on chips that have it.
    assert float((found - expected).norm() / expected.norm()) < 0.03


class _Pixels:
    """Rows of their own number; augmentation adds the step, in hundredths."""

    computes = False

    def __init__(self) -> None:
        self.finished: list[int] = []

    def gather(self, rows: np.ndarray, epoch: int = 0) -> torch.Tensor:
        return torch.from_numpy(rows.astype(np.float32))[:, None]

    def finish(self, batch: torch.Tensor, *, step: Step | None) -> torch.Tensor:
        self.finished.append(len(batch))
        return batch if step is None else batch + torch.as_tensor(step / 100).float().view(-1, 1)


def _inputs(pixels: _Pixels, file: Path, **more: Any) -> ActivationInputs:
    options: dict[str, Any] = {"augmented": True, "most_bytes": 1000, **more}
    return ActivationInputs(
        pixels, 4, lambda values: values.numpy().astype(np.float16), file=file, **options
    )


def test_views_come_in_turn_and_are_computed_once(tmp_path: Path) -> None:
    pixels, file = _Pixels(), tmp_path / "a.f16"
    inputs = _inputs(pixels, file, most_bytes=16)
    assert inputs.views == 2
    first = inputs.gather(np.array([2, 0]), 0)
    assert first[:, 0].tolist() == pytest.approx([2.02, 0.0], abs=1e-2)
    second = inputs.gather(np.array([2]), 1)
    assert second[0, 0].item() == pytest.approx(2.06, abs=1e-2)
    computed = len(pixels.finished)
    assert torch.equal(inputs.gather(np.array([2, 0]), 2), first)
    assert len(pixels.finished) == computed
    # Whatever is asked for together, a row's view is the same.
    other = _inputs(_Pixels(), tmp_path / "b.f16", most_bytes=16)
    assert torch.equal(other.gather(np.array([3, 1, 2]), 1)[2], second[0])
    inputs.close()
    assert not file.exists()


def test_without_augmentation_there_is_one_view(tmp_path: Path) -> None:
    inputs = _inputs(_Pixels(), tmp_path / "a.f16", augmented=False)
    assert inputs.views == 1
    assert torch.equal(inputs.gather(np.array([1]), 0), inputs.gather(np.array([1]), 5))


def test_what_is_too_large_is_not_kept(tmp_path: Path) -> None:
    inputs = _inputs(_Pixels(), tmp_path / "a.f16", most_bytes=7)
    assert not inputs.kept
    assert inputs.gather(np.array([1]), 3)[0, 0].item() == pytest.approx(1.13, abs=1e-2)
    assert not (tmp_path / "a.f16").exists()
