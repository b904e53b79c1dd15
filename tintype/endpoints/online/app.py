"""The walk *score*: an HTTP body becomes images, predictions, and an HTTP body again."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import orjson
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tintype.endpoints.online.body import content_type, multipart_images, read_body
from tintype.endpoints.online.keys import Key
from tintype.endpoints.online.openapi import openapi_document
from tintype.errors import FetchError, ImageError, ModelError, RequestError, UsageError
from tintype.images.loading import pixels_of
from tintype.images.request import image_bytes_from_text
from tintype.schemas.task import EMBEDDINGS, ZERO_SHOT
from tintype.schemas.wire import (
    Style,
    parse_style,
    read_score_request,
    write_answer,
    write_embeddings,
)
from tintype.scoring.label_sets import LabelSet, parse_labels
from tintype.scoring.micro_batcher import MicroBatcher
from tintype.scoring.scorer import Scorer
from tintype.settings import Settings, get_settings

__all__ = ["ServerOptions", "create_app"]

STYLE_HEADER = "x-tintype-response-style"

# The only routes that answer without a key.
_OPEN = ("/health/live", "/health/ready")

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}

# A body larger than this is parsed in a thread, so that other requests go on.
_PARSE_IN_THREAD = 256 * 1024

_log = logging.getLogger("tintype.access")


@dataclass(frozen=True)
class ServerOptions:
    """How an endpoint answers."""

    style: Style = "probs"
    """Where a request does not ask for another by its header."""

    timeout_s: float = 5.0
    """From the arrival of the body to the answer; then 408. Azure's default."""

    max_waiting: int = 512
    """Images in the server at once; more are refused with 429."""


def create_app(scorer: Scorer, key: Key, options: ServerOptions | None = None) -> FastAPI:
    """An application that serves `scorer` at POST /score.

    GET /health/live and /health/ready need no key (ready runs the model once); GET /swagger.json
    describes the rest.
    """
    options = options or ServerOptions()
    settings = get_settings()
    app = FastAPI(title="Tintype", docs_url=None, redoc_url=None, openapi_url=None)
    endpoint = _Endpoint(scorer, options, settings)
    app.state.endpoint = endpoint
    app.add_api_route("/score", endpoint.score, methods=["POST"])
    app.add_api_route("/swagger.json", endpoint.swagger, methods=["GET"])
    app.add_api_route("/health/live", endpoint.live, methods=["GET"])
    app.add_api_route("/health/ready", endpoint.ready, methods=["GET"])
    app.add_exception_handler(HTTPException, _http_error)
    app.middleware("http")(_Guard(key))
    return app


class _Endpoint:
    """The routes of one served model."""

    def __init__(self, scorer: Scorer, options: ServerOptions, settings: Settings) -> None:
        self._scorer = scorer
        self._options = options
        self._settings = settings
        self.batcher = MicroBatcher(scorer, max_waiting=options.max_waiting)
        self._decoders = ThreadPoolExecutor(settings.cpu_threads, thread_name_prefix="decode")
        self._ready_until = 0.0

    async def live(self) -> Response:
        """The event loop turns."""
        return JSONResponse({"status": "live"})

    async def ready(self) -> Response:
        """An image goes all the way through the model; a success counts for two seconds."""
        if time.monotonic() > self._ready_until:
            canary = np.full((*self._scorer.preprocessor.input_size, 3), 127, np.uint8)
            try:
                await self._run_model([canary], time.monotonic() + self._options.timeout_s)
            except RequestError as error:
                return JSONResponse({"status": "not ready", "reason": str(error)}, status_code=503)
            self._ready_until = time.monotonic() + 2.0
        return JSONResponse({"status": "ready"})

    async def swagger(self) -> Response:
        """The OpenAPI document."""
        return JSONResponse(openapi_document(self._scorer.task, self._scorer.classes))

    async def score(self, request: Request) -> Response:
        """Answer one request, whatever the task."""
        style = self._options.style
        if STYLE_HEADER in request.headers:
            try:
                style = parse_style(request.headers[STYLE_HEADER])
            except UsageError as error:
                raise RequestError(str(error)) from None
        body = await read_body(
            request,
            max_bytes=self._settings.max_request_bytes,
            timeout_s=max(30.0, self._options.timeout_s),
        )
        deadline = time.monotonic() + self._options.timeout_s
        cells, texts = await self._cells(request, body)
        del body
        self.batcher.admit(len(cells))
        try:
            if self._scorer.task == EMBEDDINGS:
                answer = await self._embeddings(cells, texts, deadline)
            else:
                answer = await self._probabilities(cells, texts, style, deadline)
        finally:
            self.batcher.release(len(cells))
        return Response(answer, media_type="application/json")

    async def _probabilities(
        self, cells: Sequence[str | bytes], texts: Sequence[str], style: Style, deadline: float
    ) -> bytes:
        """The answer of a classifier; zero-shot, by the labels of the first row's text."""
        label_set = None
        if self._scorer.task == ZERO_SHOT:
            # Labels before images: a request without them costs nothing.
            label_set = await self._text_work(self._label_set, texts[0] if texts else "")
        pixels = await self._decoded(cells, deadline)
        outputs = np.stack(await self._run_model(pixels, deadline))
        found = self._scorer.predictions(outputs, label_set)
        return write_answer([prediction.probs for prediction in found], found[0].labels, style)

    async def _embeddings(
        self, cells: Sequence[str | bytes], texts: Sequence[str], deadline: float
    ) -> bytes:
        """Features of images, of texts where the model reads them, or of both."""
        with_image = [bool(cell) for cell in cells]
        with_text = [bool(text) for text in texts]
        if (any(with_text) and not all(with_text)) or (any(with_image) and not all(with_image)):
            raise RequestError(
                "embeddings need an image in every row, a text in every row, or both in every row"
            )
        image_features = text_features = None
        if any(with_text):
            text_features = await self._text_work(self._scorer.embed_texts, list(texts))
        if any(with_image) or not any(with_text):
            pixels = await self._decoded(cells, deadline)
            outputs = np.stack(await self._run_model(pixels, deadline))
            image_features = [found.features for found in self._scorer.embeddings(outputs)]
        return write_embeddings(image_features, text_features)

    async def _text_work(self, work: Callable[[Any], Any], argument: Any) -> Any:
        """Run the text tower off the event loop; what it refuses is the client's fault."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._decoders, work, argument)
        except UsageError as error:
            raise RequestError(str(error)) from None

    def _label_set(self, text: str) -> LabelSet | None:
        return self._scorer.label_set(parse_labels(text) if text.strip() else None)

    async def _cells(
        self, request: Request, body: bytes
    ) -> tuple[Sequence[str | bytes], Sequence[str]]:
        """Images of a request, still encoded (texts of a JSON body, or bytes), and their texts."""
        kind = content_type(request)
        if kind in ("application/json", "text/json", "text/plain"):
            read = partial(
                read_score_request,
                max_rows=self._settings.max_request_rows,
                images_required=self._scorer.task != EMBEDDINGS,
            )
            parsed = (
                read(body) if len(body) < _PARSE_IN_THREAD else await asyncio.to_thread(read, body)
            )
            return parsed.images, parsed.texts
        if kind == "multipart/form-data":
            header = request.headers["content-type"]
            images = await asyncio.to_thread(multipart_images, body, header)
            if len(images) > self._settings.max_request_rows:
                raise RequestError(f"{len(images)} images; the limit is "
                                   f"{self._settings.max_request_rows}", status=413)  # fmt: skip
            return images, ()
        if kind.startswith("image/") or kind == "application/octet-stream":
            return [body], ()
        raise RequestError(
            f"content type {kind!r}; expected application/json, multipart/form-data or image/*",
            status=415,
        )

    async def _decoded(self, cells: Sequence[str | bytes], deadline: float) -> list[np.ndarray]:
        """Preprocessed pixels of every cell; the first that cannot be read refuses the request."""
        loop = asyncio.get_running_loop()
        jobs = [
            loop.run_in_executor(self._decoders, self._decode, cell, row, deadline)
            for row, cell in enumerate(cells)
        ]
        try:
            async with asyncio.timeout_at(loop.time() + deadline - time.monotonic()):
                return list(await asyncio.gather(*jobs))
        except TimeoutError:
            raise self._too_late() from None
        finally:
            for job in jobs:
                job.cancel()

    def _decode(self, cell: str | bytes, row: int, deadline: float) -> np.ndarray:
        if time.monotonic() > deadline:
            raise self._too_late()
        try:
            data = (
                image_bytes_from_text(cell, settings=self._settings)
                if isinstance(cell, str)
                else cell
            )
            return pixels_of(data, self._scorer.preprocessor, exact=self._scorer.exact)
        except (ImageError, FetchError) as error:
            raise RequestError(f"row {row}: {error}", status=422, row=row) from None

    async def _run_model(self, pixels: list[np.ndarray], deadline: float) -> list[np.ndarray]:
        futures = self.batcher.submit(pixels, deadline)
        loop = asyncio.get_running_loop()
        waiting = [asyncio.wrap_future(future) for future in futures]
        try:
            async with asyncio.timeout_at(loop.time() + deadline - time.monotonic()):
                return list(await asyncio.gather(*waiting))
        except TimeoutError:
            raise self._too_late() from None
        except (ModelError, RuntimeError, MemoryError) as error:
            logging.getLogger("tintype").exception("the model failed")
            # Azure's status for a model that failed; see azure-contracts.md §6.3.
            raise RequestError(f"the model failed: {type(error).__name__}", status=424) from None
        finally:
            for future in futures:
                future.cancel()

    def _too_late(self) -> RequestError:
        limit = int(self._options.timeout_s * 1000)
        return RequestError(f"no answer within request_timeout_ms = {limit}", status=408)


class _Guard:
    """Around every request: the key, a request id, headers, the access log, errors as JSON."""

    def __init__(self, key: Key) -> None:
        self._key = key

    async def __call__(
        self, request: Request, handle: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        started = time.perf_counter()
        # The path of the ASGI scope: a forged Host header cannot change it.
        path: str = request.scope["path"]
        given = request.headers.get("x-request-id", "")
        request_id = given if given.isascii() and given.isalnum() and len(given) <= 64 else ""
        request_id = request_id or uuid.uuid4().hex
        if path not in _OPEN and not self._key.matches(request.headers.get("authorization")):
            response = _error(401, "a valid key is missing: send 'Authorization: Bearer <key>'")
            response.headers["WWW-Authenticate"] = "Bearer"
        else:
            try:
                response = await handle(request)
            except RequestError as error:
                response = _error(error.status, str(error), error.row)
            except Exception:
                logging.getLogger("tintype").exception("request %s failed", request_id)
                response = _error(500, "the server failed; its log has the request id")
        if response.status_code == 429:
            response.headers["Retry-After"] = "1"
        response.headers["x-request-id"] = request_id
        for name, value in _SECURITY_HEADERS.items():
            response.headers[name] = value
        _log.info(
            orjson.dumps(
                {
                    "request_id": request_id,
                    "method": request.method,
                    "path": path,
                    "status": response.status_code,
                    "ms": round((time.perf_counter() - started) * 1000, 1),
                }
            ).decode()
        )
        return response


async def _http_error(request: Request, error: Any) -> Response:
    return _error(error.status_code, f"{request.method} {request.scope['path']}: {error.detail}")


def _error(status: int, message: str, row: int | None = None) -> Response:
    """`{"error": {"code", "message", "row"?}}`."""
    content: dict[str, Any] = {"code": status, "message": message}
    if row is not None:
        content["row"] = row
    # Surrogates from a client's own JSON cannot be encoded as they are.
    text = orjson.dumps({"error": content}) if message.isprintable() else None
    if text is None:
        content["message"] = message.encode("ascii", "backslashreplace").decode()
        text = orjson.dumps({"error": content})
    return Response(text, status_code=status, media_type="application/json")
