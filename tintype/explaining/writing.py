"""Explanations as files: PNG for people, arrays for programs, and what is said of them in JSON; and as pages show them."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tintype.explaining.pictures import grid_png, heat_layer, overlay_png, picture_layer
from tintype.explaining.results import Explanation
from tintype.files import write_bytes
from tintype.pages.explained import ExplainedPicture, HeatMap

__all__ = ["shown_explanation", "stem_of", "write_explanation"]

# With a number before it and an ending behind it, a name stays below what file systems take.
_STEM_BYTES = 160


def stem_of(number: int, picture: str, digits: int = 4) -> str:
    """A file name without its ending: numbered, for files of several folders may have one name.

    >>> stem_of(7, "holidays/beach.jpg")
    '0007-beach'

    Args:
        picture: the name, path or URL that it is taken from.
    """
    plain = re.sub(r"[^\w .()+-]", "_", Path(picture).stem)
    name = plain.encode("utf-8")[:_STEM_BYTES].decode("utf-8", "ignore")
    return f"{number:0{digits}}-{name}"


def write_explanation(
    explanation: Explanation, folder: Path, stem: str, *, arrays: bool = True
) -> dict[str, Any]:
    """Write `stem.png` (the grid), `stem-overlay.png` and `stem.npy` for the first target, `stem-2.png` and so
    on for more; the arrays are `Attribution.values`, float32 (3, h, w).

    Args:
        arrays: whether there are any.

    Returns:
        The targets with their files, JSON-able; none where nothing was to be explained.

    Raises:
        OutputError: `folder` cannot be written.
    """
    explained = []
    for number, attribution in enumerate(explanation.attributions, 1):
        name = stem if number == 1 else f"{stem}-{number}"
        contents = {
            "picture": (f"{name}.png", grid_png(explanation.pixels, attribution.map)),
            "overlay": (
                f"{name}-overlay.png",
                overlay_png(explanation.pixels, attribution.map),
            ),
        }
        if arrays:
            contents["attributions"] = (f"{name}.npy", _npy(attribution.values))
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


def shown_explanation(
    explanation: Explanation, name: str, part_of: Callable[[str], str] = lambda label: ""
) -> ExplainedPicture:
    """An explanation as pages show it.

    Args:
        name: what the picture is called.
        part_of: label -> `HeatMap.part`.
    """
    return ExplainedPicture(
        name,
        picture_layer(explanation.pixels),
        tuple(
            HeatMap(each.label, part_of(each.label), each.confidence, heat_layer(each.map))
            for each in explanation.attributions
        ),
    )


def _npy(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=False)
    return stream.getvalue()
