"""The data plane: every HTTP route of online endpoints, whoever computes the answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import orjson

from tintype.endpoints.online.calls import (
    MODEL_VERSION,
    Answer,
    Protocol,
    ScoreCall,
    error_answer,
    refusal,
)
from tintype.endpoints.online.gateway.body import ByteBudget, ClientGone, Receive, read_body
from tintype.endpoints.online.gateway.content_encoding import (
    ACCEPTED,
    UnsupportedEncoding,
    check_encoding,
    decoded_body,
)
from tintype.endpoints.online.gateway.http import HttpRequest, HttpResponse, Scope, Send
from tintype.endpoints.online.gateway.keys import KeyRing
from tintype.endpoints.online.gateway.mirroring import Mirroring
from tintype.endpoints.online.gateway.openapi import openapi_document
from tintype.endpoints.online.gateway.served import ServedEndpoint
from tintype.endpoints.online.metrics import METRICS_TYPE, GatewayMetrics
from tintype.errors import RequestError
from tintype.schemas.open_inference import model_metadata, server_metadata
from tintype.settings import get_settings
from tintype.version import __version__
from tintype.web.playground import PLAYGROUND_HEADERS, playground_file

__all__ = ["Gateway", "GatewayRoutes"]

_access = logging.getLogger("tintype.access")
_log = logging.getLogger("tintype")

STYLE_HEADER = "x-tintype-response-style"
ROW_ERROR_HEADER = "x-tintype-on-row-error"
DEPLOYMENT_HEADER = "azureml-model-deployment"

# A body may take longer to arrive than its answer to compute, but not forever.
_BODY_SECONDS = 30.0

_CANARY_SECONDS = 5.0

_PROTOCOLS: dict[str, Protocol] = {"/score": "score", "/invocations": "invocations"}


@dataclass(frozen=True)
class GatewayRoutes:
    """Where endpoints are found."""

    find: Callable[[str], tuple[ServedEndpoint, str] | None]
    """The endpoint that a path belongs to, and the rest of the path ("" or from its slash on)."""

    metrics_keys: Callable[[], KeyRing | None]
    """Keys for /metrics; None where it is not served."""


class Gateway:
    """An ASGI application."""

    def __init__(self, routes: GatewayRoutes, metrics: GatewayMetrics | None = None) -> None:
        settings = get_settings()
        self._routes = routes
        self._metrics = metrics or GatewayMetrics()
        self._max_bytes = settings.max_request_bytes
        self._budget = ByteBudget(settings.max_bytes_in_flight)
        self._mirroring = Mirroring(self._metrics)
        self.requests_under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        request = HttpRequest(scope, receive)
        log: dict[str, object] = {}
        self.requests_under_way += 1
        try:
            response = await self._respond(request, log)
        except _WrongMethod as error:
            response = _json(replace(refusal(error), headers={"Allow": error.allowed}))
        except RequestError as error:
            response = _json(refusal(error))
        except ClientGone:
            log["client"] = "gone"
            response = _json(error_answer(499, "the client went away"))
        except Exception:
            _log.exception("request %s failed", request.request_id)
            response = _json(error_answer(500, "the server failed; its log has the request id"))
        finally:
            self.requests_under_way -= 1
        with contextlib.suppress(ConnectionError):
            await response.send(send, request.request_id, with_body=request.method != "HEAD")
        _access.info(
            orjson.dumps(
                {
                    "request_id": request.request_id,
                    "method": request.method,
                    "path": request.path,
                    "status": response.status,
                    "ms": round((time.perf_counter() - started) * 1000, 1),
                    **log,
                }
            ).decode("utf-8", "replace")
        )

    # Routes -----------------------------------------------------------------------------------

    async def _respond(self, request: HttpRequest, log: dict[str, object]) -> HttpResponse:
        path = request.path
        if path == "/health/live" and _reads(request):
            return HttpResponse(200, b'{"status":"live"}')
        if path == "/metrics":
            return self._metrics_page(request)
        owner = self._routes.find(path)
        if owner is None:
            raise RequestError(f"there is no endpoint at {_shown(path)}", status=404)
        endpoint, rest = owner
        if rest in ("/health/live", "/health/ready") and _reads(request):
            # Probes have no key; what they learn is one bit.
            return await self._health(endpoint, rest)
        page = self._playground(request, rest)
        if page is not None:
            return page
        key = endpoint.keys.match(request.header("authorization"))
        if key is None:
            return _unauthorized()
        if rest in _PROTOCOLS:
            _allow(request, "POST")
            return await self._score(request, endpoint, key, _PROTOCOLS[rest], None, log)
        if rest == "/v2" or rest.startswith("/v2/"):
            try:
                response = await self._open_inference(request, endpoint, key, rest, log)
            except _WrongMethod:
                raise
            except RequestError as error:
                response = _json(refusal(error))
            return _with_plain_error(response)
        if rest == "/swagger.json":
            _allow(request, "GET")
            return _json_of(self._swagger(request, endpoint))
        if rest in ("/ping", "/health"):
            # MLflow's names for the same question.
            _allow(request, "GET")
            return await self._health(endpoint, "/health/ready")
        if rest == "/version":
            _allow(request, "GET")
            return HttpResponse(200, __version__.encode(), "text/plain")
        raise RequestError(f"there is nothing at {_shown(path)}", status=404)

    async def _score(
        self,
        request: HttpRequest,
        endpoint: ServedEndpoint,
        key: str,
        protocol: Protocol,
        deployment: str | None,
        log: dict[str, object],
    ) -> HttpResponse:
        """A request to be scored, from its headers to its answer."""
        if endpoint.limiter is not None:
            seconds = endpoint.limiter.wait(key)
            if seconds:
                answer = error_answer(429, f"the {key} key's rate limit is reached")
                return _json(replace(answer, headers={"Retry-After": str(seconds)}))
        wanted = deployment or request.header(DEPLOYMENT_HEADER) or None
        started, size, status, name = time.perf_counter(), 0, 500, ""
        try:
            backend = endpoint.choose(wanted)
            name = backend.name
            log["deployment"] = name
            # Refused before its body is read: that is cheapest for both sides.
            backend.check_room()
            body = await self._body(request, max(_BODY_SECONDS, backend.timeout_s))
            size = len(body)
            try:
                started = time.perf_counter()
                call = ScoreCall(
                    body,
                    request.header("content-type") or "application/json",
                    protocol,
                    request.header(STYLE_HEADER) or None,
                    request.header(ROW_ERROR_HEADER) or None,
                    backend.timeout_s,
                    request.request_id,
                )
                mirrored = self._mirroring.send(endpoint, call) if wanted is None else None
                answer = await _unless_gone(backend.answer(call), request.receive)
                if mirrored is not None:
                    self._mirroring.compare(mirrored, answer)
            finally:
                self._budget.give_back(size)
            status = answer.status
        except RequestError as error:
            answer = refusal(error)
            if isinstance(error, UnsupportedEncoding):
                answer = replace(answer, headers={"Accept-Encoding": ACCEPTED})
            status = answer.status
        except ClientGone:
            status = 499
            raise
        finally:
            self._metrics.request(endpoint.name, name, status, time.perf_counter() - started, size)
        headers = {**answer.headers, **({DEPLOYMENT_HEADER: name} if name else {})}
        if status == 424:
            headers["ms-azureml-model-error-statuscode"] = "500"
            headers["ms-azureml-model-error-reason"] = "model_failure"
        return HttpResponse(answer.status, answer.body, headers=headers)

    async def _body(self, request: HttpRequest, timeout_s: float) -> bytes:
        """The whole body as it was before a client compressed it; the budget is charged with it."""
        is_gzip = check_encoding(request.header("content-encoding"))
        body = await read_body(
            request.receive,
            request.header("content-length"),
            max_bytes=self._max_bytes,
            timeout_s=timeout_s,
            budget=self._budget,
        )
        if not is_gzip:
            return body
        return await decoded_body(body, max_bytes=self._max_bytes, budget=self._budget)

    async def _open_inference(
        self,
        request: HttpRequest,
        endpoint: ServedEndpoint,
        key: str,
        rest: str,
        log: dict[str, object],
    ) -> HttpResponse:
        """KServe's protocol: a model's name is a deployment's, or the endpoint's for its traffic."""
        parts = rest.strip("/").split("/")
        if parts == ["v2"]:
            _allow(request, "GET")
            return _json_of(server_metadata(__version__))
        if parts in (["v2", "health", "live"], ["v2", "health", "ready"]):
            _allow(request, "GET")
            return await self._health(endpoint, f"/health/{parts[2]}")
        if len(parts) in (3, 4) and parts[:2] == ["v2", "models"]:
            name = parts[2]
            deployment = None if name == endpoint.name else name
            verb = parts[3] if len(parts) == 4 else ""
            if verb == "infer":
                _allow(request, "POST")
                return await self._score(request, endpoint, key, "infer", deployment, log)
            backend = endpoint.choose(deployment)
            if verb == "ready":
                _allow(request, "GET")
                return _json(await backend.canary(_CANARY_SECONDS))
            if verb == "":
                _allow(request, "GET")
                model = backend.description
                if model is None:
                    raise RequestError("no model is loaded yet", status=503)
                return _json_of(
                    model_metadata(
                        name, MODEL_VERSION, model.task, model.classes, reads_text=model.reads_text
                    )
                )
        raise RequestError(f"there is nothing at {_shown(request.path)}", status=404)

    def _swagger(self, request: HttpRequest, endpoint: ServedEndpoint) -> dict[str, object]:
        backend = endpoint.choose(request.header(DEPLOYMENT_HEADER) or None)
        model = backend.description
        if model is None:
            raise RequestError("no model is loaded yet", status=503)
        explanations = None
        if model.explanations is not None:
            explanations = {**model.explanations, "timeout_s": backend.timeout_s}
        return openapi_document(
            model.task, model.classes, reads_text=model.reads_text, explanations=explanations
        )

    async def _health(self, endpoint: ServedEndpoint, rest: str) -> HttpResponse:
        if rest == "/health/live":
            return HttpResponse(200, b'{"status":"live"}')
        live = [name for name, percent in endpoint.traffic.items() if percent]
        for name in live:
            backend = endpoint.deployments.get(name)
            if backend is not None:
                answer = await backend.canary(_CANARY_SECONDS)
                if answer.status != 200:
                    return _json(answer)
        if not live:
            return _json(error_answer(503, "no deployment has traffic"))
        return HttpResponse(200, b'{"status":"ready"}')

    def _metrics_page(self, request: HttpRequest) -> HttpResponse:
        keys = self._routes.metrics_keys()
        if keys is None or keys.match(request.header("authorization")) is None:
            return _unauthorized()
        _allow(request, "GET")
        return HttpResponse(200, self._metrics.text(), METRICS_TYPE)

    def _playground(self, request: HttpRequest, rest: str) -> HttpResponse | None:
        """The page in the browser: public files, which ask for the key themselves."""
        if not _reads(request):
            return None
        if rest == "":
            # Relative links of the page need the slash; so does a relative redirect.
            name = request.path.rsplit("/", 1)[-1]
            return HttpResponse(308, b"", headers={"location": f"./{name}/"})
        file = playground_file(rest.removeprefix("/"))
        if file is None:
            return None
        content, media_type = file
        return HttpResponse(200, content, media_type, PLAYGROUND_HEADERS)


async def _unless_gone(answer: Awaitable[Answer], receive: Receive) -> Answer:
    """Wait for the answer; give it up when the client closes its connection.

    Raises:
        ClientGone: it did.
    """
    task = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _reads(request: HttpRequest) -> bool:
    return request.method in ("GET", "HEAD")


class _WrongMethod(RequestError):
    def __init__(self, given: str, wanted: str) -> None:
        super().__init__(f"{given} is not for this path; use {wanted}", status=405)
        self.allowed = "GET, HEAD" if wanted == "GET" else wanted


def _allow(request: HttpRequest, method: str) -> None:
    if request.method != method and not (method == "GET" and request.method == "HEAD"):
        raise _WrongMethod(request.method, method)


def _unauthorized() -> HttpResponse:
    answer = error_answer(401, "a valid key is missing: send 'Authorization: Bearer <key>'")
    return _json(replace(answer, headers={"WWW-Authenticate": "Bearer"}))


def _shown(path: str) -> str:
    return ascii(path[:200])[1:-1]


def _json(answer: Answer) -> HttpResponse:
    return HttpResponse(answer.status, answer.body, headers=answer.headers)


def _with_plain_error(response: HttpResponse) -> HttpResponse:
    """The Open Inference Protocol's errors are `{"error": "<text>"}`."""
    if response.status < 400:
        return response
    message = orjson.loads(response.body)["error"]["message"]
    return replace(response, body=orjson.dumps({"error": message}))


def _json_of(content: Mapping[str, object]) -> HttpResponse:
    return HttpResponse(200, orjson.dumps(content))
