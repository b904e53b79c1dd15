"""An endpoint with a poor champion, its callers, and pictures that a small network can learn."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from checkpoints import write_checkpoint
from commands import run
from pictures import encoded, striped

from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.model_folder import write_checkpoint_folder

LABELS = ("level", "upright")


def write_pictures(folder: Path, first: int, count: int) -> Path:
    """`count` pictures of each label in folders of their names; numbers tell pictures apart."""
    for kind, name in enumerate(("upright", "level")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(first, first + count):
            (folder / name / f"{number}.png").write_bytes(encoded(striped(kind, number)))
    return folder


def write_guesser(folder: Path, labels: tuple[str, ...] = LABELS) -> Path:
    """A model folder whose weights are random."""
    source = resolve_checkpoint(str(write_checkpoint(folder / "vit", labels=labels)))
    return write_checkpoint_folder(
        folder / "guesser", source, task="image_classification", classes=labels, card={}
    ).path


def serve_champion(name: str, model: Path, folder: Path) -> None:
    """Register `model` as `name`@champion, behind an endpoint `name` that records what it is asked."""
    run("model", "create", "--name", name, "--path", model)
    run("model", "set-alias", "--name", name, "--alias", "champion")
    run("online-endpoint", "create", "--name", name)
    document = folder / "deployment.yml"
    document.write_text(
        f"name: first\nendpoint_name: {name}\nmodel: azureml:{name}@champion\n"
        "request_settings: {request_timeout_ms: 60000}\n"
        "data_collector: {collections: {model_inputs: {enabled: true}, model_outputs: {enabled: true}}}\n"
    )
    run("online-deployment", "create", "--file", document, "--all-traffic")


class Callers:
    """Ask an endpoint for pictures, one after the other, until the block ends; who finds no server asks again."""

    def __init__(self, name: str, folder: Path, threads: int = 2) -> None:
        shown = json.loads(run("online-endpoint", "show", "--name", name).stdout)
        keys = json.loads(run("online-endpoint", "get-credentials", "--name", name).stdout)
        self._uri, self._key = shown["scoring_uri"], keys["primaryKey"]
        self._pictures = [path.read_bytes() for path in sorted(folder.rglob("*.png"))]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(threads)]
        self.statuses: list[int] = []
        """Of answers, in the order in which they came."""

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, first: int) -> None:
        number = first
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "image/png"}
        while not self._stop.is_set():
            body = self._pictures[number % len(self._pictures)]
            number += 1
            try:
                request = urllib.request.Request(self._uri, body, headers)
                with urllib.request.urlopen(request, timeout=60) as response:
                    response.read()
                    self.statuses.append(response.status)
            except urllib.error.HTTPError as error:
                self.statuses.append(error.code)
            except (OSError, http.client.HTTPException):
                # The gateway is gone for a moment.
                time.sleep(0.1)
            time.sleep(0.02)


def wait_for(what: str, found: Any, seconds: float = 800) -> Any:
    """What `found()` gives once that is anything, asked again and again; AssertionError where it stays out."""
    end = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < end, f"no {what} in {seconds:.0f} s"
        time.sleep(0.2)
    return result
