"""Zero-shot classification and embeddings over HTTP, in Azure's requests and answers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
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
KEYS = KeyRing({"primary": digest_of(KEY)})
IMAGES = [encoded(noise(50, 60, seed=n)) for n in range(3)]
CELLS = [base64.b64encode(image).decode() for image in IMAGES]
Serve = Callable[[Scorer], TestClient]


@pytest.fixture
def serve() -> Iterator[Serve]:
    services = []

    def start(scorer: Scorer) -> TestClient:
        # On a busy machine the first call takes longer than the five seconds that are the default.
        app, service = create_app(scorer, KEYS, ServerOptions(timeout_s=60))
        services.append(service)
        return TestClient(app, headers={"Authorization": f"Bearer {KEY}"})

    yield start
    for service in services:
        service.close()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip")


def columns(*rows: list[Any]) -> dict[str, Any]:
    return {"input_data": {"columns": ["image", "text"], "data": list(rows)}}


@pytest.mark.parametrize(
    ("body", "labels"),
    [
        (columns([CELLS[0], "a cat, red dog"], [CELLS[1], ""]), ["a cat", "red dog"]),
        (columns([CELLS[0], "a cat, red dog"], [CELLS[1]]), ["a cat", "red dog"]),
        (
            columns([CELLS[0], "a cat,red dog"], [CELLS[1], "ignored, as Azure does"]),
            ["a cat", "red dog"],
        ),
        (columns([CELLS[0], ["a cat, red", "dog"]], [CELLS[1], None]), ["a cat, red", "dog"]),
        (columns([CELLS[0], '["a cat, red", "dog"]'], [CELLS[1]]), ["a cat, red", "dog"]),
        (
            {
                "input_data": {
                    "columns": ["text", "image"],
                    "index": [0, 1],
                    "data": [["a cat, dog", CELLS[0]], [None, CELLS[1]]],
                }
            },
            ["a cat", "dog"],
        ),
        (
            {"input_data": [{"image": CELLS[0], "text": "cat, dog"}, {"image": CELLS[1]}]},
            ["cat", "dog"],
        ),
    ],
)
def test_labels_come_from_the_first_row(
    serve: Serve, clip: Path, body: dict[str, Any], labels: list[str]
) -> None:
    scorer = Scorer.load(clip)
    response = serve(scorer).post("/score", json=body)
    assert response.status_code == 200, response.text
    expected = scorer.predict(IMAGES[:2], labels=labels)
    assert response.json() == [
        {"probs": pytest.approx(p.probs.tolist(), abs=1e-5), "labels": labels} for p in expected
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (columns([CELLS[0]]), "needs labels"),
        (columns([CELLS[0], " , "]), "separated by commas"),
        (columns([CELLS[0], 7]), "the text is int"),
        (columns([CELLS[0], [1, 2]]), "must be text"),
        (columns([CELLS[0], ",".join(["x"] * 5000)]), "the limit is 1000"),
        (columns([CELLS[0], "word " * 60]), "reads at most"),
    ],
)
def test_labels_that_are_refused(
    serve: Serve, clip: Path, body: dict[str, Any], message: str
) -> None:
    response = serve(Scorer.load(clip)).post("/score", json=body)
    assert response.status_code == 400
    assert message in response.json()["error"]["message"]


def test_labels_may_be_fixed_when_serving(serve: Serve, clip: Path) -> None:
    client = serve(Scorer.load(clip, labels=["a cat", "a dog"], prompt="photo of {}"))
    for response in (
        client.post("/score", json={"input_data": CELLS[:1]}),
        client.post("/score", content=IMAGES[0], headers={"content-type": "image/png"}),
    ):
        assert response.json()[0]["labels"] == ["a cat", "a dog"]
    style = {"x-tintype-response-style": "list"}
    answer = client.post("/score", json={"input_data": CELLS[:1]}, headers=style).json()
    assert {entry["label"] for entry in answer[0]} == {"a cat", "a dog"}


def test_image_embeddings(serve: Serve, tmp_path: Path) -> None:
    scorer = Scorer.load(write_checkpoint(tmp_path, "dinov2"), task="embeddings")
    client = serve(scorer)
    expected = scorer.predict(IMAGES)
    response = client.post("/score", json={"input_data": {"columns": ["image"], "data": CELLS}})
    assert response.json() == [
        {"image_features": pytest.approx(e.features.tolist(), abs=1e-5)} for e in expected
    ]
    refused = client.post("/score", json=columns(["", "only a text"]))
    assert refused.status_code == 400
    assert "no text tower" in refused.json()["error"]["message"]
    broken = client.post("/score", json={"input_data": [CELLS[0], "%%%"]})
    assert (broken.status_code, broken.json()["error"]["row"]) == (422, 1)


def test_clip_embeds_images_texts_or_both(serve: Serve, clip: Path) -> None:
    scorer = Scorer.load(clip, task="embeddings")
    client = serve(scorer)
    images = [e.features for e in scorer.predict(IMAGES[:2])]
    texts = scorer.embed_texts(["a cat", "a dog"])

    def same(answer: list[dict[str, list[float]]], key: str, rows: Any) -> None:
        found = np.array([row[key] for row in answer])
        assert np.abs(found - np.stack(rows)).max() < 1e-5

    both = client.post("/score", json=columns([CELLS[0], "a cat"], [CELLS[1], "a dog"])).json()
    same(both, "image_features", images)
    same(both, "text_features", texts)
    only = client.post("/score", json=columns(["", "a cat"], ["", "a dog"])).json()
    assert set(only[0]) == {"text_features"}
    same(only, "text_features", texts)
    text_column = {"input_data": {"columns": ["text"], "data": [["a cat"], ["a dog"]]}}
    same(client.post("/score", json=text_column).json(), "text_features", texts)
    image_column = {"input_data": {"columns": ["image"], "data": CELLS[:2]}}
    same(client.post("/score", json=image_column).json(), "image_features", images)
    mixed = client.post("/score", json=columns([CELLS[0], "a cat"], ["", "a dog"]))
    assert mixed.status_code == 400


@pytest.mark.parametrize("task", ["zero_shot_image_classification", "embeddings"])
def test_the_document_describes_the_task(serve: Serve, clip: Path, task: str) -> None:
    client = serve(Scorer.load(clip, task=task))
    document = client.get("/swagger.json").json()
    assert document["info"]["x-task"] == task
    content = document["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]
    response = client.post("/score", json=content["schema"]["example"])
    assert response.status_code == 200, response.text
    assert client.get("/health/ready").status_code == 200
