"""The page of a pipeline: its graph, and a table of its steps."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from tintype.evaluation.html import page, paragraph, section, table
from tintype.files import write_text

__all__ = ["graph_picture", "layers_of", "write_graph_page"]

# Pixels.
_WIDTH, _HEIGHT, _ACROSS, _DOWN, _MARGIN = 210, 46, 60, 22, 12

# Letters that a box has room for.
_LETTERS = 26

_COLOURS = {
    "Completed": "#3a923a",
    "Failed": "#c44133",
    "Canceled": "#b58900",
    "Running": "#2f6fb0",
    "NotStarted": "#9aa4ad",
}


def write_graph_page(path: Path, content: dict[str, Any]) -> None:
    """Write the page of what `graph.json` says.

    Raises:
        OutputError: it cannot be written.
    """
    steps = content["steps"]
    counts: dict[str, int] = {}
    for step in steps:
        counts[step["status"]] = counts.get(step["status"], 0) + 1
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    rows = [
        (
            step["name"],
            step["kind"],
            "reused" if step["reused_from"] else step["status"],
            _seconds(step, content["written"]),
            step["reused_from"] or step["run"],
            step["error"],
        )
        for step in steps
    ]
    heads = ("node", "what it is", "status", "seconds", "run", "error")
    write_text(
        path,
        page(
            f"Pipeline {content['job']}",
            paragraph(f"{len(steps)} nodes: {told}."),
            graph_picture(steps),
            section("Nodes", table(heads, rows)),
        ),
    )


def layers_of(steps: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Steps from left to right, each to the right of all that it needs."""
    depth: dict[str, int] = {}
    # `steps` are in an order in which what is needed comes first.
    for step in steps:
        depth[step["name"]] = 1 + max((depth[each] for each in step["needs"]), default=-1)
    layers: list[list[dict[str, Any]]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for step in steps:
        layers[depth[step["name"]]].append(step)
    return layers


def graph_picture(steps: list[dict[str, Any]]) -> str:
    """The graph as SVG: a box a node in the colour of its status, a line for what it needs."""
    layers = layers_of(steps)
    places: dict[str, tuple[int, int]] = {}
    for column, layer in enumerate(layers):
        # Near what it needs, so that lines cross little.
        layer.sort(key=lambda step: _mean([places[each][1] for each in step["needs"]]))
        for row, step in enumerate(layer):
            places[step["name"]] = (
                _MARGIN + column * (_WIDTH + _ACROSS),
                _MARGIN + row * (_HEIGHT + _DOWN),
            )
    width = 2 * _MARGIN + len(layers) * (_WIDTH + _ACROSS) - _ACROSS
    rows = max((len(layer) for layer in layers), default=0)
    height = 2 * _MARGIN + rows * (_HEIGHT + _DOWN) - _DOWN
    lines = [_line(places[each], places[step["name"]]) for step in steps for each in step["needs"]]
    boxes = [_box(step, *places[step["name"]]) for step in steps]
    return (
        f'<div class="wide"><svg role="img" aria-label="the graph of the pipeline" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" '
        f'font-size="13">{"".join(lines)}{"".join(boxes)}</svg></div>'
    )


def _mean(values: list[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def _line(start: tuple[int, int], end: tuple[int, int]) -> str:
    x, y = start[0] + _WIDTH, start[1] + _HEIGHT // 2
    to_x, to_y = end[0], end[1] + _HEIGHT // 2
    bend = (to_x - x) // 2
    path = f"M{x} {y} C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"
    return f'<path d="{path}" fill="none" stroke="#9aa4ad" stroke-width="1.5"/>'


def _box(step: dict[str, Any], x: int, y: int) -> str:
    status = step["status"]
    colour = _COLOURS.get(status, _COLOURS["Running"])
    told = "reused" if step["reused_from"] else status
    title = html.escape(f"{step['name']}: {told}" + (f"\n{step['error']}" if step["error"] else ""))
    return (
        f'<g><title>{title}</title><rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" '
        f'fill="#fff" stroke="{colour}" stroke-width="2"/>'
        f'<text x="{x + 10}" y="{y + 19}" font-weight="600">{html.escape(_short(step["name"]))}</text>'
        f'<text x="{x + 10}" y="{y + 36}" fill="{colour}">{html.escape(told)}</text></g>'
    )


def _short(name: str) -> str:
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"


def _seconds(step: dict[str, Any], now: float) -> str | None:
    if step["started"] is None:
        return None
    return f"{(step['ended'] or now) - step['started']:.1f}"
