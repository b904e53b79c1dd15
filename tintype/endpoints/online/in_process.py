"""One model behind HTTP in this process: the gateway around a scoring service."""

from __future__ import annotations

from dataclasses import dataclass

from tintype.endpoints.online.calls import Answer, ScoreCall
from tintype.endpoints.online.deployments.protocol import ModelDescription
from tintype.endpoints.online.gateway.gateway import Gateway, GatewayRoutes
from tintype.endpoints.online.gateway.keys import KeyRing
from tintype.endpoints.online.gateway.served import ServedEndpoint
from tintype.endpoints.online.instances.model_service import describe
from tintype.endpoints.online.instances.scoring_service import ScoringService, ServiceOptions
from tintype.scoring.scorer import Scorer

__all__ = ["LocalBackend", "ServerOptions", "create_app"]

_NAME = "model"


@dataclass(frozen=True)
class ServerOptions(ServiceOptions):
    """How a served model answers."""

    timeout_s: float = 5.0
    """From the arrival of the body to the answer; then 408. Azure's default."""


class LocalBackend:
    """A deployment that is this process; fits `Answering`."""

    def __init__(self, service: ScoringService, timeout_s: float) -> None:
        self.name = _NAME
        self.timeout_s = timeout_s
        self.service = service
        self.description: ModelDescription | None = ModelDescription.of(describe(service))

    def check_room(self) -> None:
        """The service counts images, once it knows how many there are."""

    async def answer(self, call: ScoreCall) -> Answer:
        """Score it here."""
        return await self.service.answer(call)

    async def canary(self, timeout_s: float) -> Answer:
        """See `ScoringService.canary`."""
        return await self.service.canary(timeout_s)


def create_app(
    scorer: Scorer, keys: KeyRing, options: ServerOptions | None = None
) -> tuple[Gateway, ScoringService]:
    """An ASGI application that serves `scorer` at POST /score, and its service, to be closed.

    See `Gateway` for the routes: all but health and the page ask for a key.
    """
    options = options or ServerOptions()
    service = ScoringService(scorer, options, name=_NAME)
    backend = LocalBackend(service, options.timeout_s)
    endpoint = ServedEndpoint(_NAME, keys, {_NAME: backend}, {_NAME: 100})
    routes = GatewayRoutes(find=lambda path: (endpoint, path), metrics_keys=lambda: keys)
    return Gateway(routes), service
