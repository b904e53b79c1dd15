"""Where a pipeline stands: `graph.json` beside its run, for the live table, the page and the log."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from tintype.files import write_json
from tintype.jobs.pipeline.page import write_graph_page
from tintype.jobs.pipeline.steps import Graph
from tintype.jobs.run import Run

__all__ = ["FILE", "PipelineStatus", "StepState"]

FILE = "graph.json"

# Between two writes of what has changed: many steps may end at once.
_WRITE_SECONDS = 0.25


@dataclass
class StepState:
    """Of one step what is known at one moment."""

    name: str
    kind: str
    """What its job is, or the component's name."""
    needs: list[str]
    run: str
    status: str = "NotStarted"
    started: float | None = None
    """time.time()"""
    ended: float | None = None
    reused_from: str | None = None
    """The run that had done the work before."""
    error: str | None = None

    @property
    def seconds(self) -> float | None:
        """How long it has run."""
        return None if self.started is None else (self.ended or time.time()) - self.started


class PipelineStatus:
    """Keeps the states of all steps, writes them and says what changes."""

    def __init__(self, run: Run, graph: Graph, runs: dict[str, str]) -> None:
        """
        Args:
            runs: of each step the name of its run.
        """
        self._run = run
        self._changed, self._written = True, 0.0
        self.steps = {
            name: StepState(
                name,
                step.component or str(step.content["type"]),
                sorted(step.needs),
                runs[name],
            )
            for name, step in graph.steps.items()
        }

    def change(self, name: str, status: str, said: str = "", **facts: Any) -> None:
        """Step `name` has come to `status`; `said` is told of it in the log.

        It is written by the next `write_changes`.
        """
        state = self.steps[name]
        state.status = status
        for key, value in facts.items():
            setattr(state, key, value)
        self._changed = True
        print(f"{time.strftime('%H:%M:%S')} {name}: {said or status.lower()}", flush=True)

    def write_changes(self, *, at_once: bool = False) -> None:
        """Write `graph.json` and the page, where there is news and the last write is a moment ago.

        Args:
            at_once: whenever that was.

        Raises:
            OutputError: they cannot be written.
        """
        now = time.monotonic()
        if not self._changed or (now - self._written < _WRITE_SECONDS and not at_once):
            return
        self._changed, self._written = False, now
        content = {
            "job": self._run.name,
            "written": time.time(),
            "steps": [asdict(state) for state in self.steps.values()],
        }
        write_json(self._run.folder / FILE, content)
        write_graph_page(self._run.outputs / "pipeline.html", content)
