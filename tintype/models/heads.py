"""Heads that stand on a backbone's features: a linear layer, a small MLP, or the nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import torch
from torch import nn
from torch.nn import functional

__all__ = [
    "HEAD_KINDS",
    "HeadKind",
    "MlpHead",
    "NeighboursHead",
    "head_settings",
    "head_tensors",
    "kind_of_head",
    "logit_factors",
    "make_head",
]

HeadKind = Literal["linear", "mlp", "neighbours"]
HEAD_KINDS: tuple[HeadKind, ...] = get_args(HeadKind)

# How fast the weight of a neighbour falls with its similarity (Wu et al. 2018, "Unsupervised feature
# learning via non-parametric instance discrimination"; Caron et al. 2021, DINO's evaluation).
_TEMPERATURE = 0.07

# What a head may have beside its linear layers without changing logits when it answers.
_PASSIVE = (nn.Dropout, nn.Flatten, nn.Identity)


class MlpHead(nn.Module):
    """A multi-layer perceptron with one hidden layer: features (n, D) -> logits (n, classes)."""

    def __init__(self, features: int, width: int, classes: int) -> None:
        """
        Args:
            width: units of the hidden layer.
        """
        super().__init__()
        self.hidden = nn.Linear(features, width)
        self.output = nn.Linear(width, classes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.output(self.hidden(features).relu())


class NeighboursHead(nn.Module):
    """The nearest of known images by cosine similarity vote: features (n, D) -> logits (n, classes).

    A vote weighs exp(similarity / 0.07) (Wu et al. 2018), and one more neighbour of mean weight is of
    every class alike, so that no class is impossible. The logits are the logarithms of the votes,
    which softmax gives back; of several labels the log odds of the votes for each. It has nothing to
    learn: a backbone that changes needs another head.
    """

    bank: torch.Tensor
    labels: torch.Tensor
    scale: torch.Tensor

    def __init__(
        self, features: torch.Tensor, labels: torch.Tensor, neighbours: int, *, multilabel: bool
    ) -> None:
        """
        Args:
            features: (rows, D) of the known images; kept at length 1, in the precision of float16.
            labels: (rows, classes) of 0 and 1.
            neighbours: how many vote.

        Raises:
            ValueError: there are fewer known images than that.
        """
        super().__init__()
        if not 0 < neighbours <= len(features):
            raise ValueError(f"{neighbours} neighbours of {len(features)} known images")
        self.neighbours = neighbours
        self.multilabel = multilabel
        lengthened = functional.normalize(features.float(), dim=1)
        self.register_buffer("bank", lengthened.half().float())
        self.register_buffer("labels", labels.float())
        self.register_buffer("scale", torch.ones(()))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        directions = functional.normalize(features.float(), dim=1).to(self.bank.dtype)
        nearest, rows = (directions @ self.bank.T).float().topk(self.neighbours, dim=1)
        weights = (nearest / _TEMPERATURE).softmax(1)
        labels = functional.embedding(rows, self.labels).float()
        even = 0.5 if self.multilabel else 1 / self.labels.shape[1]
        shares = (weights[..., None] * labels).sum(1)
        votes = (self.neighbours * shares + even) / (self.neighbours + 1)
        logits = votes.log() - torch.log1p(-votes) if self.multilabel else votes.log()
        return logits * self.scale.float()


def kind_of_head(head: nn.Module) -> HeadKind:
    """By its class."""
    if isinstance(head, NeighboursHead):
        return "neighbours"
    return "mlp" if isinstance(head, MlpHead) else "linear"


def logit_factors(head: nn.Module) -> list[torch.Tensor]:
    """The tensors whose multiples give multiples of the logits: the last layer's, or the scale of
    neighbours' votes; none where the last layer is not linear.

    Args:
        head: one of these, or any network's own.
    """
    if isinstance(head, NeighboursHead):
        return [head.scale]
    leaves = [module for module in head.modules() if not list(module.children())]
    leaves = [leaf for leaf in leaves if not isinstance(leaf, _PASSIVE)]
    if not leaves or not isinstance(leaves[-1], nn.Linear):
        return []
    return list(leaves[-1].parameters())


def head_settings(head: nn.Module) -> dict[str, Any]:
    """What `make_head` has to know beside the tensors, as JSON holds it."""
    settings: dict[str, Any] = {"kind": kind_of_head(head)}
    if isinstance(head, NeighboursHead):
        settings["neighbours"] = head.neighbours
    return settings


def head_tensors(head: nn.Module) -> dict[str, torch.Tensor]:
    """What is written of a head; the known images of neighbours in half the bytes."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in head.state_dict().items()}
    if isinstance(head, NeighboursHead):
        tensors["bank"] = tensors["bank"].half()
        tensors["labels"] = tensors["labels"].to(torch.uint8)
    return tensors


def make_head(
    kind: HeadKind,
    settings: Mapping[str, Any],
    tensors: Mapping[str, torch.Tensor],
    *,
    features: int,
    classes: int,
    multilabel: bool,
) -> nn.Module:
    """The head that `head_settings` and `head_tensors` were made of.

    Args:
        features: how many the backbone gives.

    Raises:
        ValueError: a tensor or setting that is missing, not finite or of another shape.
    """
    try:
        head = _empty_head(kind, settings, tensors, features, classes, multilabel)
    except KeyError as error:
        raise ValueError(f"it lacks {error}") from None
    expected = {name: list(value.shape) for name, value in head.state_dict().items()}
    for name, shape in expected.items():
        if name not in tensors:
            raise ValueError(f"it lacks {name!r}")
        if list(tensors[name].shape) != shape:
            raise ValueError(
                f"{name} has the shape {list(tensors[name].shape)}; {features} features and "
                f"{classes} labels of config.json need {shape}"
            )
        if not torch.isfinite(tensors[name]).all():
            raise ValueError(f"{name} holds numbers that are NaN or infinite")
    head.load_state_dict({name: tensors[name].float() for name in expected})
    return head


def _empty_head(
    kind: HeadKind,
    settings: Mapping[str, Any],
    tensors: Mapping[str, torch.Tensor],
    features: int,
    classes: int,
    multilabel: bool,
) -> nn.Module:
    if kind == "linear":
        return nn.Linear(features, classes)
    if kind == "mlp":
        return MlpHead(features, len(tensors["hidden.bias"]), classes)
    rows, neighbours = len(tensors["bank"]), settings.get("neighbours")
    if not isinstance(neighbours, int) or isinstance(neighbours, bool):
        raise ValueError(f"neighbours {neighbours!r}: expected a whole number")
    return NeighboursHead(
        torch.zeros(rows, features),
        torch.zeros(rows, classes),
        neighbours,
        multilabel=multilabel,
    )
