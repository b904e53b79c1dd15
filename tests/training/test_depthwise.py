"""Depthwise convolutions: faster gradients, the same numbers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tintype.training.depthwise import fast_depthwise


def _network(size: int, stride: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(8, 8, size, stride=stride, padding=size // 2, groups=8),
        nn.Conv2d(8, 4, 1),
    )


@pytest.mark.parametrize("size", [3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_are_those_of_torch(size: int, stride: int) -> None:
    network = _network(size, stride).double()
    images = torch.randn(2, 8, 12, 10, dtype=torch.double, requires_grad=True)

    def gradients() -> list[torch.Tensor]:
        network.zero_grad()
        images.grad = None
        network(images).square().sum().backward()
        return [images.grad, *(parameter.grad for parameter in network.parameters())]

    expected = gradients()
    with fast_depthwise(network):
        found = gradients()
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_in_bf16_they_are_as_near_as_torchs_own() -> None:
    network = _network(5, 2)
    images = torch.randn(4, 8, 20, 20)
    network(images).square().sum().backward()
    exact = network[0].weight.grad.clone()
    network.zero_grad()
    with fast_depthwise(network), torch.autocast("cpu", torch.bfloat16):
        network(images).square().sum().backward()
    error = (network[0].weight.grad - exact).norm() / exact.norm()
    assert float(error) < 0.02


def test_only_within_and_only_depthwise() -> None:
    network = nn.Sequential(_network(3, 1), nn.Conv2d(4, 4, 3, groups=2), nn.Conv2d(4, 4, 2))
    names = list(network.state_dict())
    with fast_depthwise(network):
        assert "forward" in vars(network[0][0])
        assert all("forward" not in vars(m) for m in (network[0][1], network[1], network[2]))
    assert "forward" not in vars(network[0][0])
    assert list(network.state_dict()) == names
