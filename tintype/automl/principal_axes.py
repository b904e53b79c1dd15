"""Principal axes of standardised features: found once, for all heads that learn in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

__all__ = ["PrincipalAxes"]


@dataclass(frozen=True)
class PrincipalAxes:
    """Orthogonal axes of features, those along which these vary most first."""

    spread: torch.Tensor
    """float32 (D,): mean square along each axis."""
    axes: torch.Tensor
    """float32 (D, D), a column each."""

    @classmethod
    def of(cls, features: np.ndarray) -> PrincipalAxes:
        """Of standardised `features`, float32 (n, D)."""
        x = torch.from_numpy(np.ascontiguousarray(features, np.float32)).double()
        spread, axes = torch.linalg.eigh(x.T @ x / len(x))
        return cls(spread.flip(0).clamp_min(0).float(), axes.flip(1).float())
