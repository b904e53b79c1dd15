"""A loopback stand-in for the Hugging Face Hub."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

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
        content: object = {
            "id": name,
            "modelId": name,
            "sha": COMMIT,
            "private": False,
            "tags": [],
            "downloads": 0,
            "siblings": [{"rfilename": n} for n in names],
        }
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
            if file.name in self.broken_once:
                # Half of it, then the line goes dead.
                self.broken_once.remove(file.name)
                handler.wfile.write(data[start : start + (len(data) - start) // 2])
                handler.close_connection = True
                return
            handler.wfile.write(data[start:])

    @staticmethod
    def _etag(file: Path) -> str:
        return hashlib.sha256(file.read_bytes()).hexdigest()
