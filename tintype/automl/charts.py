"""Pictures of a sweep: PNG bytes, drawn without pyplot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tintype.evaluation.plots import figure_with_axes, png_of

__all__ = ["plot_importance", "plot_learning_curves", "plot_metric_over_time", "plot_parallel"]

Row = Mapping[str, Any]
"""One trial as sweep.json has it."""

_MOST_CURVES = 20


def plot_metric_over_time(rows: Sequence[Row], metric: str) -> bytes:
    """Each finished trial at the time it ended, and the best so far as a line."""
    ended = sorted(
        (row for row in rows if row["metric"] is not None and row["ended"]),
        key=lambda row: row["ended"],
    )
    begin = min(row["started"] for row in rows)
    minutes = [(row["ended"] - begin) / 60 for row in ended]
    values = [row["metric"] for row in ended]
    figure, axes = figure_with_axes(8, 4.5)
    for state, marker in (("completed", "o"), ("stopped", "x")):
        chosen = [index for index, row in enumerate(ended) if row["state"] == state]
        axes.scatter(
            [minutes[i] for i in chosen], [values[i] for i in chosen], marker=marker, label=state
        )
    best = np.maximum.accumulate(values).tolist() if values else []
    axes.step(minutes, best, where="post", color="black", linewidth=1, label="best so far")
    axes.set(xlabel="minutes since the first trial began", ylabel=metric, title="Metric over time")
    axes.legend(fontsize=8)
    return png_of(figure)


def plot_learning_curves(rows: Sequence[Row], metric: str) -> bytes:
    """The metric after each evaluation, of the best trials."""
    shown = [row for row in rows if len(row["intervals"]) > 1]
    shown = sorted(shown, key=lambda row: -max(row["intervals"]))[:_MOST_CURVES]
    figure, axes = figure_with_axes(8, 4.5)
    for row in shown:
        places = range(1, len(row["intervals"]) + 1)
        axes.plot(
            places, row["intervals"], marker=".", label=f"{row['number']}: {row['model'][-28:]}"
        )
    axes.set(xlabel="evaluation", ylabel=metric, title="Learning curves")
    if shown:
        axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return png_of(figure)


def plot_importance(importance: Mapping[str, float]) -> bytes:
    """Bars, the most important on top."""
    names = sorted(importance, key=lambda name: importance[name])
    figure, axes = figure_with_axes(7, 1.2 + 0.4 * len(names))
    axes.barh(names, [importance[name] for name in names], color="#4c78a8")
    axes.set(xlabel="share of the variation between trials", title="Importance of parameters")
    return png_of(figure)


def plot_parallel(
    columns: Mapping[str, Sequence[Any]], metric: str, values: Sequence[float]
) -> bytes:
    """A line a trial through its parameters, coloured by the metric.

    Args:
        columns: parameter -> value in each trial; None where a trial has it not.
        values: the metric of each trial.
    """
    names = [*columns, metric]
    heights, ticks = [], []
    for column in [*columns.values(), values]:
        places, labels = _scaled(column)
        heights.append(places)
        ticks.append(labels)
    figure, axes = figure_with_axes(max(6.0, 1.9 * len(names)), 5)
    low, high = min(values), max(values)
    from matplotlib import colormaps

    for trial, value in enumerate(values):
        shade = (value - low) / (high - low) if high > low else 1.0
        axes.plot(
            range(len(names)),
            [places[trial] for places in heights],
            color=colormaps["viridis"](shade),
            linewidth=1 + 2 * shade,
            alpha=0.8,
        )
    for position, labels in enumerate(ticks):
        axes.axvline(position, color="grey", linewidth=0.8)
        for height, text in labels:
            axes.text(position + 0.03, height, text, fontsize=7, va="center")
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_yticks([])
    axes.set(title="Trials through their parameters", xlim=(-0.1, len(names) - 0.6))
    return png_of(figure)


def _scaled(column: Sequence[Any]) -> tuple[list[float], list[tuple[float, str]]]:
    """Heights between 0 and 1, and what to write at which height."""
    present = [value for value in column if value is not None]
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in present)
    if numeric and present and len(set(present)) > 1:
        logarithmic = min(present) > 0 and max(present) / min(present) > 20
        scale = np.log if logarithmic else np.asarray
        low, high = float(scale(min(present))), float(scale(max(present)))
        heights = [
            -0.08 if value is None else float((scale(value) - low) / (high - low))
            for value in column
        ]
        return heights, [(0.0, f"{min(present):.3g}"), (1.0, f"{max(present):.3g}")]
    kinds = sorted({str(value) for value in present})
    places = {kind: i / max(len(kinds) - 1, 1) for i, kind in enumerate(kinds)}
    heights = [-0.08 if value is None else places[str(value)] for value in column]
    return heights, [(place, kind[-24:]) for kind, place in places.items()]
