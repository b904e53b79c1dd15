"""A real server on a real socket: slow clients, clients that leave, crowds, TLS."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from certificates import write_certificate
from pictures import encoded, noise

from tintype.endpoints.online.gateway import http_server as http_server_module
from tintype.endpoints.online.gateway.http_server import Tls, http_server, listen
from tintype.endpoints.online.gateway.keys import KeyRing, digest_of
from tintype.endpoints.online.in_process import ServerOptions, create_app
from tintype.endpoints.online.instances.scoring_service import ScoringService
from tintype.errors import UsageError
from tintype.scoring import Scorer

KEY = "a-key-of-enough-length"
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
CELL = base64.b64encode(encoded(noise(50, 60), "JPEG")).decode()
BODY = json.dumps({"input_data": [CELL]}).encode()


class Running:
    """A served model: its port, and the service behind it."""

    def __init__(self, port: int, service: ScoringService) -> None:
        self.port = port
        self.service = service

    def post(self, body: bytes = BODY, **options: Any) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20, **options)
        with contextlib.closing(connection):
            connection.request("POST", "/score", body, HEADERS)
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def raw(self, content: bytes) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sendall(content)
        return connection


@contextlib.contextmanager
def served(scorer: Scorer, tls: Tls | None = None, **options: Any) -> Iterator[Running]:
    keys = KeyRing({"primary": digest_of(KEY)})
    app, service = create_app(scorer, keys, ServerOptions(**options))
    listener = listen("127.0.0.1", 0)
    server = http_server(app, tls)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Running(listener.getsockname()[1], service)
    finally:
        server.should_exit = True
        thread.join(30)
        service.close()
        assert not thread.is_alive()


@pytest.fixture
def scorer(model_folder: Path) -> Scorer:
    return Scorer.load(model_folder, batch_size=4)


def test_what_a_gone_client_asked_for_never_reaches_the_model(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, begun, go_on = scorer.run, threading.Event(), threading.Event()

    def held(pixels: np.ndarray) -> np.ndarray:
        begun.set()
        go_on.wait(20)
        return plain(pixels)

    with served(scorer, timeout_s=20) as server:
        server.post()
        monkeypatch.setattr(scorer, "run", held)
        head = f"POST /score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        request = f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY
        first = server.raw(request)
        assert begun.wait(10), "the first is in the model"
        others = [server.raw(request) for _ in range(5)]
        end = time.monotonic() + 10
        while server.service.batcher._admitted < 6 and time.monotonic() < end:
            time.sleep(0.02)
        run_before = server.service.batcher.images_run
        for connection in others:
            connection.close()
        while server.service.batcher._admitted > 1 and time.monotonic() < end:
            time.sleep(0.02)
        go_on.set()
        assert first.recv(100).startswith(b"HTTP/1.1 200")
        first.close()
        assert server.post()[0] == 200
        # The first one and the last: nothing of the five between them.
        assert server.service.batcher.images_run - run_before == 2


def test_mute_and_slow_clients_are_hung_up_on(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server_module, "_IDLE_SECONDS", 1)
    with served(scorer) as server:
        started = time.monotonic()
        mute = [
            server.raw(b""),
            server.raw(b"POST /score HTT"),
            server.raw(b"GET / HTTP/1.1\r\nA: b\r\n"),
        ]
        for connection in mute:
            assert connection.recv(100) == b""
            connection.close()
        assert time.monotonic() - started < 10
        assert server.post()[0] == 200


def test_a_crowd_of_idle_connections_keeps_nobody_out(scorer: Scorer) -> None:
    with served(scorer) as server:
        crowd = [server.raw(b"") for _ in range(400)]
        assert server.post()[0] == 200
        for connection in crowd:
            connection.close()


@pytest.mark.parametrize(
    "request_text",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /health/live HTTP/9.9\r\n\r\n",
        b"POST /score HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /score HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 50_000 + b"\r\n",
        b"\0" * 1000,
    ],
)
def test_what_is_not_http_is_refused_and_the_server_lives(
    scorer: Scorer, request_text: bytes
) -> None:
    with served(scorer) as server:
        with (
            contextlib.suppress(ConnectionError),
            contextlib.closing(server.raw(request_text)) as c,
        ):
            answer = c.recv(1000)
            assert b" 5" not in answer[:13], answer
        assert server.post()[0] == 200


def test_https(scorer: Scorer, tmp_path: Path) -> None:
    tls = Tls(tmp_path / "certificate.pem", tmp_path / "key.pem")
    with pytest.raises(UsageError, match="certificate"):
        tls.check()
    write_certificate(tls.certificate, tls.private_key, "DNS:localhost")
    tls.check()
    with served(scorer, tls) as server:
        context = ssl.create_default_context(cafile=str(tls.certificate))
        connection = http.client.HTTPSConnection(
            "localhost", server.port, context=context, timeout=20
        )
        connection.request("POST", "/score", BODY, HEADERS)
        assert connection.getresponse().status == 200
        connection.close()


def test_passes_of_a_slow_model_stay_short(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    plain = scorer.run

    def slow(pixels: np.ndarray) -> np.ndarray:
        passes.append(len(pixels))
        time.sleep(0.1 * len(pixels))
        return plain(pixels)

    for timeout_s, most in ((20.0, 4), (0.9, 1)):
        with served(scorer, timeout_s=timeout_s) as server:
            monkeypatch.setattr(scorer, "run", slow)
            assert server.post()[0] == 200
            passes.clear()
            body = json.dumps({"input_data": [CELL] * 7}).encode()
            server.post(body)
            monkeypatch.setattr(scorer, "run", plain)
        assert max(passes) == most, passes


def test_a_queue_longer_than_the_time_to_answer_is_refused_at_once(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = scorer.run

    def slow(pixels: np.ndarray) -> np.ndarray:
        time.sleep(0.2 * len(pixels))
        return plain(pixels)

    with served(scorer, timeout_s=2) as server:
        monkeypatch.setattr(scorer, "run", slow)
        assert server.post()[0] == 200
        # Five images a second, two seconds: the twelfth cannot be in time.
        answers: list[tuple[int, float]] = []

        def ask() -> None:
            began = time.monotonic()
            status, _ = server.post()
            answers.append((status, time.monotonic() - began))

        threads = [threading.Thread(target=ask) for _ in range(25)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        good = [seconds for status, seconds in answers if status == 200]
        refused = [seconds for status, seconds in answers if status == 429]
        assert len(good) >= 3
        assert len(good) + len(refused) == 25, answers
        assert max(refused) < 1
