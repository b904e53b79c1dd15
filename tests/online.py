"""A workspace with online endpoints, HTTP to them, and load on them."""

from __future__ import annotations

import base64
import concurrent.futures
import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from azure_samples import AZURE_DEPLOYMENT
from checkpoints import write_checkpoint
from commands import run
from pictures import encoded, noise
from ports import keep_own_port

CELL = base64.b64encode(encoded(noise(50, 60), "JPEG")).decode()
REQUEST = json.dumps({"input_data": {"columns": ["image"], "index": [0], "data": [CELL]}}).encode()


class Workspace:
    """A workspace with its daemon, shared by this file's tests: instances take seconds to start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "TINTYPE_HOME": str(folder / "home"),
            "TINTYPE_RUNTIME": "openvino",
            "TINTYPE_PRECISION": "fp32",
            "HF_HUB_OFFLINE": "1",
            "TINTYPE_THREADS": "2",
        }
        keep_own_port(folder / "home")
        self.deployment = folder / "deployment.yml"
        self.deployment.write_text(AZURE_DEPLOYMENT)
        self.request = folder / "request.json"
        self.request.write_bytes(REQUEST)
        self.models = {
            name: write_checkpoint(folder / name, labels=labels)
            for name, labels in (("one", ("can", "carton", "jug")), ("two", ("a", "b")))
        }

    def __call__(self, *arguments: object, code: int = 0) -> str:
        return run(*arguments, code=code, **self.environment).stdout

    def read(self, *arguments: object) -> Any:
        return json.loads(self(*arguments))

    def endpoint(self, name: str) -> Endpoint:
        self("online-endpoint", "create", "--name", name)
        return Endpoint(self, name)

    def deploy(self, endpoint: str, name: str = "demo", model: str = "one", *more: str) -> Any:
        options = [f"endpoint_name={endpoint}", f"model={self.models[model]}", f"name={name}"]
        return self.read(
            "online-deployment", "create", "--file", self.deployment, "--set", *options, *more
        )

    def pids(self, endpoint: str, name: str = "demo") -> list[int]:
        query = "instances[?state=='ready'].pid"
        return list(
            self.read("online-deployment", "show", "-n", name, "-e", endpoint, "--query", query)
        )


class Endpoint:
    """HTTP to one endpoint, as a client with its key."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        shown = workspace.read("online-endpoint", "show", "--name", name)
        self.uri: str = shown["scoring_uri"]
        self.base = self.uri.removesuffix("/score")
        keys = workspace.read("online-endpoint", "get-credentials", "--name", name)
        self.key: str = keys["primaryKey"]
        self.secondary: str = keys["secondaryKey"]

    def ask(
        self,
        path: str = "/score",
        body: bytes | None = REQUEST,
        key: str | None = None,
        **headers: str,
    ) -> tuple[int, Any, http.client.HTTPMessage]:
        given = {
            "Authorization": f"Bearer {key or self.key}",
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        request = urllib.request.Request(self.base + path, body, given)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.loads(response.read() or b"null"), response.headers
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read()), error.headers

    def labels(self, **headers: str) -> list[str]:
        status, answer, _ = self.ask(**headers)
        assert status == 200, answer
        return list(answer[0]["labels"])


class Load:
    """Requests from several threads, one after the other, until the block ends."""

    def __init__(self, endpoint: Endpoint, threads: int = 4) -> None:
        self._endpoint = endpoint
        self._stop = threading.Event()
        self._pool = concurrent.futures.ThreadPoolExecutor(threads)
        self._threads = threads
        self.statuses: list[int] = []
        self.labels: list[str] = []

    def __enter__(self) -> Load:
        self._futures = [self._pool.submit(self._run) for _ in range(self._threads)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for future in self._futures:
            future.result()

    def _run(self) -> None:
        while not self._stop.is_set():
            status, answer, _ = self._endpoint.ask()
            self.statuses.append(status)
            self.labels.append(answer[0]["labels"][0] if status == 200 else str(answer))

    def wait_for(self, count: int, seconds: float = 60) -> None:
        wanted = len(self.statuses) + count
        end = time.monotonic() + seconds
        while len(self.statuses) < wanted:
            assert time.monotonic() < end, "no answers any more"
            time.sleep(0.02)
