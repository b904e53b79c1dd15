"""Other views of prepared images, from which a model's answer may be averaged."""

from __future__ import annotations

import numpy as np

from tintype.schemas.view import View

__all__ = ["OTHER_VIEWS", "as_seen", "middle"]

OTHER_VIEWS: tuple[View, ...] = ("mirrored", "closer")

# Of 0.85 and 0.7 the second gained more on the photos of benchmarks/RESULTS.md.
_CLOSER = 0.7


def middle(side: int) -> slice:
    """What is shown of `side` pixels in the closer view."""
    shown = max(1, round(side * _CLOSER))
    start = (side - shown) // 2
    return slice(start, start + shown)


def as_seen(pixels: np.ndarray, view: View) -> np.ndarray:
    """Prepared pixels, uint8 (n, height, width, 3), in a view of the same shape."""
    if view == "mirrored":
        return np.ascontiguousarray(pixels[:, :, ::-1])
    if view == "closer":
        # Where nothing is shown closer, nothing has to be imported.
        import torch
        from torch.nn import functional

        height, width = pixels.shape[1:3]
        shown = torch.from_numpy(np.ascontiguousarray(pixels[:, middle(height), middle(width)]))
        # Bilinear, as within ensembles, whose graph every runtime must have.
        enlarged = functional.interpolate(
            shown.permute(0, 3, 1, 2).float(), (height, width), mode="bilinear", align_corners=False
        )
        enlarged = enlarged.round().to(torch.uint8)
        return np.ascontiguousarray(enlarged.permute(0, 2, 3, 1).numpy())
    return pixels
