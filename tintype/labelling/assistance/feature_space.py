"""Features as few numbers in which pictures of one kind lie close together, learnt from all pictures.

A signed square root evens out features of which a few are large (the power transform of Hu et al.,
"Leveraging the Feature Distribution in Transfer-based Few-Shot Learning", ICANN 2021, with an exponent of
one half); then the main axes of all pictures, labelled or not, each divided by the root of its deviation:
half-way to whitening, which takes weight from what all pictures vary in (lighting, ground) and makes less
of noise than whitening does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from tintype.labelling.assistance.unit_rows import unit_rows

__all__ = ["FeatureSpace"]

# Axes at most, and rows by which they are found: more change them hardly.
_AXES, _ROWS = 128, 4_000

# Axes along which rows vary less than this share of the first one's deviation are noise of the arithmetic.
_LEAST_DEVIATION = 1e-3


@dataclass(frozen=True)
class FeatureSpace:
    """A map of features to rows of length 1, whose products are cosines."""

    mean: np.ndarray
    """float32 (D,)."""
    axes: np.ndarray
    """float32 (D, r)."""

    @classmethod
    def of(cls, features: np.ndarray) -> FeatureSpace:
        """By features (n, D) of pictures in random order, of which some are enough."""
        rows = _evened(features[:_ROWS])
        mean = rows.mean(0) if len(rows) else np.zeros(rows.shape[1], np.float32)
        centred = torch.from_numpy(rows - mean)
        count = min(_AXES, *centred.shape)
        if count == 0:
            return cls(mean, np.zeros((rows.shape[1], 0), np.float32))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            _, lengths, axes = torch.svd_lowrank(centred, q=count, niter=2)
        kept = lengths > _LEAST_DEVIATION * lengths[0].clamp_min(1e-12)
        deviations = lengths[kept] / len(rows) ** 0.5
        return cls(mean, (axes[:, kept] / deviations.sqrt()).numpy())

    def placed(self, features: np.ndarray) -> np.ndarray:
        """Features (n, D) -> float32 (n, r), rows of length 1."""
        return unit_rows((_evened(features) - self.mean) @ self.axes)


def _evened(features: np.ndarray) -> np.ndarray:
    """float32 (n, D): signed square roots, rows of length 1."""
    return unit_rows(np.sign(features) * np.sqrt(np.abs(features)))
