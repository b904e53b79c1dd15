"""Recipes that a fine-tuning may follow besides its rate and augmentations, by name: none helps always."""

from __future__ import annotations

from typing import Any

import numpy as np

from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["PLAIN", "RECIPES", "recipes_for"]

PLAIN = "plain"

RECIPES: dict[str, dict[str, Any]] = {
    PLAIN: {},
    # Earlier layers learn more slowly (Clark et al. 2020; Bao et al. 2021).
    "graded": {"layer_wise_lr_decay": 0.8},
    # Averages of weights over time (Polyak & Juditsky 1992) and over epochs (Wortsman et al. 2022).
    "averaged": {"ema_decay": 0.99, "checkpoint_averaging": "greedy"},
    # MixUp (Zhang et al. 2018) and CutMix (Yun et al. 2019).
    "mixed": {"mixup_alpha": 0.2, "cutmix_alpha": 1.0},
    # RandAugment (Cubuk et al. 2020) and random erasing (Zhong et al. 2020).
    "varied": {"randaugment": True, "random_erasing": 0.25},
    # Many labels that an image does not have (Ridnik et al. 2021).
    "asymmetric": {"loss": "asymmetric"},
    # Rare classes seen as often as others, or allowed for in the loss (Menon et al. 2021).
    "balanced": {"class_balance": "sampling"},
    "adjusted": {"class_balance": "logit_adjustment"},
}
"""Hyperparameters of `schemas.training_recipes` by the recipe's name."""

_FOR_ALL = (PLAIN, "graded", "averaged", "mixed", "varied")

# Classes are out of balance where the most frequent one has so many times the images of the rarest.
_OUT_OF_BALANCE = 3.0


def recipes_for(task: ClassificationTask, counts: np.ndarray) -> list[str]:
    """Names of the recipes that suit the data.

    Args:
        counts: (classes,): training images of each class.
    """
    if task == MULTILABEL:
        return [*_FOR_ALL, "asymmetric"]
    if counts.max() >= _OUT_OF_BALANCE * max(1, counts.min()):
        return [*_FOR_ALL, "balanced", "adjusted"]
    return list(_FOR_ALL)
