"""MLflow's protocol, the Open Inference Protocol, skipped rows and the page, over one served model."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import write_checkpoint, write_clip
from pictures import encoded, noise
from starlette.testclient import TestClient

from tintype.endpoints.online.gateway.keys import KeyRing, digest_of
from tintype.endpoints.online.in_process import ServerOptions, create_app
from tintype.scoring import Scorer

KEY = "a-key-of-enough-length"
IMAGES = [encoded(noise(50, 60, seed=n)) for n in range(3)]
CELLS = [base64.b64encode(image).decode() for image in IMAGES]


def client_of(scorer: Scorer, **options: Any) -> Iterator[TestClient]:
    app, service = create_app(
        scorer, KeyRing({"primary": digest_of(KEY)}), ServerOptions(**{"timeout_s": 60, **options})
    )
    yield TestClient(app, headers={"Authorization": f"Bearer {KEY}"})
    service.close()


@pytest.fixture
def client(model_folder: Path) -> Iterator[TestClient]:
    yield from client_of(Scorer.load(model_folder))


@pytest.fixture
def skipping(model_folder: Path) -> Iterator[TestClient]:
    yield from client_of(Scorer.load(model_folder), on_row_error="skip")


@pytest.fixture
def clip(tmp_path: Path) -> Iterator[TestClient]:
    yield from client_of(Scorer.load(write_clip(tmp_path / "clip")))


@pytest.fixture
def dino(tmp_path: Path) -> Iterator[TestClient]:
    folder = write_checkpoint(tmp_path / "dino", "dinov2")
    yield from client_of(Scorer.load(folder, task="embeddings"))


def score(client: TestClient, cells: list[Any]) -> Any:
    return client.post("/score", json={"input_data": cells}).json()


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["image"], "data": [[CELLS[0]], [CELLS[1]]]}},
        {"dataframe_records": [{"image": CELLS[0]}, {"image": CELLS[1]}]},
        {"inputs": {"image": CELLS[:2]}},
        {"instances": CELLS[:2]},
    ],
)
def test_mlflows_requests(client: TestClient, body: dict[str, Any]) -> None:
    response = client.post("/invocations", json=body)
    assert response.status_code == 200, response.text
    assert response.json() == {"predictions": score(client, CELLS[:2])}


def test_mlflows_csv_and_probes(client: TestClient) -> None:
    response = client.post(
        "/invocations", content=f"image\n{CELLS[0]}\n", headers={"Content-Type": "text/csv"}
    )
    assert response.json() == {"predictions": score(client, CELLS[:1])}
    assert client.get("/ping").status_code == client.get("/health").status_code == 200
    assert client.get("/version").text
    assert client.post("/invocations", content=b"{}").status_code == 400


def infer(name: str, data: list[str], **more: Any) -> dict[str, Any]:
    shape = [len(data)]
    return {"inputs": [{"name": name, "shape": shape, "datatype": "BYTES", "data": data}], **more}


def test_open_inference(client: TestClient) -> None:
    expected = score(client, CELLS)
    response = client.post("/v2/models/model/infer", json=infer("image", CELLS, id="mine"))
    answer = response.json()
    assert (answer["id"], answer["model_name"]) == ("mine", "model")
    tensors = {tensor["name"]: tensor for tensor in answer["outputs"]}
    assert tensors["probs"]["shape"] == [3, 3]
    found = np.reshape(tensors["probs"]["data"], (3, 3))
    assert found == pytest.approx(np.array([row["probs"] for row in expected]), abs=1e-6)
    assert tensors["labels"]["data"] == expected[0]["labels"]
    assert client.get("/v2").json()["name"] == "tintype"
    assert client.get("/v2/models/model").json()["inputs"][0]["name"] == "image"
    assert client.get("/v2/models/model/ready").status_code == 200
    assert client.get("/v2/health/live").status_code == 200
    # Its errors are texts.
    for path, body, status in (
        ("/v2/models/model/infer", {"inputs": []}, 400),
        ("/v2/models/model/infer", infer("image", ["aGVsbG8="]), 422),
        ("/v2/models/other/infer", infer("image", CELLS), 404),
        ("/v2/nothing", {}, 404),
    ):
        refused = client.post(path, json=body)
        assert refused.status_code == status, refused.text
        assert isinstance(refused.json()["error"], str)
    assert client.get("/v2/models/model/infer").headers["allow"] == "POST"


def test_open_inference_of_the_other_tasks(clip: TestClient, dino: TestClient) -> None:
    text = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["red, blue"]}
    body = infer("image", CELLS[:2])
    body["inputs"].append(text)
    tensors = {
        t["name"]: t for t in clip.post("/v2/models/model/infer", json=body).json()["outputs"]
    }
    assert tensors["probs"]["shape"] == [2, 2]
    assert tensors["labels"]["data"] == ["red", "blue"]
    answer = dino.post("/v2/models/model/infer", json=infer("image", CELLS)).json()
    features = answer["outputs"][0]
    assert (features["name"], features["shape"]) == ("image_features", [3, 32])
    assert features["data"] == pytest.approx(
        [number for row in score(dino, CELLS) for number in row["image_features"]], abs=1e-6
    )
    assert [tensor["name"] for tensor in dino.get("/v2/models/model").json()["inputs"]] == ["image"]


def test_skipped_rows(client: TestClient, skipping: TestClient, dino: TestClient) -> None:
    mixed = [CELLS[0], "aGVsbG8=", CELLS[2], "http://127.0.0.1/x.png"]
    assert client.post("/score", json={"input_data": mixed}).status_code == 422
    rows = score(skipping, mixed)
    assert [rows[0], rows[2]] == score(client, [CELLS[0], CELLS[2]])
    assert [rows[1]["error"]["row"], rows[3]["error"]["row"]] == [1, 3]
    assert "not a public address" in rows[3]["error"]["message"]
    assert all("error" in row for row in score(skipping, ["aGVsbG8=", "eA=="]))
    header = {"x-tintype-on-row-error": "skip"}
    embedded = dino.post("/score", json={"input_data": mixed[:2]}, headers=header).json()
    assert [sorted(row) for row in embedded] == [["image_features"], ["error"]]
    wrong = client.post(
        "/score", json={"input_data": mixed}, headers={"x-tintype-on-row-error": "maybe"}
    )
    assert wrong.status_code == 400
    wrapped = skipping.post("/invocations", json={"instances": mixed[:2]}).json()["predictions"]
    assert [sorted(row) for row in wrapped] == [["labels", "probs"], ["error"]]


def test_the_page_needs_no_key_and_nothing_from_elsewhere(client: TestClient) -> None:
    bare = TestClient(client.app)
    page = bare.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for name in ("playground/main.js", "playground/playground.css"):
        assert bare.get(f"/{name}").status_code == 200
        assert name in page.text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.text)
    for path in (
        "/playground.py",
        "/..%2fplayground/main.js",
        "/index.html/",
        "/playground/index.html",
    ):
        assert bare.get(path).status_code == 401
    assert bare.post("/", content=b"x").status_code == 401
    assert json.loads(client.get("/swagger.json").text)["openapi"]
