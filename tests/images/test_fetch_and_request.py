from __future__ import annotations

import base64
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import encoded, noise

from tintype.errors import FetchError, ImageError
from tintype.images.request import image_bytes_from_text
from tintype.images.source import read_image
from tintype.public_http import fetch, is_public

PRIVATE = [
    "127.0.0.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fc00::1",
    "fe80::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "fec0::1",
    "not an address",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_nobody_outside_can_reach(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost/",
        "http://localhost./",
        "http://ok\\@127.0.0.1/",
        "http://a@127.0.0.1#b",
        "http://user:pass@example.com/",
        "http://127。0。0。1/",
        "ftp://example.com/x",
        "file:///etc/passwd",
        "gopher://x/",
        "http://",
        "http:///x",
        "http://exa mple.com/",
        "http://x\n.com/",
        "http://[::1",
        "http://host:99999/",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(FetchError):
        fetch(url, max_bytes=1000, timeout_s=2)


def test_one_private_address_among_public_ones_is_enough() -> None:
    with pytest.raises(FetchError, match="not a public address"):
        fetch("http://x.test/", max_bytes=9, resolver=lambda host, port: ["8.8.8.8", "10.0.0.1"])


class Server:
    """A loopback server; `allow` lets the fetcher reach it, as if it were public."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        outer = self
        self.paths: list[str] = []
        self.hosts: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.paths.append(self.path)
                outer.hosts.append(self.headers["Host"])
                answer(self)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def fetch(self, path: str = "/", **options: object) -> bytes:
        return fetch(
            f"http://public.test:{self.port}{path}",
            resolver=lambda host, port: ["127.0.0.1"],
            allowed=lambda address: True,
            **{"max_bytes": 10_000, "timeout_s": 3.0, **options},  # type: ignore[arg-type]
        )


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(answer: Callable[[BaseHTTPRequestHandler], None]) -> Server:
        servers.append(Server(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.server.shutdown()


def body(data: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def test_a_body_is_fetched_from_the_checked_address(serve: Callable[..., Server]) -> None:
    server = serve(body(b"image", Content_Length="5"))
    assert server.fetch("/a?b=c") == b"image"
    assert server.paths == ["/a?b=c"]
    assert server.hosts == [f"public.test:{server.port}"]


def test_size_is_capped(serve: Callable[..., Server]) -> None:
    with pytest.raises(FetchError, match="limit"):
        serve(body(b"", Content_Length="20000")).fetch()
    with pytest.raises(FetchError, match="limit"):
        serve(body(b"x" * 20_000)).fetch()


def test_compressed_bodies_and_errors_are_refused(serve: Callable[..., Server]) -> None:
    with pytest.raises(FetchError, match="compressed"):
        serve(body(b"x", Content_Encoding="gzip")).fetch()
    with pytest.raises(FetchError, match="status 404"):
        serve(lambda handler: handler.send_error(404)).fetch()


def test_a_body_that_ends_early(serve: Callable[..., Server]) -> None:
    with pytest.raises(FetchError):
        serve(body(b"abc", Content_Length="10")).fetch()


def test_time_is_capped_over_the_whole_exchange(serve: Callable[..., Server]) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.1)

    start = time.monotonic()
    with pytest.raises(FetchError, match="too long"):
        serve(drip).fetch(timeout_s=0.6)
    assert time.monotonic() - start < 2


def redirect(target: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", target)
        handler.end_headers()

    return answer


def test_redirects_are_checked_again(serve: Callable[..., Server]) -> None:
    server = serve(redirect("http://inner.test/secret"))
    with pytest.raises(FetchError, match="not a public address"):
        fetch(
            f"http://public.test:{server.port}/",
            max_bytes=100,
            resolver=lambda host, port: ["127.0.0.1" if host == "public.test" else "10.0.0.1"],
            allowed=lambda address: address == "127.0.0.1",
        )
    loop = serve(redirect("/again"))
    with pytest.raises(FetchError, match="redirects"):
        loop.fetch()
    with pytest.raises(FetchError, match="must begin with"):
        serve(redirect("file:///etc/passwd")).fetch()


def test_proxies_are_ignored(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert serve(body(b"direct")).fetch() == b"direct"


IMAGE = encoded(noise(9, 9))


@pytest.mark.parametrize(
    "cell",
    [
        base64.b64encode(IMAGE).decode(),
        base64.encodebytes(IMAGE).decode(),
        base64.urlsafe_b64encode(IMAGE).decode(),
        "data:image/png;base64," + base64.b64encode(IMAGE).decode(),
        "  " + base64.b64encode(IMAGE).decode() + "\r\n",
    ],
)
def test_every_dialect_of_base64(cell: str) -> None:
    assert image_bytes_from_text(cell) == IMAGE


@pytest.mark.parametrize(
    "cell", ["", "/etc/passwd.png", "../photo.jpg", "C:\\photo.jpg", "ä", "data:x", "abc!"]
)
def test_what_is_no_image_text(cell: str) -> None:
    with pytest.raises(ImageError):
        image_bytes_from_text(cell)


def test_a_local_path_is_never_read(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(IMAGE)
    for cell in (str(path), f"file://{path}"):
        with contextlib.suppress(ImageError):
            assert image_bytes_from_text(cell) != IMAGE


def test_urls_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINTYPE_ALLOW_URLS", "false")
    with pytest.raises(FetchError, match="disabled"):
        image_bytes_from_text("https://example.com/x.png")
    with pytest.raises(FetchError, match="turned off"):
        read_image("https://example.com/x.png")


@given(st.text(max_size=200))
def test_any_text_gives_bytes_or_a_known_error(text: str) -> None:
    if text.strip()[:4].lower() == "http":
        return
    with contextlib.suppress(ImageError):
        assert isinstance(image_bytes_from_text(text), bytes)


def test_special_files_and_missing_ones(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "missing", "bad\0name"):
        with pytest.raises(ImageError):
            read_image(path)
