"""The table of a pipeline, drawn from its graph.json."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tintype.cli.sweep_table import clock

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["pipeline_table"]

_MOST_ROWS = 40

_STYLES = {"Completed": "green", "Failed": "red", "Running": "bold", "Canceled": "yellow"}


def pipeline_table(content: dict[str, Any]) -> Table:
    """Nodes, what each waits for, its status and time; those that run now are always shown."""
    from rich.table import Table
    from rich.text import Text

    steps = content["steps"]
    done = sum(step["status"] == "Completed" for step in steps)
    table = Table(title=f"{content['job']}: {done} of {len(steps)} nodes completed")
    for name in ("node", "what it is", "after", "status", "time"):
        table.add_column(name, overflow="fold")
    shown = steps
    if len(steps) > _MOST_ROWS:
        # Of a long list what goes on now, and what has gone wrong.
        shown = [step for step in steps if step["status"] in ("Running", "Failed")][:_MOST_ROWS]
        table.caption = f"{len(steps) - len(shown)} more nodes"
    for step in shown:
        told = "reused" if step["reused_from"] else step["status"]
        ended = step["ended"] or time.time()
        table.add_row(
            step["name"],
            step["kind"],
            ", ".join(step["needs"]),
            Text(told, style=_STYLES.get(step["status"], "dim")),
            "" if step["started"] is None else clock(ended - step["started"]),
        )
    return table
