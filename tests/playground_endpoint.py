"""The playground in a browser, before a server without a model that knows its pictures by their pixels."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np
from pictures import encoded, noise
from PIL import Image

from tintype.endpoints.online.gateway.openapi import openapi_document
from tintype.explaining.pictures import grid_png
from tintype.schemas.task import EMBEDDINGS, MULTILABEL, ZERO_SHOT, Task
from tintype.web.playground import PLAYGROUND_HEADERS, playground_file

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

KEY = "a-key-of-enough-length"
# Markup in a label and in a file's name must stay text.
HOSTILE = "<b id=evil>jug</b>"
LABELS = ("can", "carton", HOSTILE, "box", "cup", "vase", "bowl")
PROBS = {
    "cat.png": (0.03, 0.9, 0.04, 0.01, 0.01, 0.005, 0.005),
    "dog.png": (0.5, 0.4999, 0.75, 0.1, 0.1, 0.1, 0.1),
    "bird.png": (0.1, 0.2, 0.3, 0.1, 0.1, 0.1, 0.1),
}
FEATURES = {"cat.png": (2.0, 0.0, 0.0), "dog.png": (3.0, 4.0, 0.0), "bird.png": (0.0, 5.0, 0.5)}
SEEDS = {name: seed for seed, name in enumerate(PROBS)}
PICTURES = {name: encoded(noise(40, 50, seed)) for name, seed in SEEDS.items()}

EXPLAINED_SIDE = 36
"""Of the model's input, to which pictures are cropped."""
OFFERED: dict[str, Any] = {
    "methods": [{"name": "guided_gradcam", "passes": 6.0}, {"name": "xrai", "passes": 300.0}],
    "default": "guided_gradcam",
    "unavailable": None,
    "timeout_s": 7.5,
}

Open = Callable[..., "tuple[Page, StandIn]"]


def name_of(picture: bytes) -> str | None:
    """Which of the pictures this is, by its pixels: browsers encode a copied one anew."""
    try:
        pixels = Image.open(io.BytesIO(picture)).convert("RGB").tobytes()
    except OSError:
        return None
    return next(
        (name for name, seed in SEEDS.items() if noise(40, 50, seed).tobytes() == pixels), None
    )


def explained_grid(name: str, label: str) -> bytes:
    """The grid for a picture as the model sees it, its middle; the map is another one for each label."""
    up, left = (40 - EXPLAINED_SIDE) // 2, (50 - EXPLAINED_SIDE) // 2
    pixels = noise(40, 50, SEEDS[name])[up : up + EXPLAINED_SIDE, left : left + EXPLAINED_SIDE]
    seed = 100 + (LABELS.index(label) if label in LABELS else len(label))
    found = noise(EXPLAINED_SIDE, EXPLAINED_SIDE, seed)[..., 0].astype(np.float32) - 100
    return grid_png(pixels, found)


class StandIn:
    """An endpoint without a model: the page's files, swagger.json, and answers known beforehand."""

    def __init__(self, task: Task, key: str | None = None, base: str = "/photos/") -> None:
        self.task = task
        self.key = key
        self.base = base
        self.scored: list[dict[str, Any]] = []
        self.authorizations: list[str | None] = []
        # What the endpoint says of explanations; the deployments that pages named.
        self.offered = {**OFFERED}
        self.named: list[str | None] = []
        # A status and a message with which explanations are refused.
        self.refusal: tuple[int, str] | None = None
        self.statuses: set[int] = set()
        self.starting = False
        self.overloaded = False
        # Labels whose answer waits: for `release`, having said `arrived`, and saying `answered`.
        self.slow = ""
        self.arrived, self.release, self.answered = (threading.Event() for _ in range(3))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        self.url = self.origin + base
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes, str, dict[str, str]]:
        """(status, content, media type, headers)"""
        authorization = headers.get("Authorization")
        rest = path.removeprefix(self.base) if path.startswith(self.base) else "elsewhere"
        found = playground_file(rest)
        if method == "GET" and found is not None:
            return 200, *found, PLAYGROUND_HEADERS
        if self.key is not None and authorization != f"Bearer {self.key}":
            return self.json(401, {"error": {"code": 401, "message": "a valid key is missing"}})
        if (method, rest) == ("GET", "swagger.json"):
            if self.starting:
                return self.json(503, {"error": {"code": 503, "message": "no model is loaded yet"}})
            return self.json(200, openapi_document(self.task, LABELS, explanations=self.offered))
        if (method, rest) == ("POST", "score"):
            self.authorizations.append(authorization)
            self.named.append(headers.get("azureml-model-deployment"))
            return self.score(json.loads(body))
        return self.json(404, {"error": {"code": 404, "message": "there is nothing here"}})

    def score(self, request: dict[str, Any]) -> tuple:
        self.scored.append(request)
        if self.overloaded:
            return self.json(429, {"error": {"code": 429, "message": "at its limit"}})
        row = request["input_data"]["data"][0]
        cell, text = row if isinstance(row, list) else (row, "")
        explained = cell.startswith("{")
        if explained:
            asked = json.loads(cell)
            assert asked["model_explainability"] is True
            cell = asked["image_base64"]
            if asked["xai_parameters"]["xai_algorithm"] == self.slow:
                self.arrived.set()
                assert self.release.wait(30)
            if self.refusal is not None:
                code, message = self.refusal
                return self.json(code, {"error": {"code": code, "message": message}})
        name = name_of(base64.b64decode(cell))
        if name is None:
            message = "row 0: not an image of a known format"
            return self.json(422, {"error": {"code": 422, "message": message, "row": 0}})
        if self.task == EMBEDDINGS:
            return self.json(200, [{"image_features": FEATURES[name]}])
        if self.task == ZERO_SHOT:
            if text == self.slow:
                self.arrived.set()
                assert self.release.wait(10)
            # The longer a label, the likelier.
            labels = text.split(", ")
            total = sum(map(len, labels))
            probs = [len(label) / total for label in labels]
        else:
            labels, probs = list(LABELS), list(PROBS[name])
        answer: dict[str, Any] = {"probs": probs, "labels": labels}
        if explained and self.task == MULTILABEL:
            chosen = [label for label, share in zip(labels, probs, strict=True) if share >= 0.5]
            answer["visualizations"] = [_base64(explained_grid(name, label)) for label in chosen]
        elif explained:
            best = labels[probs.index(max(probs))]
            answer["visualizations"] = _base64(explained_grid(name, best))
        return self.json(200, [answer])

    def json(self, status: int, content: object) -> tuple:
        headers = {"azureml-model-deployment": "blue"}
        return status, json.dumps(content).encode(), "application/json", headers


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, content, media_type, headers = stand_in.answer(
                self.command, self.path, self.headers, body
            )
            stand_in.statuses.add(status)
            # The page may have given up this request.
            with contextlib.suppress(ConnectionError):
                self.send_response(status)
                for name, value in {**headers, "Content-Type": media_type}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            if stand_in.slow and stand_in.slow in body.decode():
                stand_in.answered.set()

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextlib.contextmanager
def opened_playgrounds(browser: Browser) -> Iterator[Open]:
    """Opens the page of a StandIn; at the end, no page may have asked elsewhere or logged trouble."""
    with contextlib.ExitStack() as stack:
        opened: list[tuple[StandIn, list[str], list[str]]] = []

        def open_(
            task: Task, *, key: str | None = None, base: str = "/photos/", **options: Any
        ) -> tuple[Page, StandIn]:
            stand_in = StandIn(task, key, base)
            stack.callback(stand_in.close)
            context = browser.new_context(**options)
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(5000)
            asked: list[str] = []
            troubles: list[str] = []
            context.on("request", lambda request: asked.append(request.url))
            page.on("pageerror", lambda error: troubles.append(str(error)))
            page.on(
                "console",
                lambda message: (
                    troubles.append(message.text) if message.type in ("error", "warning") else None
                ),
            )
            page.add_init_script(
                "addEventListener('securitypolicyviolation', e => console.error('CSP', e.blockedURI));"
                "window.urls = new Set();"
                "const { createObjectURL, revokeObjectURL } = URL;"
                "URL.createObjectURL = (file) => {"
                "  const url = createObjectURL.call(URL, file); urls.add(url); return url; };"
                "URL.revokeObjectURL = (url) => { urls.delete(url); revokeObjectURL.call(URL, url); };"
            )
            page.goto(stand_in.url)
            opened.append((stand_in, asked, troubles))
            return page, stand_in

        yield open_
        for stand_in, asked, troubles in opened:
            assert stand_in.url + "playground/main.js" in asked
            near = (stand_in.url, "blob:" + stand_in.origin, "data:")
            assert [url for url in asked if not url.startswith(near)] == []
            # Chromium logs every answer that refuses; these the test wanted.
            refused = {
                f"the server responded with a status of {s}" for s in stand_in.statuses if s >= 400
            }
            assert [t for t in troubles if not any(known in t for known in refused)] == []


def expect(actual: Any) -> Any:
    """Playwright's assertions, which wait; imported late, as not every machine has it."""
    from playwright.sync_api import expect as waiting

    return waiting(actual)


def choose(page: Page, *names: str) -> None:
    """Give the page pictures."""
    page.locator("#files").set_input_files([payload(name) for name in names])


def payload(name: str, content: bytes | None = None) -> Any:
    """A picture as Playwright takes it."""
    return {"name": name, "mimeType": "image/png", "buffer": content or PICTURES[name]}


def card(page: Page, name: str) -> Locator:
    """Of a picture."""
    return page.get_by_role("article", name=name, exact=True)


def labels_of(page: Page, name: str) -> Locator:
    """In the order of the card."""
    return page.get_by_role("list", name=f"Labels of {name}").get_by_role("listitem")


def request_of(name: str) -> dict[str, Any]:
    """What the page asks of a picture that it only wants scored."""
    cell = base64.b64encode(PICTURES[name]).decode()
    return {"input_data": {"columns": ["image"], "index": [0], "data": [cell]}}
