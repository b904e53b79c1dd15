"""Posting to addresses that a stranger wrote; fetching from them is in tests/images/test_fetch_and_request.py."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tintype.errors import FetchError
from tintype.public_http import post


@contextmanager
def server(status: int, seen: list[tuple[str, bytes]], **headers: str) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path, body))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            body = b"" if status == 204 else b"ok"
            if body:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            return

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{served.server_address[1]}/hook?a=1"
    finally:
        served.shutdown()
        served.server_close()


def anywhere(address: str) -> bool:
    return True


@pytest.mark.parametrize("status", [200, 202, 204])
def test_it_arrives(status: int) -> None:
    seen: list[tuple[str, bytes]] = []
    with server(status, seen) as url:
        post(url, b'{"a": 1}', allowed=anywhere)
    assert seen == [("/hook?a=1", b'{"a": 1}')]


def test_private_addresses_and_redirects_are_refused() -> None:
    seen: list[tuple[str, bytes]] = []
    with server(200, seen) as url:
        with pytest.raises(FetchError, match="may not be posted to: it is not a public address"):
            post(url, b"{}")
        with pytest.raises(FetchError, match="not a public address"):
            post(url, b"{}", resolver=lambda host, port: ["10.0.0.1"])
    assert seen == []
    with (
        server(302, seen, Location="http://127.0.0.1:9/") as url,
        pytest.raises(FetchError, match="answered with a redirect"),
    ):
        post(url, b"{}", allowed=anywhere)


def test_an_error_and_a_long_answer_are_refused() -> None:
    with server(500, []) as url, pytest.raises(FetchError, match="status 500"):
        post(url, b"{}", allowed=anywhere)
    with server(200, []) as url, pytest.raises(FetchError, match="the limit is 1"):
        post(url, b"{}", allowed=anywhere, max_bytes=1)
