"""Tasks on a Ray cluster. All nodes must see the workspace folder under the same path.

A task is one Ray task with its share of the cluster's CPUs and GPUs. When its node dies Ray runs it
again elsewhere, and a trial goes on from its last checkpoint in the workspace. Messages and stop
requests go through one small actor, the mailbox, which stays with the owner.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any

from tintype.errors import MissingExtraError, TintypeError
from tintype.settings import get_settings
from tintype.tasks import Message, Stop, load_function

__all__ = ["RayPool", "connect", "ray_environment", "ray_share", "reason_in_ray"]

# Nodes may die so often under one task before it counts as lost.
_RETRIES = 3

# How often a running task asks whether it should stop.
_STOP_POLL_SECONDS = 0.5

_POLL_SECONDS = 0.1


class RayPool:
    """See `TaskPool`."""

    def __init__(self, function: str, size: int, *, address: str | None = None) -> None:
        """
        Args:
            address: ray://host:port; None takes the cluster that RAY_ADDRESS names, or else starts
                one on this machine that ends with this process.

        Raises:
            MissingExtraError: Ray is not installed.
            TintypeError: the cluster cannot be reached.
        """
        try:
            import ray
        except ImportError:
            raise MissingExtraError("compute: ray", "cluster") from None
        self._ray = ray
        self._function = function
        self._size = size
        self._tasks: dict[Any, str] = {}
        self._owns = connect(ray, address)
        self._mailbox: Any = ray.remote(num_cpus=0)(_Mailbox).options(**_here(ray)).remote()
        self._run = ray.remote(max_retries=_RETRIES, **ray_share(ray, size))(_run)

    def free(self) -> int:
        """See `TaskPool`."""
        return self._size - len(self._tasks)

    def start(self, task: str, document: dict[str, Any]) -> None:
        """See `TaskPool`."""
        self._ray.get(self._mailbox.forget.remote(task))
        reference = self._run.remote(self._function, task, json.dumps(document), self._mailbox)
        self._tasks[reference] = task

    def wait(self, seconds: float) -> list[Message]:
        """See `TaskPool`."""
        messages: list[Message] = []
        end = time.monotonic() + seconds
        while not messages:
            for task, body in self._ray.get(self._mailbox.take.remote()):
                messages.append(Message(task, "message", json.loads(body)))
            done, _ = self._ray.wait(list(self._tasks), timeout=0) if self._tasks else ([], [])
            # A result comes after what its task has said before.
            for reference in [] if messages else done:
                messages.append(self._ended(reference))
            if time.monotonic() > end:
                break
            if not messages:
                time.sleep(_POLL_SECONDS)
        return messages

    def stop(self, task: str, how: Stop) -> None:
        """See `TaskPool`."""
        self._ray.get(self._mailbox.ask_to_stop.remote(task, how))

    def kill(self, task: str) -> None:
        """See `TaskPool`."""
        for reference, name in self._tasks.items():
            if name == task:
                self._ray.cancel(reference, force=True)

    def close(self) -> None:
        """See `TaskPool`."""
        for reference in self._tasks:
            with contextlib.suppress(Exception):
                self._ray.cancel(reference, force=True)
        with contextlib.suppress(Exception):
            self._ray.kill(self._mailbox)
        if self._owns:
            self._ray.shutdown()

    def _ended(self, reference: Any) -> Message:
        task = self._tasks.pop(reference)
        try:
            return Message(task, "done", json.loads(self._ray.get(reference)))
        except self._ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[0]
            return Message(task, "lost", {"reason": f"Ray lost it: {reason}"})


class _Mailbox:
    """What tasks have said, and how they were asked to stop."""

    def __init__(self) -> None:
        self._messages: list[tuple[str, str]] = []
        self._stops: dict[str, Stop] = {}

    def send(self, task: str, body: str) -> None:
        self._messages.append((task, body))

    def take(self) -> list[tuple[str, str]]:
        taken, self._messages = self._messages, []
        return taken

    def ask_to_stop(self, task: str, how: Stop) -> None:
        self._stops[task] = how

    def stop_of(self, task: str) -> Stop | None:
        return self._stops.get(task)

    def forget(self, task: str) -> None:
        self._stops.pop(task, None)


class _Context:
    """See `TaskContext`."""

    def __init__(self, task: str, mailbox: Any) -> None:
        self._task = task
        self._mailbox = mailbox
        self._how: Stop | None = None
        self._asked = 0.0

    def send(self, body: dict[str, Any]) -> None:
        import ray

        ray.get(self._mailbox.send.remote(self._task, json.dumps(body)))

    def stop(self) -> Stop | None:
        import ray

        if self._how is None and time.monotonic() - self._asked > _STOP_POLL_SECONDS:
            self._asked = time.monotonic()
            self._how = ray.get(self._mailbox.stop_of.remote(self._task))
        return self._how


def _run(function: str, task: str, document: str, mailbox: Any) -> str:
    """What a Ray worker executes."""
    result = load_function(function)(json.loads(document), _Context(task, mailbox))
    return json.dumps(result)


def connect(ray: Any, address: str | None) -> bool:
    """Connect to a cluster; whether it is one that was started here.

    Raises:
        TintypeError: it cannot be reached.
    """
    if ray.is_initialized():
        return False
    named = address or os.environ.get("RAY_ADDRESS")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    try:
        if named:
            ray.init(address=named, **quiet)
            return False
        # The dashboard would be one more open port.
        ray.init(num_cpus=get_settings().cpu_threads, include_dashboard=False, **quiet)
        return True
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "no answer"
        raise TintypeError(
            f"the Ray cluster {named or 'on this machine'} cannot be used: {reason}"
        ) from None


def ray_share(ray: Any, places: int) -> dict[str, Any]:
    """One of `places` equal parts of the cluster, with this workspace's settings, as Ray's options."""
    total = ray.cluster_resources()
    cpus = max(1, int(total.get("CPU", 1)) // places)
    gpus = total.get("GPU", 0) / places
    environment = {
        **ray_environment(),
        "TINTYPE_THREADS": str(cpus),
        "OMP_NUM_THREADS": str(cpus),
    }
    return {
        "num_cpus": cpus,
        "num_gpus": min(gpus, 1) if gpus < 1 else int(gpus),
        "runtime_env": {"env_vars": environment},
    }


def ray_environment() -> dict[str, str]:
    """The variables of this workspace that hold on every node: also a token for private repositories
    of the Hub, and offline mode."""
    own = {k: v for k, v in os.environ.items() if k.startswith(("HF_", "TINTYPE_"))}
    return {**own, **get_settings().environment()}


def reason_in_ray(message: str) -> str:
    """What went wrong on a node, out of Ray's account of it."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("tintype.errors.")]
    chosen = told[-1] if told else (lines[-1] if lines else "no reason given")
    return chosen.partition(": ")[2] if told else chosen


def _here(ray: Any) -> dict[str, Any]:
    """Scheduling on the owner's own node, which lives as long as the owner."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    try:
        node = ray.get_runtime_context().get_node_id()
    except RuntimeError:
        # Through ray:// the owner is on no node.
        return {}
    return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node_id=node, soft=False)}
