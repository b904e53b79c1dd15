"""Routes of batch endpoints: the list, one with its jobs, and invocations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from tintype.errors import RequestError, UsageError
from tintype.models.checkpoint import check_obtainable
from tintype.schemas.batch_deployment import read_batch_deployment
from tintype.schemas.batch_endpoint import read_batch_endpoint
from tintype.schemas.document import Document
from tintype.studio.answers import RunLineAnswer, run_line
from tintype.studio.state import Studio, StudioOf
from tintype.workspace.registry import resolve_model

__all__ = ["router"]

router = APIRouter(prefix="/api/batch-endpoints", tags=["batch endpoints"])


class BatchDeploymentAnswer(BaseModel):
    """A deployment of a batch endpoint."""

    name: str
    model: str
    modified_at: str


class BatchEndpointAnswer(BaseModel):
    """A batch endpoint with its deployments."""

    name: str
    description: str | None
    default_deployment: str | None
    """The one that works where an invocation names none."""
    modified_at: str
    deployments: list[BatchDeploymentAnswer]


class BatchEndpointWithJobsAnswer(BatchEndpointAnswer):
    """The same with what it was asked for."""

    jobs: list[RunLineAnswer]
    """Newest first, at most a hundred."""


class DeployBatchBody(BaseModel):
    """A model to be put behind a batch endpoint, which is made where there is none of that name."""

    endpoint: str = Field(max_length=255)
    deployment: str = Field("blue", max_length=255)
    model: str = Field(min_length=1, max_length=4096)


class InvokeBody(BaseModel):
    """What to score."""

    data: str = Field(min_length=1, max_length=4096)
    """A data asset (azureml:NAME@latest), folder, table or URL."""
    deployment: str | None = Field(None, max_length=255)
    """None: the default one."""


_MOST_JOBS = 100


@router.get("", response_model=list[BatchEndpointAnswer])
def list_endpoints(studio: StudioOf) -> list[dict[str, Any]]:
    """All batch endpoints, by name."""
    return [_shown(studio, endpoint) for endpoint in studio.client.batch_endpoints.list()]


@router.post("", response_model=BatchEndpointAnswer, status_code=201)
def deploy(studio: StudioOf, body: DeployBatchBody) -> dict[str, Any]:
    """Put a model behind a batch endpoint; the first one is its default."""
    deployment = read_batch_deployment(
        Document({"name": body.deployment, "endpoint_name": body.endpoint, "model": body.model}),
        Path.cwd(),
    )
    # All that can be known is looked at before anything is made.
    check_obtainable(resolve_model(deployment.model_reference))
    endpoints, deployments = studio.client.batch_endpoints, studio.client.batch_deployments
    known = {each["name"] for each in endpoints.list()}
    others = deployments.list(body.endpoint) if body.endpoint in known else []
    if any(each["name"] == body.deployment for each in others):
        raise RequestError(
            f"batch endpoint {body.endpoint!r} has a deployment {body.deployment!r} already",
            status=409,
        )
    if body.endpoint not in known:
        endpoints.create_or_update(read_batch_endpoint(Document({"name": body.endpoint})))
    deployments.create_or_update(deployment, set_default=not others)
    return _shown(studio, endpoints.get(body.endpoint))


@router.get("/{name}", response_model=BatchEndpointWithJobsAnswer)
def show_endpoint(studio: StudioOf, name: str) -> dict[str, Any]:
    """A batch endpoint with its deployments and its jobs."""
    endpoint = _known(studio, name)
    jobs = studio.client.batch_endpoints.list_jobs(name)[:_MOST_JOBS]
    return {**_shown(studio, endpoint), "jobs": [run_line(record) for record in jobs]}


@router.post("/{name}/invoke", response_model=RunLineAnswer, status_code=201)
def invoke(studio: StudioOf, name: str, body: InvokeBody) -> dict[str, Any]:
    """Have a deployment score files: the job that does."""
    _known(studio, name)
    record = studio.client.batch_endpoints.invoke(
        name, input=body.data, deployment_name=body.deployment
    )
    studio.runs.refresh()
    return run_line(record)


@router.delete("/{name}", response_model=list[BatchEndpointAnswer])
def delete_endpoint(studio: StudioOf, name: str) -> list[dict[str, Any]]:
    """Remove a batch endpoint with its deployments; its jobs go on and stay. The others."""
    _known(studio, name)
    studio.client.batch_endpoints.delete(name)
    return list_endpoints(studio)


def _known(studio: Studio, name: str) -> Any:
    try:
        return studio.client.batch_endpoints.get(name)
    except UsageError as error:
        raise RequestError(str(error), status=404) from None


def _shown(studio: Studio, endpoint: Any) -> dict[str, Any]:
    return {
        **endpoint,
        "default_deployment": endpoint["defaults"]["deployment_name"],
        "deployments": [
            {
                "name": each["name"],
                "model": each["model"] if isinstance(each["model"], str) else each["model_source"],
                "modified_at": each["modified_at"],
            }
            for each in studio.client.batch_deployments.list(endpoint["name"])
        ],
    }
