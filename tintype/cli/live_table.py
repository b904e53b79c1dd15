"""Tables that redraw themselves on a terminal while a job runs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

__all__ = ["follow_table", "is_terminal"]

_REDRAW_SECONDS = 0.5


def is_terminal() -> bool:
    """Whether a table that redraws itself can be shown."""
    return sys.stderr.isatty()


def follow_table(
    kind: Literal["sweep", "pipeline"], folder: Path, ended: Callable[[], bool]
) -> None:
    """Redraw the table of the run in `folder` until `ended` says so."""
    from rich.console import Console
    from rich.live import Live

    if kind == "sweep":
        from tintype.cli.sweep_table import sweep_table as draw
        from tintype.jobs.automl.status import FILE
    else:
        from tintype.cli.pipeline_table import pipeline_table as draw
        from tintype.jobs.pipeline.status import FILE
    with Live(console=Console(stderr=True), refresh_per_second=4) as live:
        while True:
            last = ended()
            content = _read(folder / FILE)
            if content is not None:
                live.update(draw(content))
            if last:
                return
            time.sleep(_REDRAW_SECONDS)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return content
