"""What a deployment is to those who use it, wherever its model runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tintype.endpoints.online.calls import Answer, ScoreCall
from tintype.endpoints.online.deployments.scaling import Autoscaler
from tintype.endpoints.online.instances.process import InstanceProcess
from tintype.errors import RequestError
from tintype.schemas.task import Task

__all__ = [
    "GRACE_SECONDS",
    "Answering",
    "Deployment",
    "DeploymentPlan",
    "ModelDescription",
    "Settled",
    "check_calls",
]

GRACE_SECONDS = 2.0
"""Past a call's own time limit: whoever answers says 408 by itself; this is for one that cannot."""

Settled = Callable[[int, str | None], None]
"""Called with a generation and None when it serves, or with the reason why it does not."""


@dataclass(frozen=True)
class ModelDescription:
    """What a deployment's model is, as its OpenAPI document says it."""

    task: Task
    classes: Sequence[str]
    reads_text: bool = False
    """Whether it has a text tower."""
    explanations: Mapping[str, Any] | None = None
    """See `offered_explanations`; None: an instance that is older than this gateway did not say it."""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> ModelDescription:
        """What an instance tells of its model; see `model_service.describe`."""
        return cls(told["task"], told["classes"], told["reads_text"], told.get("explanations"))


@dataclass(frozen=True)
class DeploymentPlan:
    """What a deployment's document asks for, as far as processes are concerned."""

    specification: dict[str, Any]
    """For every instance; see `instances.instance`."""
    environment: dict[str, str]
    generation: int
    instances: int
    timeout_s: float
    most_in_flight: int
    """Calls that each instance may have; more are refused with 429."""
    start_seconds: float
    """From an instance's start to its being ready; then it counts as failed."""
    threads: int | None = None
    """CPU threads of each instance; None: its share of what the machine has."""
    compute: str = "local"
    """`local`, `ray` or `ray://host:port`."""
    scaler: Autoscaler | None = None

    @property
    def most_instances(self) -> int:
        """How many there may come to be."""
        return self.instances if self.scaler is None else self.scaler.max_instances


class Answering(Protocol):
    """What the gateway asks of a deployment: one that answers, in this process or through others."""

    @property
    def name(self) -> str:
        """The deployment's."""

    @property
    def timeout_s(self) -> float:
        """From the arrival of a request to its answer."""

    @property
    def description(self) -> ModelDescription | None:
        """None until a model is loaded."""

    def check_room(self) -> None:
        """
        Raises:
            RequestError: 429, more requests are under way than it takes.
        """

    async def answer(self, call: ScoreCall) -> Answer:
        """Answer within `call.timeout_s`; cancelling it gives the call up."""

    async def canary(self, timeout_s: float) -> Answer:
        """200 where an image has just been through a model, else 503."""


class Deployment(Answering, Protocol):
    """What the daemon asks of one besides: that it is kept as a plan says. See `local` and `ray`."""

    def start(self) -> None:
        """Begin to keep instances."""

    def adopt(self, instance: InstanceProcess) -> None:
        """Take over a process that an earlier gateway started."""

    def update(self, plan: DeploymentPlan) -> None:
        """Go over to `plan`; what serves goes on until the new instances do."""

    def share_threads(self, count: int) -> None:
        """Each instance has so many CPU threads of this machine, where the plan does not say it."""

    def instances(self) -> list[dict[str, Any]]:
        """`pid`, `state` and `generation` of each."""

    def collected(self) -> dict[str, int] | None:
        """Samples `recorded` and `dropped` since the daemon began; None where none are counted."""

    async def stop(self) -> None:
        """End every instance, after what it has under way."""


def check_calls(deployment: str, calls: int, limit: int) -> None:
    """
    Raises:
        RequestError: 429, `deployment` has as many calls as it may.
    """
    if calls >= limit:
        raise RequestError(
            f"deployment {deployment!r} is at its limit of {limit} requests; try again shortly",
            status=429,
        )
