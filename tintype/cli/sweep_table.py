"""The table of a sweep, drawn from its sweep.json."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["clock", "sweep_table"]

_MOST_ROWS = 30


def sweep_table(content: dict[str, Any]) -> Table:
    """Trials, their parameters, metric and state, and the time that is left."""
    from rich.table import Table
    from rich.text import Text

    metric = content["metric"]
    trials = content["trials"]
    done = sum(trial["state"] != "running" for trial in trials)
    most = content["max_trials"]
    # Of a job with a budget nobody asked how many.
    bound = f" of at most {most}" if most < _UNBOUNDED else ""
    table = Table(title=f"{content['job']}: {done}{bound} trials ended")
    for name in ("trial", "model", "parameters", metric, "best so far", "state", "time"):
        table.add_column(name, overflow="fold")
    for trial in trials[-_MOST_ROWS:]:
        values = trial["intervals"]
        current = trial["metric"] if trial["metric"] is not None else (values or [None])[-1]
        table.add_row(
            str(trial["number"]),
            trial["model"],
            ", ".join(f"{key} {_short(value)}" for key, value in trial["parameters"].items()),
            "" if current is None else f"{current:.4f}",
            f"{max(values):.4f} ({len(values)})" if values else "",
            Text(
                "stopped early" if trial["state"] == "stopped" else trial["state"],
                style=_STYLES.get(trial["state"], ""),
            ),
            clock(trial["seconds"]),
            style="bold" if trial["number"] == content["best_trial"] else "",
        )
    note = content["notes"][-1] if content["notes"] else ""
    table.caption = f"{clock(max(0.0, content['deadline'] - time.time()))} left. {note}"
    return table


_UNBOUNDED = 1000

_STYLES = {"completed": "green", "failed": "red", "stopped": "yellow"}


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def clock(seconds: float) -> str:
    """A span of time as people read it: 1:05, 2:00:00."""
    if seconds >= 86400:
        return f"{seconds / 86400:.1f} days"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
