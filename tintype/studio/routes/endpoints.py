"""Routes of online endpoints: their records, which the daemon keeps."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from tintype.endpoints.online.daemon.control import daemon_answers
from tintype.workspace.endpoints import EndpointStore

__all__ = ["router"]

router = APIRouter(prefix="/api/endpoints", tags=["endpoints"])


class DeploymentLineAnswer(BaseModel):
    """A deployment in a list."""

    name: str
    model: str
    provisioning_state: str
    error: str | None


class EndpointLineAnswer(BaseModel):
    """An online endpoint in a list."""

    name: str
    provisioning_state: str
    traffic: dict[str, int]
    """Percent by deployment."""
    modified_at: str
    deployments: list[DeploymentLineAnswer]


class EndpointsAnswer(BaseModel):
    """All online endpoints."""

    endpoints: list[EndpointLineAnswer]
    daemon: bool
    """Whether the daemon runs: without it nothing is served."""


@router.get("", response_model=EndpointsAnswer)
def list_endpoints() -> dict[str, Any]:
    """All online endpoints with their deployments, by name."""
    store = EndpointStore()
    return {
        "endpoints": [
            {
                **vars(endpoint),
                "deployments": [vars(one) for one in store.deployments(endpoint.name)],
            }
            for endpoint in store.endpoints()
        ],
        "daemon": daemon_answers(),
    }
