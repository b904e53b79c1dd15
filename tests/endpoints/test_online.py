from __future__ import annotations

import base64
import concurrent.futures
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import encoded, noise
from starlette.testclient import TestClient

from tintype.endpoints.online.gateway.keys import KeyRing, digest_of, read_key
from tintype.endpoints.online.in_process import ServerOptions, create_app
from tintype.errors import UsageError
from tintype.scoring import Scorer

KEY = "a-key-of-enough-length"
KEYS = KeyRing({"primary": digest_of(KEY)})
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
IMAGES = [encoded(noise(50, 60, seed=n), kind) for n, kind in enumerate(("PNG", "JPEG", "WEBP"))]
CELLS = [base64.b64encode(image).decode() for image in IMAGES]


@pytest.fixture
def scorer(model_folder: Path) -> Scorer:
    return Scorer.load(model_folder, batch_size=8)


@pytest.fixture
def client(scorer: Scorer) -> Iterator[TestClient]:
    app, service = create_app(scorer, KEYS, ServerOptions(max_waiting=64))
    yield TestClient(app, headers=AUTHORIZED)
    service.close()


def expected(scorer: Scorer, count: int) -> list[dict[str, Any]]:
    return [
        {"probs": pytest.approx(p.probs.tolist(), abs=1e-6), "labels": list(p.labels)}
        for p in scorer.predict(IMAGES[:count])
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"input_data": {"columns": ["image"], "index": [0, 1], "data": CELLS[:2]}},
        {"input_data": {"columns": ["image"], "data": [[CELLS[0]], [CELLS[1]]]}},
        {"input_data": {"columns": ["image"], "data": [CELLS[0], [CELLS[1]]]}},
        {"input_data": {"data": CELLS[:2]}},
        {"input_data": {"columns": ["image", "text"], "data": [[CELLS[0], "a,b"], [CELLS[1]]]}},
        {"input_data": CELLS[:2], "params": {}},
        {"input_data": [{"image": CELLS[0]}, {"image": CELLS[1]}]},
        {"inputs": CELLS[:2]},
        {
            "input_data": [
                base64.encodebytes(IMAGES[0]).decode(),
                f"data:image/jpeg;base64,{CELLS[1]}",
            ]
        },
        {
            "input_data": {
                "columns": ["image"],
                "data": [json.dumps({"image_base64": c}) for c in CELLS[:2]],
            }
        },
    ],
)
def test_every_shape_of_request(client: TestClient, scorer: Scorer, body: dict[str, Any]) -> None:
    response = client.post("/score", json=body)
    assert response.status_code == 200, response.text
    assert response.json() == expected(scorer, 2)


def test_response_styles(client: TestClient, scorer: Scorer) -> None:
    prediction = scorer.predict(IMAGES[:1])[0]
    ranked = [{"label": name, "score": pytest.approx(p, abs=1e-6)} for name, p in prediction.top(3)]
    for style, answer in (("list", ranked), ("ranked", {str(n): r for n, r in enumerate(ranked)})):
        headers = {"x-tintype-response-style": style}
        response = client.post("/score", json={"input_data": CELLS[:1]}, headers=headers)
        assert response.json() == [answer]
    response = client.post(
        "/score", json={"input_data": CELLS[:1]}, headers={"x-tintype-response-style": "x"}
    )
    assert response.status_code == 400


def test_forms_and_raw_images(client: TestClient, scorer: Scorer) -> None:
    files = [
        ("file", ("a.png", IMAGES[0], "image/png")),
        ("file", ("b.jpg", IMAGES[1], "image/jpeg")),
    ]
    assert client.post("/score", files=files).json() == expected(scorer, 2)
    raw = client.post("/score", content=IMAGES[0], headers={"Content-Type": "image/png"})
    assert raw.json() == expected(scorer, 1)
    wrong = client.post("/score", content=b"x", headers={"Content-Type": "application/pdf"})
    assert wrong.status_code == 415


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"[]", 400, "must be a JSON object"),
        (b'"x"', 400, "must be a JSON object"),
        (b"[" * 100_000, 400, "not JSON"),
        (b'{"a": NaN}', 400, "not JSON"),
        (b"{}", 400, "'input_data' parameter"),
        (b'{"input_data": null}', 400, "'input_data' parameter"),
        (b'{"input_data": 3}', 400, "expected an array of items"),
        (b'{"input_data": []}', 400, "no rows"),
        (b'{"input_data": ["x"], "params": [null]}', 400, "'params'"),
        (b'{"input_data": {"columns": ["image"]}}', 400, "expected an array of items"),
        (b'{"input_data": {"columns": ["picture"], "data": ["x"]}}', 400, "column named 'image'"),
        (b'{"input_data": {"columns": 3, "data": ["x"]}}', 400, "list of names"),
        (
            b'{"input_data": {"columns": ["image"], "index": [0], "data": ["x", "y"]}}',
            400,
            "'index'",
        ),
        (b'{"input_data": {"columns": ["image"], "data": [["x", "y"]]}}', 400, "row 0 has 2 cells"),
        (b'{"input_data": {"columns": ["image"], "data": [[]]}}', 400, "row 0 has 0 cells"),
        (b'{"input_data": [null]}', 400, "row 0: the image is null"),
        (b'{"input_data": [{"image": 3}]}', 400, "row 0: the image is int"),
        (b'{"input_data": [{"picture": 3}]}', 400, "no key 'image'"),
        (b'{"input_data": ["/etc/passwd"]}', 422, "row 0: "),
        (b'{"input_data": ["file:///etc/passwd"]}', 422, "neither base64"),
        (b'{"input_data": [""]}', 422, "empty string"),
        (b'{"input_data": ["aGVsbG8="]}', 422, "not an image"),
        (b'{"input_data": ["http://127.0.0.1/x.png"]}', 422, "not a public address"),
        (b'{"input_data": ["\\ud800"]}', 400, "not JSON"),
        (b'{"input_data": ["{\\"image_base64\\": 3}"]}', 400, "no 'image_base64'"),
    ],
)
def test_malformed_requests(client: TestClient, body: bytes, status: int, message: str) -> None:
    response = client.post("/score", content=body)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert message in error["message"]
    assert error["code"] == status
    assert "Traceback" not in response.text


def test_a_bad_row_is_named_and_the_next_request_is_well(
    client: TestClient, scorer: Scorer
) -> None:
    response = client.post("/score", json={"input_data": [CELLS[0], CELLS[1][:100], CELLS[2]]})
    assert response.status_code == 422
    assert response.json()["error"]["row"] == 1
    assert client.get("/health/ready").status_code == 200
    assert client.post("/score", json={"input_data": CELLS[:1]}).json() == expected(scorer, 1)


def test_every_route_asks_for_the_key(scorer: Scorer) -> None:
    app, service = create_app(scorer, KEYS)
    client = TestClient(app, raise_server_exceptions=False)
    wrong = [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": KEY},
        {"Authorization": "Basic x"},
        {"Authorization": f"Bearer {KEY}x"},
        {"Host": "evil/health/live?", "X-Forwarded-Path": "/health/live"},
    ]
    for path in [
        "/score",
        "/swagger.json",
        "/invocations",
        "/ping",
        "/v2",
        "/v2/models/model/infer",
        "/docs",
        "/openapi.json",
        "//health/live",
        "/health/live/../../score",
        "/metrics",
    ]:
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
            for headers in wrong:
                answer = client.request(method, path, headers=headers)
                # httpx itself folds /../ away: only that one may reach an open route.
                if answer.request.url.path not in ("/health/live",):
                    assert answer.status_code == 401, (method, path, headers)
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 200
    service.close()


def test_unknown_paths_and_methods_answer_in_json(client: TestClient) -> None:
    for method, path, status in (
        ("GET", "/score", 405),
        ("GET", "/nothing", 404),
        ("GET", "/docs", 404),
    ):
        response = client.request(method, path)
        assert response.status_code == status
        assert response.json()["error"]["code"] == status
        assert response.headers.get("allow") == ("POST" if status == 405 else None)


def test_limits(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINTYPE_MAX_REQUEST_BYTES", "50000")
    monkeypatch.setenv("TINTYPE_MAX_REQUEST_ROWS", "10")
    app, service = create_app(scorer, KEYS)
    client = TestClient(app, headers=AUTHORIZED)
    assert client.post("/score", content=b"x" * 60_000).status_code == 413

    def chunks() -> Iterator[bytes]:
        for _ in range(60):
            yield b"x" * 1000

    assert client.post("/score", content=chunks()).status_code == 413
    start = time.perf_counter()
    assert client.post("/score", json={"input_data": ["x"] * 5000}).status_code == 413
    assert time.perf_counter() - start < 0.5
    service.close()


def test_a_full_server_says_when_to_come_back(scorer: Scorer) -> None:
    app, service = create_app(scorer, KEYS, ServerOptions(max_waiting=2))
    client = TestClient(app, headers=AUTHORIZED)
    service.batcher.admit(1)
    response = client.post("/score", json={"input_data": CELLS[:2]})
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "1"
    assert client.post("/score", json={"input_data": CELLS[:3]}).status_code == 413
    service.batcher.release(1)
    assert client.post("/score", json={"input_data": CELLS[:2]}).status_code == 200
    service.close()


def test_a_slow_model_is_given_up_and_its_images_dropped(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = scorer.run

    def slow(pixels: np.ndarray) -> np.ndarray:
        time.sleep(0.6)
        return plain(pixels)

    monkeypatch.setattr(scorer, "run", slow)
    app, service = create_app(scorer, KEYS, ServerOptions(timeout_s=0.2))
    batcher = service.batcher
    client = TestClient(app, headers=AUTHORIZED)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: client.post("/score", json={"input_data": CELLS[:1]}), range(4))
        )
    assert {answer.status_code for answer in answers} == {408}
    time.sleep(1)
    # One image was in the model when the others' time ran out in the queue.
    assert batcher.images_run < 4
    assert batcher._admitted == 0
    service.close()


def test_a_failing_model_is_424_and_the_server_lives(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, service = create_app(scorer, KEYS)
    client = TestClient(app, headers=AUTHORIZED)
    with monkeypatch.context() as patch:
        patch.setattr(scorer, "run", _fail)
        response = client.post("/score", json={"input_data": CELLS[:1]})
        assert response.status_code == 424
        assert client.get("/health/ready").status_code == 503
    assert client.post("/score", json={"input_data": CELLS[:1]}).status_code == 200
    service.close()


def _fail(pixels: np.ndarray) -> np.ndarray:
    raise RuntimeError("secret detail of the model")


def test_concurrent_requests_share_passes_and_keep_their_answers(
    scorer: Scorer, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    plain = scorer.run

    def counted(pixels: np.ndarray) -> np.ndarray:
        passes.append(len(pixels))
        time.sleep(0.05)
        return plain(pixels)

    monkeypatch.setattr(scorer, "run", counted)

    def ask(number: int) -> bool:
        body = {"input_data": [CELLS[number % 3]]}
        answer = client.post("/score", json=body).json()
        pixels = scorer.preprocessor.resize(noise(50, 60, seed=number % 3))
        expected = scorer.predictions(plain(pixels[None]))[0].probs
        close = np.abs(np.array(answer[0]["probs"]) - expected).max()
        # JPEG and WEBP lose a little; the answers of the three images differ by far more.
        return bool(close < 0.05)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(24)))
    assert sum(passes) == 24
    assert len(passes) < 24


def test_the_openapi_document(client: TestClient) -> None:
    document = client.get("/swagger.json").json()
    operation = document["paths"]["/score"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["schema"]["example"]
    response = client.post("/score", json=example)
    assert response.status_code == 200
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema["example"][0]["labels"] == response.json()[0]["labels"]


def test_headers_and_request_ids(client: TestClient) -> None:
    response = client.get("/health/live", headers={"x-request-id": "abc123"})
    assert response.headers["x-request-id"] == "abc123"
    assert response.headers["x-content-type-options"] == "nosniff"
    forged = client.get("/health/live", headers={"x-request-id": "a b<script>"})
    assert forged.headers["x-request-id"] != "a b<script>"


def test_logs_hold_no_key_and_no_image(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        client.post("/score?token=secret", json={"input_data": CELLS[:1]})
    ours = "".join(r.getMessage() for r in caplog.records if r.name.startswith("tintype"))
    assert '"status":200' in ours
    assert KEY not in ours
    assert "secret" not in ours
    assert CELLS[0][:40] not in ours


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["input_data", "columns", "data", "index", "image"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_document_makes_the_server_fail(client: TestClient, document: Any) -> None:
    for body in (document, {"input_data": document}):
        try:
            content = json.dumps(body).encode()
        except (ValueError, UnicodeEncodeError):
            continue
        response = client.post("/score", content=content)
        assert 400 <= response.status_code < 500, response.text
        assert "error" in response.json()


def test_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, shown = read_key(None)
    assert shown is not None
    assert key.match(f"Bearer {shown}") == "primary"
    (tmp_path / "key").write_text(f"{KEY}\n")
    key, shown = read_key(tmp_path / "key")
    assert shown is None
    assert key.match(f"bearer {KEY}") == "primary"
    assert key.match("") is None
    assert KEY not in repr(vars(key))
    monkeypatch.setenv("TINTYPE_KEY", "short")
    with pytest.raises(UsageError, match="shorter"):
        read_key(None)
    with pytest.raises(UsageError, match="cannot be read"):
        read_key(tmp_path / "missing")
