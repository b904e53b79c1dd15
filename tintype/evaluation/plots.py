"""Pictures of an evaluation, drawn from the dicts of `evaluation.curves`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "figure_with_axes",
    "plot_calibration",
    "plot_confusion_matrix",
    "plot_precision_recall",
    "plot_roc",
    "png_of",
]

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
    figure, axes = figure_with_axes(side + 1, side)
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
    return png_of(figure)


def plot_roc(curves: dict[str, Any]) -> bytes:
    """PNG of ROC curves."""
    figure, axes = figure_with_axes(7, 6)
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", linewidth=1)
    _draw_curves(axes, curves, "fpr", "tpr")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC")
    return png_of(figure)


def plot_precision_recall(curves: dict[str, Any]) -> bytes:
    """PNG of precision over recall."""
    figure, axes = figure_with_axes(7, 6)
    _draw_curves(axes, curves, "recall", "precision")
    axes.set(xlabel="recall", ylabel="precision", title="Precision and recall")
    return png_of(figure)


def plot_calibration(table: dict[str, Any]) -> bytes:
    """PNG of a reliability diagram, with how many predictions stand behind each bar.

    A table with `before`, the same of the model without its temperature, gets that as a line.
    """
    bins = [entry for entry in table["bins"] if entry["count"]]
    figure, axes = figure_with_axes(7, 6)
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", linewidth=1, label="perfect")
    width = table["bins"][0]["high"] - table["bins"][0]["low"]
    axes.bar(
        [entry["low"] for entry in bins],
        [entry["accuracy"] for entry in bins],
        width=width,
        align="edge",
        color="#4c78a8",
        alpha=0.75,
        edgecolor="white",
        label="observed",
    )
    for entry in bins:
        axes.text(
            entry["low"] + width / 2,
            entry["accuracy"] + 0.01,
            str(entry["count"]),
            ha="center",
            fontsize=7,
        )
    shown = f"{table['expected_calibration_error']:.3f}"
    if (before := table.get("before")) is not None:
        shown += f", {before['expected_calibration_error']:.3f} before its temperature"
        filled = [entry for entry in before["bins"] if entry["count"]]
        axes.plot(
            [entry["confidence"] for entry in filled],
            [entry["accuracy"] for entry in filled],
            color="#e45756",
            marker="o",
            markersize=4,
            label="before its temperature",
        )
    axes.set(
        xlabel="confidence",
        ylabel="share that is right",
        xlim=(0, 1),
        ylim=(0, 1.05),
        title=f"Calibration (expected calibration error {shown})",
    )
    axes.legend(loc="upper left")
    return png_of(figure)


def _plot_multilabel_confusion(names: list[str], matrices: np.ndarray) -> bytes:
    """Per class, as shares: what was found, missed and wrongly predicted."""
    shown = matrices[:_NAMED]
    positives = np.maximum(shown[:, 1].sum(1), 1)
    found, missed = shown[:, 1, 1] / positives, shown[:, 1, 0] / positives
    wrong = shown[:, 0, 1] / positives
    figure, axes = figure_with_axes(8, min(2 + 0.35 * len(shown), 16))
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
    return png_of(figure)


def _draw_curves(axes: Axes, curves: dict[str, Any], x: str, y: str) -> None:
    for position, curve in enumerate(curves["curves"]):
        micro = position == 0
        axes.plot(
            curve[x],
            curve[y],
            label=_short(curve["name"]),
            linewidth=2.2 if micro else 1,
            color="black" if micro else None,
            zorder=3 if micro else 2,
        )
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.01, 0.5))


def figure_with_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of so many inches, and its one pair of axes."""
    # Figures made without pyplot: nothing global is kept, and threads may draw.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    axes = figure.subplots()
    return figure, axes


def png_of(figure: Figure) -> bytes:
    """The figure as an encoded PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_png(stream)
    return stream.getvalue()


def _short(name: str) -> str:
    # A dollar sign would start matplotlib's mathematics.
    name = name.replace("$", r"\$")
    return name if len(name) <= 24 else name[:23] + "…"
