"""Routes of online endpoints: the list, one with its deployments, and what is done with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from tintype.endpoints.online.daemon.config import load_config
from tintype.endpoints.online.daemon.control import ask_daemon, daemon_answers
from tintype.endpoints.online.daemon.shown import shown_deployment, shown_endpoint
from tintype.errors import RequestError, UsageError
from tintype.models.checkpoint import check_obtainable
from tintype.schemas.document import Document
from tintype.schemas.online_deployment import read_online_deployment
from tintype.schemas.online_endpoint import read_online_endpoint
from tintype.studio.state import StudioOf
from tintype.workspace.endpoints import EndpointStore
from tintype.workspace.registry import resolve_model

__all__ = ["known_endpoint", "router"]

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


class InstanceAnswer(BaseModel):
    """A process that holds a model."""

    pid: int | None = None
    state: str
    generation: int


class DeploymentAnswer(DeploymentLineAnswer):
    """A deployment as it is now."""

    model_name: str
    """The model as the document names it."""
    instance_count: int
    scaling: str
    """default: always so many instances; target_utilization: as many as the load asks for."""
    instances: list[InstanceAnswer]
    modified_at: str


class EndpointAnswer(BaseModel):
    """All that is known of an endpoint, but its keys."""

    name: str
    description: str | None
    provisioning_state: str
    scoring_uri: str
    playground_uri: str
    traffic: dict[str, int]
    created_at: str
    modified_at: str
    deployments: list[DeploymentAnswer]
    daemon: bool


class DeployBody(BaseModel):
    """A model to be put behind an endpoint, which is made where there is none of that name."""

    endpoint: str = Field(max_length=255)
    deployment: str = Field("blue", max_length=255)
    model: str = Field(min_length=1, max_length=4096)
    instances: int = 1
    all_traffic: bool | None = None
    """None: where the endpoint has no other deployment."""


class TrafficBody(BaseModel):
    """Percent by deployment, 100 together or all 0."""

    traffic: dict[str, int] = Field(max_length=100)


class ScaleBody(BaseModel):
    """How many processes hold the model."""

    instances: int


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


@router.post("", response_model=EndpointAnswer, status_code=202)
def deploy(studio: StudioOf, body: DeployBody) -> dict[str, Any]:
    """Put a model behind an endpoint. The answer comes at once: the topic `endpoint:NAME` tells how it goes
    on, until `provisioning_state` is Succeeded or Failed."""
    deployment = read_online_deployment(
        Document(
            {
                "name": body.deployment,
                "endpoint_name": body.endpoint,
                "model": body.model,
                "instance_count": body.instances,
            }
        ),
        Path.cwd(),
    )
    endpoint = read_online_endpoint(Document({"name": body.endpoint}))
    # All that can be known is looked at before anything is made.
    check_obtainable(resolve_model(deployment.model_reference))
    store = EndpointStore()
    names = {each.name for each in store.endpoints()}
    others = store.deployments(body.endpoint) if body.endpoint in names else []
    if any(each.name == body.deployment for each in others):
        raise RequestError(
            f"endpoint {body.endpoint!r} has a deployment {body.deployment!r} already; choose another name",
            status=409,
        )
    if body.endpoint not in names:
        studio.client.online_endpoints.create_or_update(endpoint)
    studio.client.online_deployments.create(
        deployment,
        all_traffic=not others if body.all_traffic is None else body.all_traffic,
        wait=False,
    )
    return _shown(body.endpoint)


@router.get("/{name}", response_model=EndpointAnswer)
def show_endpoint(name: str) -> dict[str, Any]:
    """One endpoint with its deployments and their instances."""
    known_endpoint(name)
    return _shown(name)


@router.delete("/{name}", response_model=EndpointsAnswer)
def delete_endpoint(studio: StudioOf, name: str) -> dict[str, Any]:
    """Remove an endpoint with its deployments, after what they have under way; the others."""
    known_endpoint(name)
    studio.client.online_endpoints.delete(name)
    return list_endpoints()


@router.put("/{name}/traffic", response_model=EndpointAnswer)
def set_traffic(studio: StudioOf, name: str, body: TrafficBody) -> dict[str, Any]:
    """Share the traffic out anew."""
    known_endpoint(name)
    studio.client.online_endpoints.update(name, {"traffic": body.traffic})
    return _shown(name)


@router.put("/{name}/deployments/{deployment}/instances", response_model=EndpointAnswer)
def scale(studio: StudioOf, name: str, deployment: str, body: ScaleBody) -> dict[str, Any]:
    """Have more or fewer instances of a deployment; those that stay go on."""
    record = _known_deployment(name, deployment)
    if _scaling(record.document) != "default":
        raise RequestError(
            f"deployment {deployment!r} scales by itself (scale_settings); change its document",
            status=409,
        )
    deployments = studio.client.online_deployments
    changed = deployments.edited(deployment, name, [f"instance_count={body.instances}"])
    deployments.update(changed, wait=False)
    return _shown(name)


@router.delete("/{name}/deployments/{deployment}", response_model=EndpointAnswer)
def delete_deployment(studio: StudioOf, name: str, deployment: str) -> dict[str, Any]:
    """Remove a deployment that takes no traffic, after what it has under way."""
    _known_deployment(name, deployment)
    try:
        studio.client.online_deployments.delete(deployment, name)
    except UsageError as error:
        # It takes traffic.
        raise RequestError(str(error), status=409) from None
    return _shown(name)


def known_endpoint(name: str) -> None:
    """
    Raises:
        RequestError: 404, there is no endpoint of that name (any more).
    """
    try:
        EndpointStore().endpoint(name)
    except UsageError as error:
        raise RequestError(str(error), status=404) from None


def _known_deployment(name: str, deployment: str) -> Any:
    try:
        return EndpointStore().deployment(name, deployment)
    except UsageError as error:
        raise RequestError(str(error), status=404) from None


def _shown(name: str) -> dict[str, Any]:
    daemon = daemon_answers()
    if daemon:
        endpoint = ask_daemon("get-endpoint", name=name)
        deployments = ask_daemon("list-deployments", endpoint=name)
    else:
        store = EndpointStore()
        endpoint = shown_endpoint(store.endpoint(name), load_config().address)
        deployments = [shown_deployment(one, []) for one in store.deployments(name)]
    return {
        **endpoint,
        "deployments": [
            {
                **one,
                "model": one["model_source"],
                "model_name": _name_of(one["model"]),
                "instance_count": one.get("instance_count", 1),
                "scaling": _scaling(one),
            }
            for one in deployments
        ],
        "daemon": daemon,
    }


def _scaling(document: dict[str, Any]) -> str:
    return str((document.get("scale_settings") or {}).get("type", "default"))


def _name_of(model: Any) -> str:
    """A document's model is a reference, or `{path: ...}`."""
    return str(model.get("path", "")) if isinstance(model, dict) else str(model)
