"""The confusion matrix as a picture, for notebooks and documents: confusion_matrix.png."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_confusion_matrix"]

# Up to this many classes cells carry their counts, and up to that many axes their names.
_NUMBERED, _NAMED = 20, 60


def plot_confusion_matrix(table: dict[str, Any]) -> bytes:
    """PNG of a confusion matrix: rows are the true classes, shaded by share of the row."""
    data = table["data"]
    names = data["class_labels"]
    if "matrices" in data:
        return _plot_multilabel_confusion(names, np.array(data["matrices"]))
    matrix = np.array(data["matrix"], dtype=float)
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    side = min(4.5 + 0.28 * len(names), 14)
    figure, axes = _figure_with_axes(side + 1, side)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    figure.colorbar(image, ax=axes, fraction=0.046, label="share of the true class")
    if len(names) <= _NUMBERED:
        for row, column in np.argwhere(matrix > 0):
            axes.text(
                column,
                row,
                f"{int(matrix[row, column])}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if shares[row, column] > 0.5 else "black",
            )
    if len(names) <= _NAMED:
        axes.set_xticks(range(len(names)), [_short(n) for n in names], rotation=90, fontsize=8)
        axes.set_yticks(range(len(names)), [_short(n) for n in names], fontsize=8)
    axes.set(xlabel="predicted", ylabel="true", title=f"Confusion matrix, {len(names)} classes")
    return _png_of(figure)


def _plot_multilabel_confusion(names: list[str], matrices: np.ndarray) -> bytes:
    """Per class, as shares: what was found, missed and wrongly predicted."""
    shown = matrices[:_NAMED]
    positives = np.maximum(shown[:, 1].sum(1), 1)
    found, missed = shown[:, 1, 1] / positives, shown[:, 1, 0] / positives
    wrong = shown[:, 0, 1] / positives
    figure, axes = _figure_with_axes(8, min(2 + 0.35 * len(shown), 16))
    places = np.arange(len(shown))
    axes.barh(places, found, color="#4c78a8", label="found")
    axes.barh(places, missed, left=found, color="#f2cf5b", label="missed")
    axes.barh(places, -wrong, color="#e45756", label="wrongly predicted")
    axes.set_yticks(places, [_short(name) for name in names[: len(shown)]], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set(xlabel="share of the images that carry the label", title="Labels found and missed")
    # Below the axes: inside them it would lie on the bars.
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    return _png_of(figure)


def _figure_with_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of so many inches, and its one pair of axes."""
    # Figures made without pyplot: nothing global is kept, and threads may draw.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    axes = figure.subplots()
    return figure, axes


def _png_of(figure: Figure) -> bytes:
    """The figure as an encoded PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_png(stream)
    return stream.getvalue()


def _short(name: str) -> str:
    # A dollar sign would start matplotlib's mathematics.
    name = name.replace("$", r"\$")
    return name if len(name) <= 24 else name[:23] + "…"
