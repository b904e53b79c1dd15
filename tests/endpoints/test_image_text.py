"""Embeddings of images and texts over HTTP, in the requests of Azure's own samples."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import write_checkpoint, write_clip
from image_text import embedded_by_transformers
from pictures import encoded, noise
from starlette.testclient import TestClient

from tintype.endpoints.online.gateway.keys import KeyRing, digest_of
from tintype.endpoints.online.in_process import ServerOptions, create_app
from tintype.endpoints.online.instances.model_service import warm_up
from tintype.endpoints.online.instances.scoring_service import ScoringService
from tintype.scoring import Scorer
from tintype.scoring.image_text import MAX_TEXT_CHARACTERS, check_cells
from tintype.settings import get_settings

KEY = "a-key-of-enough-length"
IMAGES = [noise(50, 60, seed=n) for n in range(2)]
# As Azure's prepare_data.py makes them: with a line break after every 76 characters.
CELLS = [base64.encodebytes(encoded(image)).decode() for image in IMAGES]
TEXTS = ["a photo of a can", "a photo of a red carton"]
LONG = "a photo of a cat " * 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip")


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    scorer = Scorer.load(folder, task="embeddings", runtime="torch", precision="fp32")
    keys = KeyRing({"primary": digest_of(KEY)})
    app, service = create_app(scorer, keys, ServerOptions(timeout_s=60))
    yield TestClient(app, headers={"Authorization": f"Bearer {KEY}"})
    service.close()


def request(*rows: list[Any]) -> dict[str, Any]:
    index = list(range(len(rows)))
    return {"input_data": {"columns": ["image", "text"], "index": index, "data": list(rows)}}


def test_azures_three_requests(client: TestClient, folder: Path) -> None:
    images, texts = embedded_by_transformers(folder, IMAGES, TEXTS)
    expected = {"image_features": images, "text_features": texts}
    for rows, keys in (
        ([[cell, ""] for cell in CELLS], ["image_features"]),
        ([["", text] for text in TEXTS], ["text_features"]),
        ([list(pair) for pair in zip(CELLS, TEXTS, strict=True)], list(expected)),
    ):
        response = client.post("/score", json=request(*rows))
        assert response.status_code == 200, response.text
        answer = response.json()
        assert [list(row) for row in answer] == [keys] * 2
        for key in keys:
            found = np.array([row[key] for row in answer])
            assert np.abs(found - expected[key]).max() < 1e-4
    lengths = np.linalg.norm(texts, axis=1)
    assert np.abs(lengths - 1).max() > 0.01, "neither is normalised"


def test_a_long_text_is_cut_as_the_processor_cuts_it(client: TestClient, folder: Path) -> None:
    _, expected = embedded_by_transformers(folder, IMAGES, [LONG, TEXTS[1]])
    answer = client.post("/score", json=request(["", LONG], ["", TEXTS[1]])).json()
    found = np.array([row["text_features"] for row in answer])
    assert np.abs(found - expected).max() < 1e-4


@pytest.mark.parametrize(
    ("rows", "row", "message"),
    [
        ([[CELLS[0], "a"], [CELLS[1], ""]], 1, "row 1 has no text, and other rows have one"),
        ([["", "a"], [CELLS[1], "b"]], 0, "row 0 has no image, and other rows have one"),
        ([["", "a"], [CELLS[1], ""]], 0, "row 0 has no image"),
        ([[CELLS[0], "a"], [CELLS[1]], [CELLS[1]]], 1, "rows 1, 2 have no text"),
        ([["", ""], ["", ""]], 0, "no row has an image or a text"),
        ([[None, None]], 0, "no row has an image or a text"),
    ],
)
def test_sides_with_gaps_are_refused(
    client: TestClient, rows: list[list[Any]], row: int, message: str
) -> None:
    response = client.post("/score", json=request(*rows))
    error = response.json()["error"]
    assert (response.status_code, error["row"]) == (400, row)
    assert message in error["message"]
    assert "an image in every row, a text in every row, or both" in error["message"]


@pytest.mark.parametrize(
    ("row", "status", "message"),
    [
        (["", 7], 400, "the text is int; expected text"),
        (["", ["a", "b"]], 400, "the text is list; expected text"),
        (["", {"a": 1}], 400, "the text is dict; expected text"),
        (["", "x" * (MAX_TEXT_CHARACTERS + 1)], 400, "20001 characters; the limit is 20000"),
        ([7, "a"], 400, "the image is int"),
        (["%%%", "a"], 422, "neither base64"),
        (["aGVsbG8=", ""], 422, "not an image"),
        (["http://10.0.0.1/a.png", ""], 422, "row 1"),
    ],
)
def test_a_bad_cell_names_its_row(
    client: TestClient, row: list[Any], status: int, message: str
) -> None:
    good = [CELLS[0] if row[0] else "", "a can" if row[1] else ""]
    response = client.post("/score", json=request(good, row))
    error = response.json()["error"]
    assert (response.status_code, error.get("row")) == (status, 1), error
    assert message in error["message"]


def test_too_many_rows(client: TestClient) -> None:
    limit = get_settings().max_request_rows
    response = client.post("/score", json=request(*[["", "a"]] * (limit + 1)))
    assert response.status_code == 413
    assert f"the limit is {limit}" in response.json()["error"]["message"]
    many = client.post("/score", json=request(*[["", f"a can {n}"] for n in range(150)]))
    assert len(many.json()) == 150


def test_texts_past_the_time_limit(folder: Path) -> None:
    scorer = Scorer.load(folder, task="embeddings", runtime="torch", precision="fp32")
    keys = KeyRing({"primary": digest_of(KEY)})
    app, service = create_app(scorer, keys, ServerOptions(timeout_s=1e-6))
    client = TestClient(app, headers={"Authorization": f"Bearer {KEY}"})
    assert client.post("/score", json=request(["", "a can"])).status_code == 408
    service.close()


def test_the_other_protocols(client: TestClient, folder: Path) -> None:
    images, texts = embedded_by_transformers(folder, IMAGES, TEXTS)
    rows = [list(pair) for pair in zip(CELLS, TEXTS, strict=True)]
    body = {"dataframe_split": {"columns": ["image", "text"], "data": rows}}
    found = client.post("/invocations", json=body).json()["predictions"]
    assert np.abs(np.array([row["image_features"] for row in found]) - images).max() < 1e-4
    assert np.abs(np.array([row["text_features"] for row in found]) - texts).max() < 1e-4
    lines = "text\n" + "\n".join(TEXTS)
    csv = client.post("/invocations", content=lines, headers={"content-type": "text/csv"})
    assert [list(row) for row in csv.json()["predictions"]] == [["text_features"]] * 2
    tensor = {"name": "text", "shape": [2], "datatype": "BYTES", "data": TEXTS}
    answer = client.post("/v2/models/model/infer", json={"inputs": [tensor]}).json()
    (output,) = answer["outputs"]
    assert (output["name"], output["shape"]) == ("text_features", [2, 24])
    assert np.abs(np.array(output["data"]).reshape(2, 24) - texts).max() < 1e-4


def test_the_document_says_that_texts_are_embedded(client: TestClient, tmp_path: Path) -> None:
    document = client.get("/swagger.json").json()
    assert document["info"]["title"] == "Image and text embeddings"
    content = document["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]
    answer = client.post("/score", json=content["schema"]["example"]).json()
    assert list(answer[0]) == ["image_features", "text_features"]
    keys = KeyRing({"primary": digest_of(KEY)})
    scorer = Scorer.load(write_checkpoint(tmp_path / "dino", "dinov2"), task="embeddings")
    app, service = create_app(scorer, keys, ServerOptions())
    images_alone = TestClient(app, headers={"Authorization": f"Bearer {KEY}"})
    shown = json.dumps(images_alone.get("/swagger.json").json())
    assert "Image embeddings" in shown
    assert "text_features" not in shown
    # A text column that is empty throughout is nothing to a model without a text tower.
    empty = images_alone.post("/score", json=request([CELLS[0], ""], ["", ""]))
    assert (empty.status_code, empty.json()["error"]["row"]) == (422, 1)
    service.close()


def test_the_text_tower_is_open_before_the_first_call(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scorer = Scorer.load(folder, task="embeddings", runtime="torch", precision="fp32", batch_size=1)
    service = ScoringService(scorer)
    warm_up(service)
    assert "text_encoder" in vars(scorer)
    service.close()
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"):
        (folder / name).unlink(missing_ok=True)
    without = Scorer.load(folder, task="embeddings", runtime="onnxruntime", batch_size=1)
    service = ScoringService(without)
    warm_up(service)
    service.close()
    assert "no tokenizer: there is neither tokenizer.json nor vocab.json" in caplog.text
    assert len(without.predict(IMAGES)) == 2


def test_many_gaps_are_counted() -> None:
    refusal = check_cells([False] * 9 + [True], [True] * 10)
    assert refusal is not None
    assert refusal.reason.startswith("rows 0, 1, 2, 3, 4 and 4 more have no image")
