"""Replicas of one object on a Ray cluster, by Ray Serve: placed, kept alive, scaled, updated in turn.

Calls go through Ray's own handles; Ray's HTTP proxy stays off, so that nothing more listens.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field
from typing import Any

from tintype.compute.ray_pool import connect, ray_environment, reason_in_ray
from tintype.errors import MissingExtraError, TintypeError
from tintype.tasks import load_function

__all__ = ["RayService", "ReplicaLost", "ServicePlan", "leave_cluster"]


_POLL_SECONDS = 0.2


class ReplicaLost(Exception):
    """The replica died before it answered."""


@dataclass(frozen=True)
class ServicePlan:
    """What runs, and how much of it."""

    factory: str
    """"package.module:function": takes the specification, gives an object with the coroutines
    `answer(header, body)` -> (header, body) and `check_health()`."""
    specification: dict[str, Any]
    replicas: int
    most_calls: int
    """Calls that a replica has at once."""
    cpus: int
    environment: dict[str, str] = field(default_factory=dict)
    autoscaling: dict[str, Any] | None = None
    """Ray Serve's autoscaling_config; None keeps `replicas`."""


class RayService:
    """One Ray Serve application."""

    def __init__(self, name: str, *, address: str | None) -> None:
        """
        Args:
            name: the application's; unique on the cluster.
            address: ray://host:port; None takes RAY_ADDRESS, or a cluster of this machine's own.

        Raises:
            MissingExtraError: Ray Serve is not installed.
            TintypeError: the cluster cannot be reached.
        """
        try:
            import ray
            from ray import serve
        except ImportError:
            raise MissingExtraError("compute: ray", "cluster") from None
        connect(ray, address)
        serve.start(proxy_location="Disabled")
        self._ray, self._serve, self._name = ray, serve, name
        self._handle: Any = None
        self._deleted = threading.Event()

    def deploy(self, plan: ServicePlan) -> None:
        """Go over to `plan`, a replica at a time; returns when it serves.

        Raises:
            TintypeError: its replicas do not start; says why.
        """
        environment = {**ray_environment(), **plan.environment}
        count: dict[str, Any] = (
            {"num_replicas": plan.replicas}
            if plan.autoscaling is None
            else {"autoscaling_config": plan.autoscaling}
        )
        make = self._serve.deployment(
            name="replica",
            max_ongoing_requests=plan.most_calls,
            health_check_period_s=5,
            health_check_timeout_s=30,
            graceful_shutdown_timeout_s=30,
            ray_actor_options={
                "num_cpus": plan.cpus,
                "runtime_env": {"env_vars": environment},
            },
            **count,
        )
        application = make(_Replica).bind(plan.factory, plan.specification)
        target = self._serve.RunTarget(application, name=self._name, route_prefix=None)
        try:
            # Waited for here: Ray's own waiting could not be ended by `delete`.
            (handle,) = self._serve.run_many([target], wait_for_applications_running=False)
        except (RuntimeError, self._ray.exceptions.RayError) as error:
            raise TintypeError(reason_in_ray(self.state()[1] or str(error))) from None
        status, message = "DEPLOYING", ""
        while status in ("NOT_STARTED", "DEPLOYING"):
            if self._deleted.wait(_POLL_SECONDS):
                raise TintypeError("it was deleted before it had started")
            status, message, _ = self.state()
        if status != "RUNNING":
            raise TintypeError(reason_in_ray(message))
        self._handle = handle

    async def call(self, header: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Have one replica answer.

        Raises:
            ReplicaLost: it died first, or none has been started yet.
        """
        if self._handle is None:
            raise ReplicaLost
        try:
            answer: tuple[dict[str, Any], bytes] = await self._handle.answer.remote(header, body)
        except self._ray.exceptions.RayActorError:
            raise ReplicaLost from None
        return answer

    def state(self) -> tuple[str, str, dict[str, int]]:
        """The application's status and message, and replicas by state, in Ray Serve's words."""
        application = self._serve.status().applications.get(self._name)
        if application is None:
            return "NOT_STARTED", "", {}
        replicas: dict[str, int] = {}
        for deployment in application.deployments.values():
            for state, count in deployment.replica_states.items():
                name = str(getattr(state, "value", state))
                replicas[name] = replicas.get(name, 0) + int(count)
        messages = [application.message, *(d.message for d in application.deployments.values())]
        status = str(getattr(application.status, "value", application.status))
        return status, " ".join(m for m in messages if m), replicas

    def delete(self) -> None:
        """End it, and whoever waits in `deploy`."""
        self._deleted.set()
        self._serve.delete(self._name)


def leave_cluster() -> None:
    """Let go of the cluster, if one was joined; else Ray does it as the process ends, and waits a
    minute for a cluster that has gone."""
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        ray.shutdown()


class _Replica:
    """What Ray Serve runs."""

    def __init__(self, factory: str, specification: dict[str, Any]) -> None:
        self._object: Any = load_function(factory)(specification)  # type: ignore[call-arg]

    async def answer(self, header: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        answer: tuple[dict[str, Any], bytes] = await self._object.answer(header, body)
        return answer

    async def check_health(self) -> None:
        await self._object.check_health()
