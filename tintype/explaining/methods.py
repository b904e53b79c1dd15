"""The methods: what each needs, for which architectures it is valid, and what it costs.

xrai                  pixels    gradients  regions ranked by integrated gradients (Kapishnikov et al. 2019)
integrated_gradients  pixels    gradients  the gradient along the way from a baseline (Sundararajan et al. 2017)
guided_gradcam        pixels    gradients  Grad-CAM times guided backpropagation (Selvaraju et al. 2017)
guided_backprop       pixels    gradients  the gradient, positive at every activation (Springenberg et al. 2015)
attention             patches   gradients  attention weighted by its gradients (Chefer, Gur & Wolf 2021)
attention_rollout     patches   gradients  attention multiplied through the layers (Abnar & Zuidema 2020)
occlusion             windows   outputs    what a covered window takes away (Zeiler & Fergus 2014)
rise                  cells     outputs    the mean of random masks by what they keep (Petsiuk et al. 2018)
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from tintype.errors import MissingExtraError, UsageError, nearest
from tintype.models.checkpoint import Checkpoint
from tintype.models.families import CONVOLUTIONAL
from tintype.schemas.explanation import ExplanationOptions, MethodName

__all__ = [
    "METHODS",
    "Architecture",
    "Method",
    "architecture_of",
    "check_method",
    "default_method",
    "find_method",
    "require_explain_extra",
    "valid_methods",
]

Architecture = Literal["convolutional", "attention", "other"]
"""convolutional: its last layers still have a map of the image; attention: every layer attends from all
patches to all patches; other: anything else that torch differentiates (Swin, ensembles, timm's)."""

_CONVOLUTIONAL = (*CONVOLUTIONAL, "efficientnet")
_ATTENTION = (
    "beit",
    "clip",
    "clip_vision_model",
    "data2vec-vision",
    "deit",
    "dinov2",
    "dinov2_with_registers",
    "dinov3_vit",
    "siglip",
    "siglip_vision_model",
    "vit",
)

_SHOWN: Mapping[Architecture, str] = {
    "convolutional": "convolutional networks",
    "attention": "vision transformers with global attention",
    "other": "other architectures",
}


@dataclass(frozen=True)
class Method:
    """A row of the table."""

    name: MethodName
    needs: Literal["gradients", "outputs"]
    """gradients: the network in torch; outputs: any runtime that answers."""

    architectures: tuple[Architecture, ...]
    detail: Literal["pixels", "patches", "windows", "cells"]
    """What its map tells apart; maps of anything coarser than pixels are enlarged to the input."""

    passes: Callable[[ExplanationOptions], float]
    """About so many forward passes of one image; back again counts as two."""

    instead: tuple[MethodName, ...]
    """What comes nearest to it, the nearest first."""

    per_channel: bool = False
    """Whether its attributions differ between the three channels."""

    signed: bool = True
    """Whether the sign of an attribution says for or against; see `Attribution.signed`."""


_ALL: tuple[Architecture, ...] = ("convolutional", "attention", "other")


def _occlusion_passes(options: ExplanationOptions) -> float:
    return (2 / options.window - 1) ** 2 + 1


METHODS: Mapping[MethodName, Method] = {
    row.name: row
    for row in (
        Method(
            "xrai", "gradients", _ALL, "pixels",
            passes=lambda options: 6.0 * options.n_steps,
            instead=("integrated_gradients", "occlusion"),
        ),
        Method(
            "integrated_gradients", "gradients", _ALL, "pixels",
            passes=lambda options: 3.0 * options.n_steps,
            instead=("xrai", "occlusion"),
            per_channel=True,
        ),
        Method(
            "guided_gradcam", "gradients", ("convolutional",), "pixels",
            passes=lambda options: 6.0,
            instead=("attention", "guided_backprop", "integrated_gradients", "occlusion"),
            per_channel=True,
            signed=False,
        ),
        Method(
            "guided_backprop", "gradients", ("convolutional", "attention"), "pixels",
            passes=lambda options: 3.0,
            instead=("integrated_gradients", "occlusion"),
            per_channel=True,
            signed=False,
        ),
        Method(
            "attention", "gradients", ("attention",), "patches",
            passes=lambda options: 3.0,
            instead=("guided_gradcam", "xrai", "occlusion"),
        ),
        Method(
            "attention_rollout", "gradients", ("attention",), "patches",
            passes=lambda options: 1.5,
            instead=("attention", "guided_gradcam", "xrai", "occlusion"),
        ),
        Method(
            "occlusion", "outputs", _ALL, "windows",
            passes=_occlusion_passes,
            instead=("rise",),
        ),
        Method(
            "rise", "outputs", _ALL, "cells",
            passes=lambda options: float(options.masks),
            instead=("occlusion",),
        ),
    )
}  # fmt: skip


_DEFAULTS: Mapping[Architecture, MethodName] = {
    "convolutional": "guided_gradcam",
    "attention": "attention",
    "other": "xrai",
}


def architecture_of(checkpoint: Checkpoint | None) -> Architecture:
    """What kind of network `checkpoint` is; "other" where there is none."""
    family = "" if checkpoint is None else checkpoint.family
    if family in _CONVOLUTIONAL:
        return "convolutional"
    return "attention" if family in _ATTENTION else "other"


def valid_methods(checkpoint: Checkpoint | None) -> tuple[Method, ...]:
    """The methods that can explain a model of `checkpoint`; without one, those that need outputs alone."""
    architecture = architecture_of(checkpoint)
    return tuple(
        method
        for method in METHODS.values()
        if architecture in method.architectures
        and (checkpoint is not None or method.needs == "outputs")
    )


def default_method(checkpoint: Checkpoint | None) -> Method:
    """What is quick enough to be asked for in passing, and tells classes apart; rollout is the same for all of them."""
    if checkpoint is None:
        return METHODS["occlusion"]
    return METHODS[_DEFAULTS[architecture_of(checkpoint)]]


def find_method(name: str) -> Method:
    """The row of the table.

    Raises:
        UsageError: no such method.
    """
    for method in METHODS.values():
        if method.name == name:
            return method
    raise UsageError(
        f"method {name!r}: expected auto or one of {', '.join(METHODS)}."
        f"{nearest(name, ('auto', *METHODS))}"
    )


def check_method(name: str, checkpoint: Checkpoint | None) -> Method:
    """The method called `name`, known to be valid for a model of `checkpoint`.

    Raises:
        UsageError: no such method, or not valid for the model; it names the nearest that is.
    """
    method = find_method(name)
    valid = valid_methods(checkpoint)
    if method in valid:
        return method
    names = [other.name for other in valid]
    best = next(other for other in (*method.instead, "occlusion") if other in names)
    if checkpoint is None:
        reason = (
            "needs gradients of the network in torch, and this model's weights are not on disk: "
            "save it as a model folder"
        )
    else:
        kinds = " and ".join(_SHOWN[kind] for kind in method.architectures)
        reason = f"is for {kinds}, and {checkpoint.name!r} is a {checkpoint.family}"
    raise UsageError(
        f"method {name!r} {reason}; the nearest that is valid is {best!r} (all: {', '.join(names)})"
    )


def require_explain_extra() -> None:
    """Refuse to begin without the libraries that carry the methods.

    Raises:
        MissingExtraError: captum or saliency is not installed.
    """
    if any(importlib.util.find_spec(name) is None for name in ("captum", "saliency")):
        raise MissingExtraError("explaining a model's answers", "explain")
