"""Downloads, against a loopback stand-in for the Hugging Face Hub."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from checkpoints import write_checkpoint

from tintype.errors import CheckpointError
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.classifier import labels_of, load_classifier

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Serves repositories (name -> folder) by the Hub's HTTP API, as huggingface_hub calls it."""

    def __init__(self) -> None:
        hub = self
        self.repositories: dict[str, Path] = {}
        self.requested: list[str] = []
        self.broken_once: set[str] = set()

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                hub.answer(self, head=True)

            def do_GET(self) -> None:
                hub.answer(self, head=False)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, handler: BaseHTTPRequestHandler, *, head: bool) -> None:
        path = unquote(handler.path.split("?")[0])
        for name, folder in self.repositories.items():
            if path.startswith(f"/api/models/{name}"):
                self._info(handler, name, folder, path)
                return
            if path.startswith(f"/{name}/resolve/"):
                file = folder / path.split("/resolve/", 1)[1].split("/", 1)[1]
                self._file(handler, file, head=head)
                return
        handler.send_response(404)
        handler.send_header("X-Error-Code", "RepoNotFound")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def _info(self, handler: BaseHTTPRequestHandler, name: str, folder: Path, path: str) -> None:
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        names = [str(file.relative_to(folder)) for file in files]
        content: object = {"id": name, "modelId": name, "sha": COMMIT, "private": False, "tags": [],
                           "downloads": 0, "siblings": [{"rfilename": n} for n in names]}  # fmt: skip
        if "/tree/" in path:
            content = [
                {"type": "file", "path": n, "size": f.stat().st_size, "oid": self._etag(f)}
                for n, f in zip(names, files, strict=True)
            ]
        body = json.dumps(content).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _file(self, handler: BaseHTTPRequestHandler, file: Path, *, head: bool) -> None:
        if not file.is_file():
            handler.send_response(404)
            handler.send_header("X-Error-Code", "EntryNotFound")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        data = file.read_bytes()
        start = 0
        wanted = handler.headers.get("Range", "")
        if wanted.startswith("bytes="):
            start = int(wanted.removeprefix("bytes=").split("-")[0])
        if not head:
            self.requested.append(f"{file.name}@{start}")
        handler.send_response(206 if start else 200)
        handler.send_header("ETag", f'"{self._etag(file)}"')
        handler.send_header("X-Repo-Commit", COMMIT)
        handler.send_header("Accept-Ranges", "bytes")
        handler.send_header("Content-Length", str(len(data) - start))
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        handler.end_headers()
        if not head:
            handler.wfile.write(data[start:])

    @staticmethod
    def _etag(file: Path) -> str:
        return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    from huggingface_hub import constants

    hub = Hub()
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setenv("TINTYPE_HUB_ENDPOINT", hub.url)
    yield hub
    hub.server.shutdown()


def test_a_checkpoint_is_downloaded_once(hub: Hub, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "repository")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "modeling_evil.py").write_text("raise SystemExit")
    hub.repositories["someone/vit"] = folder
    checkpoint = resolve_checkpoint("someone/vit")
    assert checkpoint.revision == COMMIT
    assert labels_of(load_classifier(checkpoint)) == ("can", "carton", "jug")
    asked = {name.split("@")[0] for name in hub.requested}
    assert {"config.json", "model.safetensors", "preprocessor_config.json"} <= asked
    assert not asked & {"pytorch_model.bin", "modeling_evil.py"}
    hub.requested.clear()
    resolve_checkpoint("someone/vit")
    assert hub.requested == []


def test_what_the_hub_does_not_have(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such repository"):
        resolve_checkpoint("someone/nothing")
    folder = write_checkpoint(tmp_path / "repository")
    (folder / "model.safetensors").unlink()
    hub.repositories["someone/old"] = folder
    with pytest.raises(CheckpointError, match=r"has no model\.safetensors"):
        resolve_checkpoint("someone/old")


def test_a_hub_that_is_down(hub: Hub) -> None:
    hub.server.shutdown()
    hub.server.server_close()
    with pytest.raises(CheckpointError, match=r"cannot be reached|failed"):
        resolve_checkpoint("someone/vit")


def test_offline_takes_what_is_cached(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories["someone/vit"] = write_checkpoint(tmp_path / "repository")
    resolve_checkpoint("someone/vit")
    hub.requested.clear()
    monkeypatch.setenv("TINTYPE_OFFLINE", "true")
    assert resolve_checkpoint("someone/vit").revision == COMMIT
    with pytest.raises(CheckpointError, match="offline"):
        resolve_checkpoint("someone/else")
    assert hub.requested == []
