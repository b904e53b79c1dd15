"""`--method auto`: the method whose maps are the most faithful on the images given, within a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from tintype.explaining.explainer import Explainer
from tintype.explaining.faithfulness import measure_faithfulness
from tintype.explaining.methods import METHODS, Method, valid_methods
from tintype.explaining.targets import Targets
from tintype.schemas.explanation import ExplanationOptions

__all__ = ["MOST_TRIED", "Choice", "Tried", "choose_method", "seconds_of_a_pass"]

MOST_TRIED = 4
"""Images that the methods are compared on."""

_MEASURING_PASSES = 58
"""Of one map: two curves of 29 points."""


@dataclass(frozen=True)
class Tried:
    """How one method did."""

    method: str
    seconds: float | None = None
    """For all images that were tried; None: it was left out."""
    deletion: float | None = None
    insertion: float | None = None
    """Mean areas under the curves."""
    score: float | None = None
    """Insertion less deletion."""
    left_out: str = ""
    """Why, where it was."""

    def shown(self) -> dict[str, Any]:
        """What is known of it, JSON-able."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "")}


@dataclass(frozen=True)
class Choice:
    """The method that was chosen, and how all did."""

    method: Method
    tried: list[Tried]
    images: int


def choose_method(
    explainer: Explainer,
    pixels: Sequence[np.ndarray],
    targets: Targets,
    names: Sequence[str] = (),
    options: ExplanationOptions | None = None,
    *,
    seconds: float = 30.0,
) -> Choice:
    """Try the valid methods, the cheapest first, and take the best by insertion less deletion.

    A method that would not be through in what is left of `seconds`, judged by the time of a pass, is left out; the cheapest is always tried. It is the time of the choice alone.

    Args:
        pixels: uint8 (h, w, 3) each, resized; the first four are looked at.
    """
    chosen = options or ExplanationOptions()
    started = time.perf_counter()
    images = list(pixels[:MOST_TRIED])
    valid = sorted(valid_methods(explainer.scorer.checkpoint), key=lambda row: row.passes(chosen))
    a_pass = {
        needs: seconds_of_a_pass(explainer, images[0], needs)
        for needs in {method.needs for method in valid}
    }
    tried: list[Tried] = []
    for method in valid:
        left = seconds - (time.perf_counter() - started)
        explaining = method.passes(chosen) * a_pass[method.needs]
        measuring = _MEASURING_PASSES * a_pass["outputs"]
        needed = (explaining + measuring) * len(images)
        if tried and needed > left:
            reason = f"about {needed:.1f} s, and {max(left, 0):.1f} s of {seconds:g} s were left"
            tried.append(Tried(method.name, left_out=reason))
            continue
        tried.append(_try(explainer, method, images, targets, names, chosen))
    best = max(tried, key=lambda each: -np.inf if each.score is None else each.score)
    return Choice(METHODS[best.method], tried, len(images))  # type: ignore[index]


def seconds_of_a_pass(
    explainer: Explainer, pixels: np.ndarray, needs: Literal["gradients", "outputs"]
) -> float:
    """Of one image, in the Scorer's runtime or in torch, whose way back counts as two passes; the second of two
    tries, for the first may prepare something."""
    for _ in range(2):
        started = time.perf_counter()
        if needs == "outputs":
            explainer.scorer.run(pixels[None])
        else:
            explainer.go_back(pixels)
        seconds = time.perf_counter() - started
    return seconds if needs == "outputs" else seconds / 3


def _try(
    explainer: Explainer,
    method: Method,
    images: Sequence[np.ndarray],
    targets: Targets,
    names: Sequence[str],
    options: ExplanationOptions,
) -> Tried:
    started = time.perf_counter()
    deletions: list[float] = []
    insertions: list[float] = []
    for image in images:
        found = explainer.explain_pixels(image, method, targets, names, options)
        for attribution in found.attributions:
            confidences = partial(explainer.confidences, targets=targets, target=attribution.target)
            measured = measure_faithfulness(
                attribution.map, image, confidences, explainer.mean_colour
            )
            deletions.append(measured.deletion_area)
            insertions.append(measured.insertion_area)
    seconds = time.perf_counter() - started
    if not deletions:
        return Tried(method.name, round(seconds, 3), left_out="no label reaches the threshold")
    deletion, insertion = float(np.mean(deletions)), float(np.mean(insertions))
    return Tried(
        method.name,
        round(seconds, 3),
        round(deletion, 4),
        round(insertion, 4),
        round(insertion - deletion, 4),
    )
