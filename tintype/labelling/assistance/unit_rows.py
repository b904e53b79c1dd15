"""Features as directions: their products are cosines."""

from __future__ import annotations

import numpy as np

__all__ = ["unit_rows"]


def unit_rows(features: np.ndarray) -> np.ndarray:
    """Rows (n, D) scaled to length 1."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return (features / np.maximum(lengths, 1e-12)).astype(np.float32)
