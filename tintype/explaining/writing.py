"""Explanations as files: PNG for people, arrays for programs, and what is said of them in JSON."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from tintype.explaining.pictures import grid_png, overlay_png
from tintype.explaining.results import Explanation
from tintype.files import write_bytes

__all__ = ["write_explanation"]


def write_explanation(explanation: Explanation, folder: Path, stem: str) -> dict[str, Any]:
    """Write `stem.png` (the grid), `stem-overlay.png` and `stem.npy` for the first target, `stem-2.png` and so
    on for more; the arrays are `Attribution.values`, float32 (3, h, w).

    Returns:
        The targets with their files, JSON-able; none where nothing was to be explained.

    Raises:
        OutputError: `folder` cannot be written.
    """
    explained = []
    for number, attribution in enumerate(explanation.attributions, 1):
        name = stem if number == 1 else f"{stem}-{number}"
        arrays = io.BytesIO()
        np.save(arrays, attribution.values, allow_pickle=False)
        contents = {
            "picture": (f"{name}.png", grid_png(explanation.pixels, attribution.map)),
            "overlay": (
                f"{name}-overlay.png",
                overlay_png(explanation.pixels, attribution.map),
            ),
            "attributions": (f"{name}.npy", arrays.getvalue()),
        }
        for file, content in contents.values():
            write_bytes(folder / file, content)
        explained.append(
            {
                "label": attribution.label,
                "confidence": round(attribution.confidence, 6),
                **{key: file for key, (file, _) in contents.items()},
            }
        )
    return {"explained": explained}
