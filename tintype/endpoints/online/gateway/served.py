"""An endpoint as the gateway serves it: keys, traffic, and deployments that answer."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tintype.endpoints.online.deployments.protocol import Answering
from tintype.endpoints.online.gateway.keys import KeyRing
from tintype.endpoints.online.gateway.rate_limit import RateLimiter
from tintype.errors import RequestError

__all__ = ["ServedEndpoint"]


@dataclass
class ServedEndpoint:
    """Fields are replaced when the endpoint's document changes; requests under way keep theirs."""

    name: str
    keys: KeyRing
    deployments: dict[str, Answering] = field(default_factory=dict)
    traffic: dict[str, int] = field(default_factory=dict)
    """Deployment -> percent of the requests that name none."""
    mirror_traffic: dict[str, int] = field(default_factory=dict)
    """Deployment -> percent of live requests that it gets a copy of."""
    limiter: RateLimiter | None = None

    def choose(self, wanted: str | None, draw: float | None = None) -> Answering:
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

    def mirrored(self, draw: float | None = None) -> Answering | None:
        """The deployment that gets a copy of this request, by the percent of mirror traffic."""
        point = (random.random() if draw is None else draw) * 100
        for name, percent in self.mirror_traffic.items():
            if point < percent:
                return self.deployments.get(name)
        return None
