"""Pictures of embeddings: a map of images, and images beside their nearest."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from tintype.errors import UsageError
from tintype.files import write_bytes
from tintype.images.decode import decode_image
from tintype.images.source import read_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_map", "draw_neighbours"]

_DPI = 110
_MOST_ON_MAP = 400
_MAP_SIDE, _LARGEST_TILE = 9.0, 1.2  # inches
_MOST_ROWS, _MOST_COLUMNS = 12, 11
_CELL = 1.25, 1.45  # inches: width, height with the line above
_THUMBNAIL = 200  # pixels
_INK, _QUIET, _QUERY = "#1f2328", "#6a737d", "#2f6f9f"


def draw_map(images: Sequence[str | Path], features: np.ndarray, path: Path) -> None:
    """Write a PNG of images laid out so that those that look alike to the model lie close together.

    Features, scaled to length 1 so that distances follow the cosine, are projected on their first two
    principal components; each image then goes into the square of a grid that moves all of them
    least (linear assignment), so that none hides another. Of more than 400 images so many are
    drawn, evenly chosen.

    Args:
        features: float (n, D), a row for each image.

    Raises:
        UsageError: not as many rows as images, or fewer than two.
        ImageError: an image cannot be read.
        OutputError: `path` cannot be written.
    """
    if len(images) != len(features) or len(images) < 2:
        raise UsageError(f"{len(images)} images and {len(features)} features; expected two or more")
    count = min(len(images), _MOST_ON_MAP)
    chosen = np.linspace(0, len(images) - 1, count).round().astype(int)
    columns = math.ceil(count**0.5)
    rows = math.ceil(count / columns)
    squares = _squares(_components(np.asarray(features, np.float64)[chosen]), columns, rows)
    tile = min(_MAP_SIDE / columns, _LARGEST_TILE)
    figure = _figure(tile * columns, tile * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(left=0, right=1, bottom=0, top=1, wspace=0.03, hspace=0.03)
    for axes in grid.ravel():
        axes.axis("off")
    for number, square in zip(chosen, squares, strict=True):
        grid[divmod(int(square), columns)].imshow(_thumbnail(images[number]))
    _write(figure, path)


def draw_neighbours(
    rows: Sequence[tuple[str | Path, Sequence[tuple[str | Path, float]]]], path: Path
) -> None:
    """Write a PNG with a row for each query: the image, and its nearest with their cosines.

    At most 12 queries with 10 neighbours each are drawn.

    Args:
        rows: (query, its neighbours as (image, cosine), nearest first).

    Raises:
        UsageError: there is no query.
        ImageError: an image cannot be read.
        OutputError: `path` cannot be written.
    """
    if not rows:
        raise UsageError("no query to draw")
    shown = rows[:_MOST_ROWS]
    columns = min(_MOST_COLUMNS, 1 + max(len(near) for _, near in shown))
    figure = _figure(_CELL[0] * columns, _CELL[1] * len(shown))
    grid = figure.subplots(len(shown), columns, squeeze=False)
    height = _CELL[1] * len(shown)
    figure.subplots_adjust(
        left=0.01, right=0.99, bottom=0.05 / height, top=1 - 0.2 / height, wspace=0.06, hspace=0.2
    )
    for axes in grid.ravel():
        axes.axis("off")
    for row, (query, near) in enumerate(shown):
        _draw_cell(grid[row, 0], query, "query", query=True)
        for column, (image, cosine) in enumerate(near[: columns - 1], start=1):
            _draw_cell(grid[row, column], image, f"{cosine:.3f}", query=False)
    _write(figure, path)


def _components(features: np.ndarray) -> np.ndarray:
    """Features (n, D) to (n, 2): the first two principal components of their directions."""
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    centred = unit - unit.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    found = centred @ axes[:2].T
    return np.pad(found, ((0, 0), (0, 2 - found.shape[1])))


def _squares(places: np.ndarray, columns: int, rows: int) -> np.ndarray:
    """The square (row * columns + column) of a grid for each of (n, 2) places."""
    from scipy.optimize import linear_sum_assignment

    # By rank, so that a few that are far off do not press the others together.
    ranks = places.argsort(0, kind="stable").argsort(0) / (len(places) - 1)
    down, across = np.divmod(np.arange(rows * columns), columns)
    grid = np.column_stack([across / max(columns - 1, 1), 1 - down / max(rows - 1, 1)])
    distances = ((ranks[:, None] - grid[None]) ** 2).sum(-1)
    return linear_sum_assignment(distances)[1]


def _draw_cell(axes: Axes, source: str | Path, note: str, *, query: bool) -> None:
    axes.imshow(_thumbnail(source))
    axes.set_title(note, fontsize=8, pad=3, color=_INK if query else _QUIET)
    if query:
        axes.axis("on")
        axes.set(xticks=(), yticks=())
        axes.spines[:].set(color=_QUERY, linewidth=2.5)


def _thumbnail(source: str | Path) -> np.ndarray:
    """uint8 (side, side, 3): the middle of the image."""
    image = Image.fromarray(decode_image(read_image(source)))
    return np.asarray(ImageOps.fit(image, (_THUMBNAIL, _THUMBNAIL)))


def _figure(width: float, height: float) -> Figure:
    # Figures made without pyplot: nothing global is kept, and threads may draw.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DPI, facecolor="white")


def _write(figure: Figure, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_png(stream)
    write_bytes(path, stream.getvalue())
