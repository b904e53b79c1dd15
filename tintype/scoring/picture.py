"""A picture that shows images beside their likeliest labels, right and wrong marked."""

from __future__ import annotations

import io
import math
from collections.abc import Collection, Mapping, Sequence
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

__all__ = ["draw_predictions", "truth_by_folder"]

_LABELS = 4
_MOST = 24  # images in one picture
_COLUMNS = 3
_CELL = 4.4, 2.3  # inches: width, height with so many labels
_LINE = 0.44  # inches that one more label takes
_DPI = 110
_THICKNESS = 0.17  # of a bar, in lines
_LONGEST_LABEL, _LONGEST_HEADING = 26, 24  # characters that fit

_INK, _QUIET = "#1f2328", "#6a737d"
_TRACK, _BAR, _OTHER = "#eceff2", "#2f6f9f", "#a9c4d8"
_RIGHT, _WRONG = "#1a7f37", "#c0362c"


def draw_predictions(
    images: Sequence[str | Path],
    predictions: Sequence[Prediction],
    path: Path,
    *,
    truths: Sequence[str | Collection[str] | None] | None = None,
    threshold: float | Sequence[float] | np.ndarray | None = None,
    labels: int = _LABELS,
) -> None:
    """Write a PNG of up to 24 images, each beside bars of its likeliest labels.

    Args:
        truths: the class of each image, or all of its labels, None where it is not known; a known
            one is marked as right (✓) or wrong (✗, with what it is).
        threshold: multi-label: a label counts as predicted at or above this probability (one for
            all, or one for each class in the model's order). All such labels are in the heading, and each bar tells right, wrong or missed. None: the
            likeliest label alone is predicted.
        labels: bars beside each image.

    Raises:
        ImageError: an image cannot be read.
        OutputError: `path` cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    known = truths if truths is not None else [None] * len(predictions)
    shown = list(zip(images, predictions, known, strict=True))[:_MOST]
    columns = min(_COLUMNS, max(len(shown), 1))
    rows = max(1, math.ceil(len(shown) / columns))
    bars = min(labels, max((len(each.labels) for _, each, _ in shown), default=1))
    size = _CELL[0] * columns, (_CELL[1] + _LINE * max(0, bars - _LABELS)) * rows
    figure = Figure(figsize=size, dpi=_DPI, facecolor="white")
    grid = figure.subplots(rows, 2 * columns, squeeze=False)
    figure.subplots_adjust(
        left=0.15 / size[0],
        right=1 - 0.15 / size[0],
        bottom=0.1 / size[1],
        top=1 - 0.15 / size[1],
        wspace=0.08,
        hspace=0.12,
    )
    for axes in grid.ravel():
        axes.axis("off")
    for position, (source, prediction, truth) in enumerate(shown):
        row, column = divmod(position, columns)
        _draw_image(grid[row, 2 * column], source)
        known_labels = {truth} if isinstance(truth, str) else truth
        thresholds = _by_label(threshold, prediction.labels)
        _draw_bars(grid[row, 2 * column + 1], prediction, known_labels, thresholds, bars)
    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_png(stream)
    write_bytes(path, stream.getvalue())


def truth_by_folder(image: str, labels: Sequence[str]) -> str | None:
    """The class of an image in a folder of class folders: the name of its folder, where that is one
    of `labels`; else None."""
    folder = Path(image).parent.name
    return folder if folder in labels else None


def _by_label(
    threshold: float | Sequence[float] | np.ndarray | None, labels: Sequence[str]
) -> dict[str, float] | None:
    """The threshold of each label; None where the likeliest label is the prediction."""
    if threshold is None:
        return None
    values = np.broadcast_to(np.asarray(threshold, np.float64), (len(labels),))
    return dict(zip(labels, values.tolist(), strict=True))


def _draw_image(axes: Axes, source: str | Path) -> None:
    image = Image.fromarray(decode_image(read_image(source)))
    image.thumbnail((400, 400))
    # Small images are shown as they are, in whole pixels.
    axes.imshow(np.asarray(image), interpolation="nearest" if max(image.size) < 64 else None)
    axes.set_anchor("E")


def _draw_bars(
    axes: Axes,
    prediction: Prediction,
    truth: Collection[str] | None,
    thresholds: Mapping[str, float] | None,
    bars: int,
) -> None:
    """Two lines a label: its name and probability, and below them the bar."""
    ranked = prediction.top(len(prediction.labels))
    predicted = [
        label
        for place, (label, probability) in enumerate(ranked)
        if (place == 0 if thresholds is None else probability >= thresholds[label])
    ]
    axes.set(xlim=(0, 1), ylim=(max(bars, _LABELS) + 1, 0))
    heading, colour = _heading(predicted, truth, thresholds is not None)
    axes.text(0, 0.55, heading, color=colour, fontsize=9.5, fontweight="bold", va="center")
    # With several labels an image, each is right or wrong by itself.
    judged = truth if thresholds is not None else None
    main = _BAR if truth is None else colour
    for place, (label, probability) in enumerate(_shown(ranked, judged or (), bars), start=1):
        name, ink, fill = _text(label), _QUIET, _OTHER
        if label in predicted:
            ink, fill = _INK, main if judged is None else _RIGHT if label in judged else _WRONG
        elif judged is not None and label in judged:
            name, ink = f"{_text(label, _LONGEST_LABEL - 9)} (missed)", _WRONG
        axes.text(0, place + 0.35, name, color=ink, fontsize=8, va="center")
        axes.text(
            1, place + 0.35, f"{probability:.1%}", color=ink, fontsize=8, va="center", ha="right"
        )
        axes.barh(place + 0.72, 1, height=_THICKNESS, color=_TRACK)
        axes.barh(place + 0.72, probability, height=_THICKNESS, color=fill)
        if thresholds is not None:
            axes.plot(
                [thresholds[label]] * 2, [place + 0.6, place + 0.84], color=_QUIET, linewidth=0.8
            )


def _shown(
    ranked: Sequence[tuple[str, float]], wanted: Collection[str], bars: int
) -> list[tuple[str, float]]:
    """The likeliest `bars` labels; those that are wanted take the places of the last others."""
    missing = [pair for pair in ranked[bars:] if pair[0] in wanted][:bars]
    kept = list(ranked[:bars])
    for pair in reversed(ranked[:bars]):
        if len(kept) + len(missing) > bars and pair[0] not in wanted:
            kept.remove(pair)
    return (kept + missing)[:bars]


def _heading(
    predicted: Sequence[str], truth: Collection[str] | None, several: bool
) -> tuple[str, str]:
    """What was predicted, marked where the truth is known, and its colour."""
    said = ", ".join(predicted) or "no label"
    if truth is None:
        return _text(said, _LONGEST_HEADING), _INK
    if set(truth) == set(predicted):
        return f"✓ {_text(said, _LONGEST_HEADING)}", _RIGHT
    if several:
        # Which of them are wrong, the bars tell.
        return f"✗ {_text(said, _LONGEST_HEADING)}", _WRONG
    half = _LONGEST_HEADING // 2 - 1
    really = ", ".join(truth)
    return f"✗ {_text(said, half)} (is {_text(really, half)})", _WRONG


def _text(label: str, longest: int = _LONGEST_LABEL) -> str:
    label = label if len(label) <= longest else f"{label[: longest - 1]}…"
    # Matplotlib takes what stands between dollar signs for a formula.
    return label.replace("$", r"\$")
