"""Features brought to one size, and linear layers on such features as layers on raw ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

__all__ = ["Standardisation"]

# Features that vary less than this share of the median one are not blown up to its size: noise in
# them would rule the head, and fine-tuning from it would begin with huge losses.
_LEAST_DEVIATION = 0.1


@dataclass(frozen=True)
class Standardisation:
    """What makes features of mean 0 and deviation 1, or less than that."""

    mean: np.ndarray
    """float32 (D,)."""
    scale: np.ndarray
    """float32 (D,): deviations, none less than a tenth of the median one."""

    @classmethod
    def of(cls, features: np.ndarray) -> Standardisation:
        """Of features (n, D)."""
        deviation = features.std(0)
        varying = deviation[deviation > 1e-6]
        floor = _LEAST_DEVIATION * float(np.median(varying)) if len(varying) else 1.0
        return cls(features.mean(0), np.maximum(deviation, floor))

    def scaled(self, features: np.ndarray) -> np.ndarray:
        """Features (…, D) -> float32 (…, D)."""
        return ((features - self.mean) / self.scale).astype(np.float32)

    def folded(self, weight: np.ndarray, bias: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """A linear layer (D, K) and (K,) on scaled features, as one on raw features: weights
        (K, D) and biases (K,)."""
        raw = weight.T / self.scale
        return _tensor(raw), _tensor(bias - raw @ self.mean)


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32))
