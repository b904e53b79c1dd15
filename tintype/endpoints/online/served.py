"""An endpoint as the gateway serves it: keys, traffic, and deployments that answer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tintype.endpoints.online.calls import Answer, ScoreCall
from tintype.endpoints.online.keys import KeyRing
from tintype.endpoints.online.rate_limit import RateLimiter
from tintype.errors import RequestError
from tintype.schemas.task import Task

__all__ = ["Backend", "ModelDescription", "ServedEndpoint", "check_calls"]


@dataclass(frozen=True)
class ModelDescription:
    """What a deployment's model is, as its OpenAPI document says it."""

    task: Task
    classes: Sequence[str]
    reads_text: bool = False
    """Whether it has a text tower."""


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


class Backend(Protocol):
    """A deployment that answers, in this process or through others."""

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


@dataclass
class ServedEndpoint:
    """Fields are replaced when the endpoint's document changes; requests under way keep theirs."""

    name: str
    keys: KeyRing
    deployments: dict[str, Backend] = field(default_factory=dict)
    traffic: dict[str, int] = field(default_factory=dict)
    """Deployment -> percent of the requests that name none."""
    mirror_traffic: dict[str, int] = field(default_factory=dict)
    """Deployment -> percent of live requests that it gets a copy of; its answers are dropped."""
    limiter: RateLimiter | None = None

    def choose(self, wanted: str | None, draw: float | None = None) -> Backend:
        """The deployment for one request.

        Args:
            wanted: what the header `azureml-model-deployment` says.
            draw: from 0 to below 1; None draws at random.

        Raises:
            RequestError: 404, no such deployment, or none has traffic.
        """
        if wanted is not None:
            if wanted not in self.deployments:
                raise RequestError(
                    f"endpoint {self.name!r} has no deployment {wanted!r}", status=404
                )
            return self.deployments[wanted]
        point = (random.random() if draw is None else draw) * 100
        for name, percent in self.traffic.items():
            point -= percent
            if point < 0 and name in self.deployments:
                return self.deployments[name]
        raise RequestError(
            f"no deployment of endpoint {self.name!r} has traffic; give it some: tintype "
            f'online-endpoint update --name {self.name} --traffic "DEPLOYMENT=100"',
            status=404,
        )

    def mirrored(self, draw: float | None = None) -> Backend | None:
        """The deployment that gets a copy of this request, by the percent of mirror traffic."""
        point = (random.random() if draw is None else draw) * 100
        for name, percent in self.mirror_traffic.items():
            if point < percent:
                return self.deployments.get(name)
        return None
