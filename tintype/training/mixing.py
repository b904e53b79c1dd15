"""MixUp and CutMix: every image of a batch joined with another one, and their labels likewise.

MixUp blends two images (Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018); CutMix
puts a box of one into the other (Yun et al., "CutMix", ICCV 2019). Both draw one share for a batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from tintype.training.plan import TrainingPlan

__all__ = ["BatchMixer", "make_mixer"]


@dataclass(frozen=True)
class BatchMixer:
    """Mixes a batch with itself in another order, decided by (seed, step)."""

    mixup_alpha: float
    """Shares are drawn from Beta(alpha, alpha); 0: no MixUp."""

    cutmix_alpha: float
    """Likewise of CutMix. Where both are given, a coin decides for each batch."""

    classes: int
    seed: int

    def __call__(
        self, images: torch.Tensor, targets: torch.Tensor, *, step: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mixed images and their targets.

        Args:
            images: float (n, channels, height, width).
            targets: int64 (n,) class codes, or float (n, classes) of 0 and 1.

        Returns:
            Images as given; targets float32 (n, classes), each the sum of two, by their shares.
        """
        if targets.ndim == 1:
            targets = functional.one_hot(targets, self.classes).float()
        random = np.random.default_rng([self.seed, step, 1])
        cut = self.cutmix_alpha > 0 and (self.mixup_alpha == 0 or random.random() < 0.5)
        alpha = self.cutmix_alpha if cut else self.mixup_alpha
        share = float(random.beta(alpha, alpha))
        other = torch.from_numpy(random.permutation(len(images))).to(images.device)
        if cut:
            height, width = images.shape[-2:]
            top, bottom, left, right = _box(height, width, share, random)
            images = images.clone()
            # The right-hand side is read whole before it is written.
            images[..., top:bottom, left:right] = images[other, :, top:bottom, left:right]
            # The box may have been cut off at the border: what counts is what is seen.
            share = 1 - (bottom - top) * (right - left) / (height * width)
        else:
            images = images * share + images[other] * (1 - share)
        return images, targets * share + targets[other] * (1 - share)


def make_mixer(plan: TrainingPlan, classes: int) -> BatchMixer | None:
    """What `plan` asks for; None where images stay apart."""
    parameters = plan.parameters
    if parameters.mixup_alpha == parameters.cutmix_alpha == 0:
        return None
    return BatchMixer(
        parameters.mixup_alpha, parameters.cutmix_alpha, classes, parameters.random_seed
    )


def _box(
    height: int, width: int, share: float, random: np.random.Generator
) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of a box of 1 - `share` of the area around a point anywhere."""
    side = np.sqrt(1 - share)
    y, x = int(random.integers(height)), int(random.integers(width))
    tall, wide = int(height * side) // 2, int(width * side) // 2
    return max(0, y - tall), min(height, y + tall), max(0, x - wide), min(width, x + wide)
