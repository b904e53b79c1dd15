"""Runs the steps of a graph: each as soon as what it needs is there, never more than a bound at once.

Commands are processes of this very worker; what trains or scores goes to worker processes that stay for
several steps, so that libraries are imported once; both may go to a Ray cluster.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tintype.compute.pools import open_pool
from tintype.compute.thread_pool import ThreadPool
from tintype.errors import TintypeError
from tintype.jobs.event_log import log_notices
from tintype.jobs.pipeline.node_runs import NodeRuns
from tintype.jobs.pipeline.status import PipelineStatus
from tintype.jobs.pipeline.steps import Graph, Made
from tintype.jobs.run import Run
from tintype.schemas.pipeline_job import PipelineJob
from tintype.schemas.place import place_of
from tintype.settings import get_settings
from tintype.tasks import Message, TaskContext, TaskPool, load_function

__all__ = ["Scheduler"]

# Between two looks at whether the pipeline is to stop.
_LOOK_SECONDS = 0.1

# From asking the running steps to end until their workers are ended.
_GRACE_SECONDS = 8.0

# By name: they execute any kind of job, pipelines too.
_WORKER = "tintype.jobs.worker:run_task"
_BESIDE_OTHERS = "tintype.jobs.worker:run_beside_others"


class Scheduler:
    """One execution of a graph."""

    def __init__(self, job: PipelineJob, run: Run, graph: Graph, context: TaskContext) -> None:
        self._job, self._graph, self._context = job, graph, context
        self._nodes = NodeRuns(job, run, graph)
        self._status = PipelineStatus(run, graph, self._nodes.names)
        self._size = job.settings.max_concurrent_nodes or get_settings().cpu_threads
        self._pools: dict[str, TaskPool] = {}
        self._running: dict[str, TaskPool] = {}
        self._done: set[str] = set()
        self.failures: dict[str, str] = {}
        """Steps that failed, each with why."""

    def run_all(self) -> None:
        """Run everything that can be; what failed is in `failures`."""
        self._nodes.begin()
        print(f"{len(self._graph.steps)} nodes, at most {self._size} at the same time", flush=True)
        try:
            self._run_steps()
        finally:
            self._status.write_changes(at_once=True)
        self._nodes.end({name: state.status for name, state in self._status.steps.items()})

    def close(self) -> None:
        """End all workers."""
        for pool in self._pools.values():
            pool.close()

    def link(self, path: Path, made: Made) -> None:
        """Make `path` a link to what a step made."""
        self._nodes.link(path, made)

    def results(self) -> tuple[dict[str, float], str | None]:
        """Metrics of all steps together, later ones first, and the model that one registered."""
        metrics: dict[str, float] = {}
        registered = None
        for name in self._graph.steps:
            if name in self._done:
                record = self._nodes.run(name).state
                metrics |= record.metrics
                registered = record.registered_model or registered
        return metrics, registered

    def _run_steps(self) -> None:
        while self._context.stop() is None:
            for name in self._ready():
                self._start(name)
            self._status.write_changes()
            if not self._running and not self._ready():
                return
            for message in self._heard():
                self._hear(message)
        self._stop_running()

    def _ready(self) -> list[str]:
        """Steps that can be started now, as long as there is room."""
        if self._halted:
            return []
        states = self._status.steps
        return [
            name
            for name, step in self._graph.steps.items()
            if states[name].status == "NotStarted" and step.needs <= self._done
        ]

    @property
    def _halted(self) -> bool:
        """Whether nothing more is to be started."""
        return bool(self.failures) and not self._job.settings.continue_on_step_failure

    def _start(self, name: str) -> None:
        """Start a step, where there is room for it; one whose work is done needs none."""
        if self._halted:
            # The one that was tried before it could not be prepared.
            return
        if len(self._running) >= self._size or self._pool(self._key(name)).free() <= 0:
            return
        try:
            prepared = self._nodes.prepare(name)
        except TintypeError as error:
            self._nodes.lost(name, str(error))
            self._fail(name, str(error))
            return
        log_notices(f"{name}: {notice}" for notice in prepared.notices)
        run, earlier = prepared.run, prepared.finished
        if earlier is not None:
            own = earlier == run.name
            said = "kept: it was finished before" if own else f"reused from {earlier}"
            self._done.add(name)
            self._status.change(name, "Completed", said, reused_from=None if own else earlier)
            return
        pool = self._pool(self._key(name))
        self._running[name] = pool
        self._status.change(name, "Running", f"started, run {run.name}", started=time.time())
        pool.start(name, {"run": run.name})

    def _hear(self, message: Message) -> None:
        name = message.task
        if message.kind == "message" or self._running.pop(name, None) is None:
            return
        state = message.body.get("state")
        seconds = f"{self._status.steps[name].seconds or 0.0:.1f} s"
        if state == "completed":
            try:
                self._nodes.finish(name)
            except TintypeError as error:
                self._nodes.lost(name, str(error))
                self._fail(name, str(error))
                return
            self._done.add(name)
            self._status.change(name, "Completed", f"completed in {seconds}", ended=time.time())
        elif state in ("canceled", "stopped"):
            self._status.change(name, "Canceled", ended=time.time())
        else:
            reason = message.body.get("error") or message.body.get("reason") or "unknown"
            self._nodes.lost(name, reason)
            self._fail(name, str(reason))

    def _fail(self, name: str, reason: str) -> None:
        self.failures[name] = reason
        # All of it ends the log, once the nodes that still run have ended.
        said = f"failed: {reason.partition(os.linesep)[0]}"
        self._status.change(name, "Failed", said, ended=time.time(), error=reason)

    def _stop_running(self) -> None:
        for name, pool in self._running.items():
            pool.stop(name, "cancel")
        deadline = time.monotonic() + _GRACE_SECONDS
        while self._running and time.monotonic() < deadline:
            for message in self._heard():
                self._hear(message)
        for name in list(self._running):
            self._running.pop(name).kill(name)
            self._nodes.cancel(name)
            self._status.change(name, "Canceled", ended=time.time())

    def _heard(self) -> list[Message]:
        pools = list(dict.fromkeys(self._running.values()))
        return [each for pool in pools for each in pool.wait(_LOOK_SECONDS / len(pools))]

    def _pool(self, key: str) -> TaskPool:
        """The pool of a place; see `_key`."""
        if key not in self._pools:
            width = min(self._size, _width(self._graph, lambda each: self._key(each) == key))
            if key == "here":
                # What runs side by side shares the machine's threads.
                share = max(1, get_settings().cpu_threads // width)
                os.environ["OMP_NUM_THREADS"] = str(share)
                self._pools[key] = ThreadPool(load_function(_BESIDE_OTHERS), self._size)
            else:
                self._pools[key] = open_pool(_WORKER, key, width)
        return self._pools[key]

    def _key(self, name: str) -> str:
        """Where a step runs: "here", in this process; "local", in a worker; or on a Ray cluster."""
        step = self._graph.steps[name]
        place = place_of(step.place or "local")
        return "here" if place == "local" and step.content.get("type") == "command" else place


def _width(graph: Graph, counts: Callable[[str], bool]) -> int:
    """The most steps that `counts` and that stand side by side: workers worth sharing a machine among."""
    depth: dict[str, int] = {}
    for name, step in graph.steps.items():
        depth[name] = 1 + max((depth[each] for each in step.needs), default=0)
    levels = Counter(depth[name] for name in graph.steps if counts(name))
    return max(levels.values(), default=1)
