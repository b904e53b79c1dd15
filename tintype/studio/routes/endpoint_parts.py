"""Routes of what an online endpoint has: keys, logs, counts of requests, and answers to pictures."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from tintype.endpoints.online.calls import Answer
from tintype.errors import RequestError, UsageError
from tintype.studio.routes.endpoints import known_endpoint
from tintype.studio.state import Studio, StudioOf

__all__ = ["router"]

router = APIRouter(prefix="/api/endpoints/{name}", tags=["endpoints"])

_JSON = "application/json"

DeploymentQuery = Annotated[str | None, Query(pattern=r"^[A-Za-z][A-Za-z0-9-]*$", max_length=255)]
"""One of the endpoint's; None leaves the choice to it."""


class KeysAnswer(BaseModel):
    """Both keys; either opens the endpoint."""

    primary: str
    secondary: str


class KeyBody(BaseModel):
    """Which key is replaced."""

    key: Literal["primary", "secondary"]


class CountedAnswer(BaseModel):
    """Requests to one deployment since the daemon began."""

    statuses: dict[str, int]
    counts: list[int]
    """How many took at most as long as each of `bounds`, and all of them."""
    seconds: float
    """All of them together."""
    restarts: int
    """Processes that were replaced because they died or hung."""


class MetricsAnswer(BaseModel):
    """What the gateway has counted, by deployment; "" where none was reached."""

    bounds: list[float]
    """Seconds."""
    deployments: dict[str, CountedAnswer]
    at: float
    """Seconds of a clock that only goes forward."""


class LogAnswer(BaseModel):
    """The last lines of a deployment's instances."""

    text: str


class TriedAnswer(BaseModel):
    """An answer of the endpoint's."""

    answer: Any
    """As a caller has it."""
    deployment: str | None
    """Which answered."""
    milliseconds: float
    """From the studio's server to the endpoint and back."""


@router.post("/keys", response_model=KeysAnswer)
def show_keys(studio: StudioOf, name: str) -> dict[str, Any]:
    """Both keys. Asked for by POST: what is in an address, or got by a link, is no secret."""
    known_endpoint(name)
    return _keys(studio, name)


@router.post("/keys/regenerate", response_model=KeysAnswer)
def regenerate_key(studio: StudioOf, name: str, body: KeyBody) -> dict[str, Any]:
    """Replace one key; the other goes on."""
    known_endpoint(name)
    studio.client.online_endpoints.regenerate_keys(name, body.key)
    return _keys(studio, name)


@router.get("/metrics", response_model=MetricsAnswer)
def show_metrics(studio: StudioOf, name: str) -> dict[str, Any]:
    """Counts and times of requests, by deployment."""
    known_endpoint(name)
    return {**studio.client.online_endpoints.metrics(name), "at": time.monotonic()}


@router.get("/deployments/{deployment}/log", response_model=LogAnswer)
def show_log(
    studio: StudioOf,
    name: str,
    deployment: str,
    lines: Annotated[int, Query(ge=1, le=5000)] = 500,
) -> dict[str, Any]:
    """The last lines that its instances wrote."""
    try:
        return {"text": studio.client.online_deployments.get_logs(deployment, name, lines)}
    except UsageError as error:
        raise RequestError(str(error), status=404) from None


@router.get("/description", response_model=dict[str, Any])
def describe(studio: StudioOf, name: str, deployment: DeploymentQuery = None) -> Any:
    """A deployment's own description (OpenAPI): its task, examples, how it explains; None: of one that has traffic."""
    known_endpoint(name)
    return orjson.loads(_answered(studio, name, "/swagger.json", None, deployment).body)


@router.post(
    "/try",
    response_model=TriedAnswer,
    openapi_extra={"requestBody": {"content": {_JSON: {"schema": {"type": "object"}}}}},
)
async def try_endpoint(
    studio: StudioOf, name: str, request: Request, deployment: DeploymentQuery = None
) -> dict[str, Any]:
    """Send the endpoint a request as `tintype online-endpoint invoke` does, with its key."""
    known_endpoint(name)
    body = await request.body()
    began = time.perf_counter()
    answer = await run_in_threadpool(_answered, studio, name, "/score", body, deployment)
    took = time.perf_counter() - began
    headers = {key.lower(): value for key, value in answer.headers.items()}
    return {
        "answer": orjson.loads(answer.body),
        "deployment": headers.get("azureml-model-deployment"),
        "milliseconds": 1000 * took,
    }


def _keys(studio: Studio, name: str) -> dict[str, Any]:
    try:
        keys = studio.client.online_endpoints.get_keys(name)
    except UsageError as error:
        # Made in another workspace.
        raise RequestError(str(error), status=409) from None
    return {"primary": keys.primary_key, "secondary": keys.secondary_key}


def _answered(
    studio: Studio, name: str, path: str, body: bytes | None, deployment: str | None
) -> Answer:
    # A deployment may answer in another style unless asked for this one.
    headers = {"Content-Type": _JSON, "X-Tintype-Response-Style": "probs"}
    if deployment is not None:
        headers["azureml-model-deployment"] = deployment
    try:
        answer = studio.client.online_endpoints.ask(name, path, body, headers)
    except UsageError as error:
        raise RequestError(str(error), status=409) from None
    if answer.status == 401:
        # Not the session's business.
        raise RequestError("the endpoint does not accept the key that is kept here", status=409)
    if answer.status != 200:
        raise RequestError(_message(answer), status=answer.status)
    return answer


def _message(answer: Answer) -> str:
    try:
        return str(orjson.loads(answer.body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"the endpoint answered with status {answer.status}"
