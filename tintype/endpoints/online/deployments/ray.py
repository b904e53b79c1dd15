"""A deployment whose instances are replicas on a Ray cluster (`compute: ray`)."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

from tintype.compute.ray_serving import RayService, ReplicaLost, ServicePlan
from tintype.endpoints.online.calls import (
    Answer,
    ScoreCall,
    call_header,
    error_answer,
    refusal,
    too_late,
)
from tintype.endpoints.online.deployments.protocol import (
    GRACE_SECONDS,
    DeploymentPlan,
    ModelDescription,
    Settled,
    check_calls,
)
from tintype.endpoints.online.instances.process import InstanceProcess
from tintype.endpoints.online.metrics import GatewayMetrics
from tintype.errors import TintypeError
from tintype.settings import get_settings

__all__ = ["RayDeployment"]

_log = logging.getLogger("tintype")

_WATCH_SECONDS = 2.0


class RayDeployment:
    """Fits `protocol.Deployment`: its instances are replicas on a cluster."""

    def __init__(
        self,
        endpoint: str,
        name: str,
        plan: DeploymentPlan,
        *,
        metrics: GatewayMetrics,
        settled: Settled,
    ) -> None:
        """See `local.LocalDeployment`."""
        self.endpoint = endpoint
        self.name = name
        self._plan = plan
        self._metrics = metrics
        self._settled = settled
        self._calls = 0
        self._service: RayService | None = None
        self._description: ModelDescription | None = None
        self._replicas: dict[str, int] = {}
        self._work: asyncio.Task[None] | None = None
        self._ending: asyncio.Future[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def timeout_s(self) -> float:
        """See `protocol.Answering`."""
        return self._plan.timeout_s

    @property
    def description(self) -> ModelDescription | None:
        """See `protocol.Answering`."""
        return self._description

    def check_room(self) -> None:
        """
        Raises:
            RequestError: 429, all replicas together have as many calls as they may.
        """
        limit = self._plan.most_in_flight * max(1, self._replicas.get("RUNNING", 1))
        check_calls(self.name, self._calls, limit)

    async def answer(self, call: ScoreCall) -> Answer:
        """Have it answered; a call whose replica dies is tried once more on another."""
        self._calls += 1
        try:
            header = {"kind": "score", **call_header(call)}
            return await self._ask(header, call.body, call.timeout_s)
        finally:
            self._calls -= 1

    async def canary(self, timeout_s: float) -> Answer:
        """An image through the model of a replica."""
        return await self._ask({"kind": "canary", "timeout_s": timeout_s}, b"", timeout_s)

    def start(self) -> None:
        """Begin."""
        self.update(self._plan)
        self._watching = asyncio.create_task(self._watch())

    def adopt(self, instance: InstanceProcess) -> None:
        """Ray's replicas are its own to keep; a process of this machine is not needed."""
        self._ending = asyncio.ensure_future(instance.terminate())

    def update(self, plan: DeploymentPlan) -> None:
        """Go over to `plan`, after what is being gone over to now."""
        self._plan = plan
        self._work = asyncio.create_task(self._deploy(plan, self._work))

    def share_threads(self, count: int) -> None:
        """A cluster's processors are Ray's to share out."""

    def collected(self) -> dict[str, int] | None:
        """Replicas record on the machines they run on, and count in their logs alone."""
        return None

    def states(self) -> dict[str, int]:
        """Replicas by state."""
        return {
            "ready": self._replicas.get("RUNNING", 0),
            "starting": self._replicas.get("STARTING", 0),
            "draining": self._replicas.get("STOPPING", 0),
        }

    def instances(self) -> list[dict[str, Any]]:
        """State and generation of each."""
        generation = self._plan.generation
        return [
            {"pid": None, "state": state, "generation": generation}
            for state, count in self.states().items()
            for _ in range(count)
        ]

    async def stop(self) -> None:
        """End the replicas; Ray lets them finish what they have."""
        for task in (self._watching, self._work):
            if task is not None:
                task.cancel()
        if self._service is not None:
            await asyncio.to_thread(self._service.delete)

    async def _deploy(self, plan: DeploymentPlan, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait((before,))
        try:
            if self._service is None:
                address = plan.compute if plan.compute.startswith("ray://") else None
                name = f"tintype-{self.endpoint}-{self.name}"
                self._service = await asyncio.to_thread(RayService, name, address=address)
            await asyncio.to_thread(self._service.deploy, _service_plan(plan))
            _, said = await self._service.call({"kind": "describe"}, b"")
            self._description = ModelDescription.of(json.loads(said))
        except (TintypeError, ReplicaLost) as error:
            self._settled(plan.generation, str(error) or "a replica died as it started")
            return
        except Exception as error:
            _log.exception("deployment %s of %s", self.name, self.endpoint)
            self._settled(plan.generation, f"{type(error).__name__}: {error}")
            return
        self._replicas = (await asyncio.to_thread(self._service.state))[2]
        self._settled(plan.generation, None)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if self._service is not None:
                _, _, self._replicas = await asyncio.to_thread(self._service.state)
                self._metrics.instances(self.endpoint, self.name, self.states())

    async def _ask(self, header: dict[str, Any], body: bytes, timeout_s: float) -> Answer:
        deadline = time.monotonic() + timeout_s
        for _ in range(2):
            if self._service is None:
                break
            left = deadline - time.monotonic()
            try:
                async with asyncio.timeout(left + GRACE_SECONDS):
                    header_back, answer = await self._service.call(
                        {**header, "timeout_s": left}, body
                    )
                    return Answer(header_back["status"], answer, header_back["headers"])
            except ReplicaLost:
                continue
            except TimeoutError:
                return refusal(too_late(timeout_s))
        return error_answer(
            503,
            f"no replica of deployment {self.name!r} is ready; see `tintype online-deployment show`",
        )


def _service_plan(plan: DeploymentPlan) -> ServicePlan:
    threads = plan.threads or max(1, get_settings().cpu_threads // plan.most_instances)
    return ServicePlan(
        factory="tintype.endpoints.online.instances.model_service:Replica",
        specification=plan.specification,
        replicas=plan.instances,
        most_calls=plan.most_in_flight,
        cpus=threads,
        environment={
            "TINTYPE_THREADS": str(threads),
            "OMP_NUM_THREADS": str(threads),
            **plan.environment,
        },
        autoscaling=None
        if plan.scaler is None
        else {
            "min_replicas": plan.scaler.min_instances,
            "max_replicas": plan.scaler.max_instances,
            "target_ongoing_requests": plan.scaler.target * plan.most_in_flight,
        },
    )
