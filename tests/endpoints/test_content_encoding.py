"""Bodies that clients have compressed."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import resource
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pictures import encoded, noise
from starlette.testclient import TestClient

from tintype.endpoints.online.gateway import content_encoding
from tintype.endpoints.online.gateway.body import ByteBudget
from tintype.endpoints.online.gateway.content_encoding import decoded_body
from tintype.endpoints.online.gateway.keys import KeyRing, digest_of
from tintype.endpoints.online.in_process import create_app
from tintype.errors import RequestError
from tintype.scoring import Scorer

KEY = "a-key-of-enough-length"
CELL = base64.b64encode(encoded(noise(50, 60), "JPEG")).decode()
REQUEST = json.dumps({"input_data": [CELL]}).encode()


@pytest.fixture
def client(model_folder: Path) -> Iterator[TestClient]:
    scorer = Scorer.load(model_folder, batch_size=2)
    app, service = create_app(scorer, KeyRing({"primary": digest_of(KEY)}))
    yield TestClient(app, headers={"Authorization": f"Bearer {KEY}"})
    service.close()


def test_gzip_is_answered_as_what_it_stands_for(client: TestClient) -> None:
    expected = client.post("/score", content=REQUEST).json()
    for name in ("gzip", "GZIP", "x-gzip"):
        headers = {"Content-Encoding": name}
        answer = client.post("/score", content=gzip.compress(REQUEST), headers=headers)
        assert (answer.status_code, answer.json()) == (200, expected)
    answer = client.post("/score", content=REQUEST, headers={"Content-Encoding": "identity"})
    assert answer.json() == expected
    csv = gzip.compress(f"image\n{CELL}\n".encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/csv"}
    assert client.post("/invocations", content=csv, headers=headers).json() == {
        "predictions": expected
    }


@pytest.mark.parametrize("name", ["br", "deflate", "gzip, gzip", "zstd", "\x00ü"])
def test_other_encodings_are_refused(client: TestClient, name: str) -> None:
    headers = {b"Content-Encoding": name.encode("latin-1")}
    answer = client.post("/score", content=REQUEST, headers=headers)
    assert answer.status_code == 415
    assert "gzip" in answer.json()["error"]["message"]
    assert answer.headers["accept-encoding"] == "gzip, identity"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (REQUEST, "is not gzip"),
        (b"", "in the middle"),
        (gzip.compress(REQUEST)[:-9], "in the middle"),
        (gzip.compress(REQUEST)[:-8] + bytes(8), "is not gzip"),
        (gzip.compress(REQUEST) + b"more", "is not gzip"),
        (zlib.compress(REQUEST), "is not gzip"),
        (gzip.compress(b"{"), "not JSON"),
        (gzip.compress(b"") * 1001, "more than 1000 gzip members"),
    ],
    # Compressed bytes hold the time, and workers must agree on names.
    ids=range(8),
)
def test_what_is_no_gzip_says_so(client: TestClient, body: bytes, message: str) -> None:
    answer = client.post("/score", content=body, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]


def decoded(content: bytes, *, max_bytes: int, budget: ByteBudget) -> bytes:
    budget.take(len(content))
    return asyncio.run(decoded_body(content, max_bytes=max_bytes, budget=budget))


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_members_follow_each_other(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_encoding, "_SLICE_BYTES", 1000)
    monkeypatch.setattr(content_encoding, "_PIECE_BYTES", 999)
    content = bytes(noise(1, 1000)) * (size // 3000 + 1)
    content = content[:size]
    budget = ByteBudget(10_000_000)
    compressed = gzip.compress(content) + gzip.compress(content[::-1])
    found = decoded(compressed, max_bytes=2 * size, budget=budget)
    assert found == content + content[::-1]
    budget.give_back(2 * size)
    budget.take(10_000_000)


def test_a_bomb_is_refused_before_it_grows() -> None:
    """A gigabyte of zeros in a megabyte."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    bomb = b"".join(compressor.compress(bytes(1 << 24)) for _ in range(64)) + compressor.flush()
    assert len(bomb) < 1_100_000
    budget = ByteBudget(100_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RequestError) as caught:
        decoded(bomb, max_bytes=20_000_000, budget=budget)
    assert caught.value.status == 413
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000
    with pytest.raises(RequestError) as caught:
        decoded(bomb, max_bytes=200_000_000, budget=budget)
    assert caught.value.status == 429
    # Nothing of either is held any more.
    budget.take(100_000_000)
