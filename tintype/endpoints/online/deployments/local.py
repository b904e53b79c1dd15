"""A deployment at work: its instances kept alive, calls placed on them, updates without a gap."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from tintype.endpoints.online.calls import Answer, ScoreCall, error_answer, refusal, too_late
from tintype.endpoints.online.deployments.protocol import (
    GRACE_SECONDS,
    DeploymentPlan,
    ModelDescription,
    Settled,
    check_calls,
)
from tintype.endpoints.online.instances.link import InstanceLost
from tintype.endpoints.online.instances.process import InstanceProcess, start_instance
from tintype.endpoints.online.metrics import GatewayMetrics
from tintype.errors import TintypeError, UsageError
from tintype.settings import get_settings

__all__ = ["LocalDeployment"]

_log = logging.getLogger("tintype")

_TICK_SECONDS = 0.2

# A process of another version may beat as seldom as once a second.
_OUTDATED_SILENT_SECONDS = 5.0

# A model that has been at one micro-batch for so long, or for several time limits, hangs.
_STUCK_SECONDS = 30.0

# A request that takes down whoever holds it must not take down all.
_MOST_TRIES = 4

_MOST_BACKOFF = 30.0

# A first start that fails so often will not succeed by itself.
_MOST_FAILED_STARTS = 3

_DRAIN_SECONDS = 30.0

_LOG_LINES_SHOWN = 5


class LocalDeployment:
    """Fits `protocol.Deployment`: its instances are processes of this machine."""

    def __init__(
        self,
        endpoint: str,
        name: str,
        plan: DeploymentPlan,
        *,
        logs: Path,
        metrics: GatewayMetrics,
        settled: Settled,
    ) -> None:
        self.endpoint = endpoint
        self.name = name
        self._plan = plan
        self._logs = logs
        self._metrics = metrics
        self._settled = settled
        self._settled_generation = 0
        self._instances: list[InstanceProcess] = []
        self._numbers = itertools.count(1)
        self._threads = plan.threads or get_settings().cpu_threads
        self._calls = 0
        self._changed = asyncio.Event()
        self._collected: dict[str, int] = {}
        self._failures = 0
        self._retry_at = 0.0
        self._given_up = False
        self._stopping = False
        self._endings: set[asyncio.Task[None]] = set()
        self._keeping: asyncio.Task[None] | None = None

    # What the gateway asks ----------------------------------------------------------------------

    @property
    def timeout_s(self) -> float:
        """See `protocol.Answering`."""
        return self._plan.timeout_s

    @property
    def description(self) -> ModelDescription | None:
        """The model of any instance that is ready."""
        for instance in self._ready():
            assert instance.link is not None
            return ModelDescription.of(instance.link.hello)
        return None

    def check_room(self) -> None:
        """
        Raises:
            RequestError: 429, all instances together have as many calls as they may.
        """
        limit = self._plan.most_in_flight * max(1, len(self._ready()))
        check_calls(self.name, self._calls, limit)

    async def answer(self, call: ScoreCall) -> Answer:
        """Have it answered; a call whose instance dies or hangs is tried on another, while there is time."""
        deadline = time.monotonic() + call.timeout_s
        self._calls += 1
        try:
            for _ in range(_MOST_TRIES):
                instance = await self._free_instance(deadline)
                if instance is None:
                    return error_answer(
                        503, f"no instance of deployment {self.name!r} is ready; see its logs"
                    )
                left = deadline - time.monotonic()
                try:
                    async with asyncio.timeout(left + GRACE_SECONDS):
                        return await instance.score(replace(call, timeout_s=left))
                except InstanceLost:
                    continue
                except TimeoutError:
                    return refusal(too_late(call.timeout_s))
            return error_answer(
                503, f"{_MOST_TRIES} instances died or hung while they held this request"
            )
        finally:
            self._calls -= 1

    async def canary(self, timeout_s: float) -> Answer:
        """An image through the model of an instance."""
        for instance in self._ready():
            assert instance.link is not None
            try:
                async with asyncio.timeout(timeout_s + GRACE_SECONDS):
                    return await instance.link.canary(timeout_s)
            except (InstanceLost, TimeoutError):
                continue
        return error_answer(503, f"no instance of deployment {self.name!r} is ready")

    # What the daemon asks -----------------------------------------------------------------------

    def start(self) -> None:
        """Begin to keep instances."""
        self._keeping = asyncio.create_task(self._keep())

    def adopt(self, instance: InstanceProcess) -> None:
        """Take over a process that an earlier gateway started."""
        self._instances.append(instance)

    def update(self, plan: DeploymentPlan) -> None:
        """Go over to `plan`; what serves goes on until the new instances do."""
        self._plan = plan
        self._failures, self._retry_at, self._given_up = 0, 0.0, False
        self._changed.set()

    def share_threads(self, count: int) -> None:
        """See `protocol.Deployment`; those that run change over after their pass."""
        self._threads = self._plan.threads or count
        for instance in self._ready():
            self._tell_threads(instance)

    def _tell_threads(self, instance: InstanceProcess) -> None:
        # To another version the word may mean something else; it is replaced soon.
        if instance.link is not None and not instance.is_outdated:
            instance.link.share_threads(self._threads)

    def states(self) -> dict[str, int]:
        """How many instances are in each state."""
        counts: dict[str, int] = dict.fromkeys(("starting", "ready", "draining"), 0)
        for instance in self._instances:
            if instance.state in counts:
                counts[instance.state] += 1
        return counts

    def instances(self) -> list[dict[str, Any]]:
        """Process id, state and generation of each."""
        return [
            {"pid": i.pid, "state": i.state, "generation": i.generation} for i in self._instances
        ]

    def collected(self) -> dict[str, int] | None:
        """See `protocol.Deployment`."""
        return self._collected or None

    async def stop(self) -> None:
        """End every instance, after what they have under way."""
        self._stopping = True
        if self._keeping is not None:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping
        await asyncio.gather(*(instance.drain(_DRAIN_SECONDS) for instance in self._instances))
        if self._endings:
            await asyncio.wait(self._endings)

    # Keeping instances --------------------------------------------------------------------------

    async def _keep(self) -> None:
        while True:
            try:
                await self._look_after()
            except (TintypeError, OSError) as error:
                _log.exception("deployment %s of %s", self.name, self.endpoint)
                self._failed(str(error))
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _TICK_SECONDS)

    async def _look_after(self) -> None:
        for instance in list(self._instances):
            await self._look_at(instance)
        plan = self._plan
        current = [
            i
            for i in self._instances
            if i.generation == plan.generation and i.state in ("starting", "ready")
        ]
        wanted = self._wanted(plan)
        outdated = next((i for i in current if i.is_outdated), None)
        # Where one is outdated, one more: the next is replaced when this one answers.
        room = wanted + (outdated is not None)
        if len(current) < room and not self._given_up and time.monotonic() >= self._retry_at:
            self._instances.append(await self._started(plan))
        elif outdated is not None:
            if len([i for i in current if i.state == "ready"]) > wanted:
                _log.warning(
                    "instance %d of deployment %s, %s speaks another version; it is replaced",
                    outdated.pid,
                    self.name,
                    self.endpoint,
                )
                self._end(outdated)
        elif len(current) > wanted:
            # The youngest first: the others are warm.
            self._end(current[-1])
        ready = [i for i in current if i.state == "ready"]
        if len(ready) >= wanted:
            for instance in self._instances:
                if instance.generation != plan.generation and instance.state == "ready":
                    self._end(instance)
            self._settle(plan.generation, None)
        self._metrics.instances(self.endpoint, self.name, self.states())

    def _wanted(self, plan: DeploymentPlan) -> int:
        if plan.scaler is None:
            return plan.instances
        ready = len([i for i in self._ready() if i.generation == plan.generation])
        return plan.scaler.wanted(self._calls, ready, plan.most_in_flight)

    async def _look_at(self, instance: InstanceProcess) -> None:
        if instance.state == "starting":
            if instance.ended is not None:
                await self._lost(instance, f"ended with status {instance.ended}")
            elif time.monotonic() - instance.started > self._plan.start_seconds:
                await self._lost(instance, f"was not ready after {self._plan.start_seconds:.0f} s")
            elif await instance.connect():
                self._tell_threads(instance)
                self._failures, self._retry_at = 0, 0.0
                self._changed.set()
        elif instance.state == "ready":
            assert instance.link is not None
            link = instance.link
            self._count_collected(instance)
            most_busy = max(_STUCK_SECONDS, 3 * self._plan.timeout_s)
            hangs = self._hangs(instance, most_busy)
            if link.lost.is_set() or instance.ended is not None:
                await self._replaced(instance, "died")
            elif hangs is not None:
                await self._replaced(instance, hangs)
            elif link.busy_s > most_busy:
                await self._replaced(instance, f"its model hung for {link.busy_s:.0f} s")

    def _hangs(self, instance: InstanceProcess, most_busy_s: float) -> str | None:
        """Why an instance that is ready counts as hanging; None where it does not."""
        assert instance.link is not None
        heard = instance.link.last_heard
        if not instance.is_outdated:
            return instance.pulse.hangs(instance.pid, heard, most_busy_s=most_busy_s)
        silent = time.monotonic() - heard
        return f"said nothing for {silent:.0f} s" if silent > _OUTDATED_SILENT_SECONDS else None

    def _count_collected(self, instance: InstanceProcess) -> None:
        """What an instance has recorded, or dropped, since the last look."""
        if instance.link is None:
            return
        for what, count in instance.link.newly_collected().items():
            self._collected[what] = self._collected.get(what, 0) + count
            self._metrics.collected(self.endpoint, self.name, what, count)

    async def _replaced(self, instance: InstanceProcess, why: str) -> None:
        _log.warning(
            "instance %d of deployment %s, %s: %s; it is replaced",
            instance.pid,
            self.name,
            self.endpoint,
            why,
        )
        self._instances.remove(instance)
        self._metrics.restart(self.endpoint, self.name)
        await instance.kill()

    async def _lost(self, instance: InstanceProcess, why: str) -> None:
        """A process that never became ready."""
        self._instances.remove(instance)
        await instance.kill()
        if instance.generation != self._plan.generation:
            return
        # A model or an option that cannot be used will not get better.
        hopeless = instance.ended == UsageError.exit_code
        self._failed(f"an instance {why}: {_last_lines(instance.log)}", hopeless=hopeless)

    def _failed(self, reason: str, *, hopeless: bool = False) -> None:
        self._failures += 1
        self._retry_at = time.monotonic() + min(_MOST_BACKOFF, 2.0 ** (self._failures - 1))
        first = self._settled_generation < self._plan.generation
        if first and (hopeless or self._failures >= _MOST_FAILED_STARTS):
            self._given_up = True
            self._settle(self._plan.generation, reason)

    def _settle(self, generation: int, failure: str | None) -> None:
        if self._settled_generation < generation:
            self._settled_generation = generation
            self._settled(generation, failure)

    async def _started(self, plan: DeploymentPlan) -> InstanceProcess:
        number = next(self._numbers)
        taken = {i.number for i in self._instances}
        while number in taken:
            number = next(self._numbers)
        return await start_instance(
            plan.specification,
            number=number,
            log=self._logs / f"{plan.generation}-{number}.log",
            environment={
                "TINTYPE_THREADS": str(self._threads),
                "OMP_NUM_THREADS": str(self._threads),
                **plan.environment,
            },
        )

    def _end(self, instance: InstanceProcess) -> None:
        """Drain and end it in the background."""
        instance.state = "draining"

        async def ended() -> None:
            await instance.drain(_DRAIN_SECONDS)
            self._count_collected(instance)
            with contextlib.suppress(ValueError):
                self._instances.remove(instance)

        self._in_background(ended())

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    # Placing calls ------------------------------------------------------------------------------

    def _ready(self) -> list[InstanceProcess]:
        return [
            i
            for i in self._instances
            if i.state == "ready" and i.link is not None and not i.link.lost.is_set()
        ]

    async def _free_instance(self, deadline: float) -> Any:
        """The link with the fewest calls; waits for one until `deadline`."""
        while True:
            links = [i.link for i in self._ready() if i.link is not None]
            if links:
                return min(links, key=lambda link: link.in_flight)
            if self._given_up or self._stopping or time.monotonic() >= deadline:
                return None
            await asyncio.sleep(0.02)


def _last_lines(log: Path | None) -> str:
    """The end of an instance's log, on one line."""
    try:
        lines = log.read_text("utf-8", "replace").splitlines() if log else []
    except OSError:
        lines = []
    told = [line for line in lines if line.startswith("error: ")] or lines[-_LOG_LINES_SHOWN:]
    return " | ".join(told[-_LOG_LINES_SHOWN:]) or "its log is empty"
