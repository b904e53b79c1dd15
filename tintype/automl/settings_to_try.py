"""Ways to fine-tune a backbone: those known to be good, in the order of their promise, and the space
that further ones are drawn from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tintype.automl.backbone_ranking import BackboneRank
from tintype.automl.recipes import PLAIN
from tintype.models.scratch import SCRATCH_NAMES
from tintype.schemas.distributions import Choice, LogUniform

__all__ = ["FINER", "Method", "Setting", "drawn_as", "known_good", "setting_key", "setting_space"]

Method = Literal["full", "lora", "scratch"]

FINER = 288 / 224
"""Finer images: 288 pixels for 224 (the usual step up, Touvron et al. 2019, "Fixing the train-test
resolution discrepancy"), where the family takes them."""

# Shares of the layers that are frozen where only the last ones learn: the first few see most pixels, and
# what they find suits every photo. With 1,435 photos of clothes 0.60 and 0.75 reached 0.915 and 0.905, the linear head 0.836,
# in 17 and 10 s an epoch where all layers took 60 (benchmarks/RESULTS.md).
_SOME, _MANY, _MOST = 0.3, 0.6, 0.75

# Below this score of a head the features do not fit the classes: a convolutional network learns anew, at
# a high rate, but for its first layers. Of playing cards a head reached an IoU of 0.32, the last 40 % of
# the layers 0.67, all weights 0.81 in 248 s, the last 70 % 0.81 in 219 s (benchmarks/RESULTS.md).
_FEATURES_FIT = 0.7

# From this multiplier on a convolutional network starts with a new head: the fitted one would not
# outlive the first steps. With 312 photos of clothes the fitted head won (0.91 to 0.87), with 192 of
# cards the new one (IoU 0.67 to 0.54), so both are tried (benchmarks/RESULTS.md).
_ANEW_FROM = 2.5

# A backbone that is this far behind the best is not fine-tuned.
_MOST_BEHIND = 0.15


@dataclass(frozen=True)
class Setting:
    """How one backbone is fine-tuned."""

    backbone: str
    method: Method
    rate: float = 1.0
    """Multiplies the method's own learning rate."""
    augmentations: str = "standard"
    frozen: float = 0.0
    """Share of the blocks that keep their weights, from the first on; method full only."""
    resolution: float = 1.0
    """Multiplies the side of the checkpoint's own input."""
    recipe: str = PLAIN
    """One of `recipes.RECIPES`."""

    @property
    def learns_anew(self) -> bool:
        """Whether its rate is so high that little remains of what the network knew."""
        return self.method == "full" and self.rate >= _ANEW_FROM

    def shown(self) -> dict[str, Any]:
        """The setting as tables show it."""
        columns: dict[str, Any] = {"method": self.method, "rate": self.rate}
        if self.augmentations != "standard":
            columns["augmentations"] = self.augmentations
        if self.frozen:
            columns["frozen"] = self.frozen
        if self.resolution != 1:
            columns["resolution"] = self.resolution
        if self.recipe != PLAIN:
            columns["recipe"] = self.recipe
        return columns


def setting_key(setting: Setting) -> tuple[Any, ...]:
    """What tells settings apart, as the study keeps it."""
    return (
        setting.backbone,
        setting.method,
        setting.rate,
        setting.augmentations,
        setting.frozen,
        setting.resolution,
        setting.recipe,
    )


def known_good(ranking: Sequence[BackboneRank]) -> list[Setting]:
    """Settings to try first, the most promising first; for an empty ranking from random weights."""
    if not ranking:
        return [
            Setting(SCRATCH_NAMES[0], "scratch"),
            Setting(SCRATCH_NAMES[0], "scratch", augmentations="light"),
            Setting(SCRATCH_NAMES[1], "scratch"),
            Setting(SCRATCH_NAMES[0], "scratch", rate=2.0),
        ]
    close = [backbone for backbone in ranking if backbone.score >= ranking[0].score - _MOST_BEHIND]
    first, second = close[0], close[1] if len(close) > 1 else None
    settings = []
    if first.is_convolutional and first.score < _FEATURES_FIT:
        # The quicker network learns longer.
        quickest = sorted(close[:2], key=lambda backbone: -backbone.images_per_second)
        settings = [_anew(backbone) for backbone in quickest if backbone.is_convolutional]
    # Else what costs least comes first.
    settings += [_last_layers(first)] if first.is_convolutional else [_natural(first)]
    if second is not None:
        settings.append(_last_layers(second) if second.is_convolutional else _natural(second))
    settings.append(_last_layers(first, _MANY))
    settings.append(_natural(first) if first.is_convolutional else _last_layers(first))
    settings.append(_other(first))
    if first.finer_side is not None:
        settings.append(Setting(first.name, _natural(first).method, resolution=FINER))
    settings.append(Setting(first.name, _natural(first).method, rate=2.0, augmentations="light"))
    settings.append(replace(_other(first), recipe="averaged"))
    if second is not None:
        settings.append(_other(second))
    return list(dict.fromkeys(settings))


def setting_space(ranking: Sequence[BackboneRank], recipes: Sequence[str]) -> dict[str, Any]:
    """What settings are drawn from.

    Args:
        recipes: those that suit the data.
    """
    names = [backbone.name for backbone in ranking[:3]] or list(SCRATCH_NAMES)
    return {
        "backbone": Choice(values=list(names)),
        "method": Choice(values=["full", "lora"] if ranking else ["scratch"]),
        # Powers of e: a fifth to five times the method's own rate.
        "rate": LogUniform(min_value=-1.6, max_value=1.6),
        "augmentations": Choice(values=["light", "standard", "strong"]),
        "frozen": Choice(values=[0.0, _SOME, _MANY, _MOST]),
        "resolution": Choice(values=[1.0, FINER]),
        "recipe": Choice(values=list(recipes)),
    }


def drawn_as(setting: Setting) -> dict[str, Any]:
    """`setting` as the estimator would have drawn it, so that it learns from the trial."""
    return {
        "backbone": setting.backbone,
        "method": setting.method,
        "rate": setting.rate,
        "augmentations": setting.augmentations,
        "frozen": setting.frozen,
        "resolution": setting.resolution,
        "recipe": setting.recipe,
    }


def _last_layers(backbone: BackboneRank, frozen: float = _MOST) -> Setting:
    """The last layers alone: the cheapest to train, for the others run once for each view of an image
    (`training.frozen_layers`)."""
    return Setting(backbone.name, "full", frozen=frozen)


def _natural(backbone: BackboneRank) -> Setting:
    """LoRA for transformers (the best of its cost on VTAB, docs/design.md), all weights for others."""
    method: Method = "full" if backbone.is_convolutional else "lora"
    return Setting(backbone.name, method)


def _anew(backbone: BackboneRank) -> Setting:
    """All but the first layers, at a high rate."""
    return Setting(backbone.name, "full", rate=3.0, frozen=_SOME)


def _other(backbone: BackboneRank) -> Setting:
    """The next best thing to `_natural`."""
    if backbone.is_convolutional:
        return Setting(backbone.name, "full", rate=3.0)
    return Setting(backbone.name, "full")
