"""The page of a pipeline: its graph, and a table of its steps, which `page.js` draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tintype.files import write_text
from tintype.pages import document

__all__ = ["layers_of", "write_graph_page"]

_PAGE = Path(__file__).with_name("page.js")


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
    kept = ("name", "kind", "status", "needs", "run", "reused_from", "error")
    data = [
        {
            **{key: step[key] for key in kept},
            "column": column,
            "seconds": _seconds(step, content["written"]),
        }
        for column, layer in enumerate(layers_of(steps))
        for step in layer
    ]
    write_text(
        path,
        document(
            f"Pipeline {content['job']}",
            page=_PAGE,
            lead=[f"{len(steps)} nodes: {told}."],
            data={"steps": data},
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


def _seconds(step: dict[str, Any], now: float) -> float | None:
    if step["started"] is None:
        return None
    return round((step["ended"] or now) - step["started"], 1)
