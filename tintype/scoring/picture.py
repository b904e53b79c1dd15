"""A picture that shows images beside their likeliest labels."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tintype.files import write_bytes
from tintype.images.decode import decode_image
from tintype.images.source import read_image
from tintype.scoring.scorer import Prediction

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_predictions"]

_LABELS = 5
_MOST = 24  # images in one picture


def draw_predictions(
    images: Sequence[str | Path], predictions: Sequence[Prediction], path: Path
) -> None:
    """Write a PNG of up to 24 images, each beside bars of its likeliest labels.

    Raises:
        ImageError: an image cannot be read.
        OutputError: `path` cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = list(zip(images, predictions, strict=True))[:_MOST]
    columns = min(3, max(len(shown), 1))
    rows = max(1, math.ceil(len(shown) / columns))
    figure = Figure(figsize=(4.6 * columns, 2.3 * rows), dpi=110, layout="constrained")
    grid = figure.subplots(rows, 2 * columns, squeeze=False)
    for axes in grid.ravel():
        axes.axis("off")
    for position, (source, prediction) in enumerate(shown):
        row, column = divmod(position, columns)
        image = Image.fromarray(decode_image(read_image(source)))
        image.thumbnail((400, 400))
        picture, bars = grid[row, 2 * column], grid[row, 2 * column + 1]
        # Small images are shown as they are, in whole pixels.
        picture.imshow(np.asarray(image), interpolation="nearest" if max(image.size) < 64 else None)
        picture.set_title(Path(source).name.replace("$", r"\$"), fontsize=8)
        _draw_bars(bars, prediction)
    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_png(stream)
    write_bytes(path, stream.getvalue())


def _draw_bars(axes: Axes, prediction: Prediction) -> None:
    top = prediction.top(_LABELS)
    places = range(len(top))
    axes.axis("on")
    axes.barh(places, [p for _, p in top], color=["#2f6f9f"] + ["#b9cfdf"] * (len(top) - 1))
    for place, (label, probability) in zip(places, top, strict=True):
        text = label.replace("$", r"\$")
        text = text if len(text) <= 22 else text[:21] + "…"
        axes.text(0.02, place, f"{text}  {probability:.1%}", va="center", fontsize=8)
    axes.set(xlim=(0, 1), xticks=[], yticks=[])
    axes.invert_yaxis()
