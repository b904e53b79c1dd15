"""Azure's requests for explanations, and what they must not do to others."""

from __future__ import annotations

import base64
import io
import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import write_checkpoint, write_clip
from pictures import encoded, noise
from PIL import Image
from starlette.testclient import TestClient

from tintype.endpoints.online.gateway.keys import KeyRing, digest_of
from tintype.endpoints.online.in_process import ServerOptions, create_app
from tintype.endpoints.online.instances.explaining import MOST_EXPLAINED
from tintype.errors import MissingExtraError
from tintype.explaining.explainer import Explainer
from tintype.explaining.scorer import Scorer

KEY = "a-key-of-enough-length"
CELL = base64.b64encode(encoded(noise(50, 60))).decode()


def asked(image: str = CELL, **parameters: Any) -> str:
    """A cell as Azure's documents have it."""
    return json.dumps(
        {
            "image_base64": image,
            "model_explainability": True,
            "xai_parameters": {"xai_algorithm": "guided_backprop", **parameters},
        }
    )


def body(*cells: Any, columns: tuple[str, ...] = ("image",)) -> dict[str, Any]:
    return {"input_data": {"columns": list(columns), "data": list(cells)}}


def client_of(
    source: Path, timeout_s: float = 120, **options: Any
) -> tuple[TestClient, Scorer, Any]:
    scorer = Scorer.load(source, **options)
    keys = KeyRing({"primary": digest_of(KEY)})
    app, service = create_app(scorer, keys, ServerOptions(timeout_s=timeout_s))
    client = TestClient(app, headers={"Authorization": f"Bearer {KEY}"})
    return client, scorer, service


@pytest.fixture
def classifier(model_folder: Path) -> Iterator[tuple[TestClient, Scorer]]:
    client, scorer, service = client_of(model_folder)
    yield client, scorer
    service.close()


def test_azures_request(classifier: tuple[TestClient, Scorer]) -> None:
    client, scorer = classifier
    cells = (asked(attributions=True), CELL, asked(visualizations=False, attributions=True))
    response = client.post("/score", json=body(*cells))
    assert response.status_code == 200, response.text
    both, none, numbers = response.json()
    assert list(both) == ["probs", "labels", "visualizations", "attributions"]
    assert {"probs": both["probs"], "labels": both["labels"]} == none
    assert list(numbers) == ["probs", "labels", "attributions"]
    height, width = scorer.preprocessor.input_size
    found = np.array(both["attributions"], np.float32)
    assert found.shape == (3, height, width)
    picture = Image.open(io.BytesIO(base64.b64decode(both["visualizations"])))
    # Two by two.
    assert min(picture.size) > 2 * min(height, width)
    # The same as the library says.
    own = scorer.explain([encoded(noise(50, 60))], method="guided_backprop")[0]
    assert own.attributions[0].label == none["labels"][int(np.argmax(none["probs"]))]
    np.testing.assert_allclose(found, own.attributions[0].values, atol=1e-6)


def test_the_method_left_out_is_xrai(classifier: tuple[TestClient, Scorer]) -> None:
    client, scorer = classifier
    cell = {"image_base64": CELL, "model_explainability": True}
    wanted = {"n_steps": 4, "visualizations": False, "attributions": True}
    response = client.post("/score", json=body(json.dumps({**cell, "xai_parameters": wanted})))
    own = scorer.explain([encoded(noise(50, 60))], method="xrai", n_steps=4)[0]
    found = np.array(response.json()[0]["attributions"], np.float32)
    np.testing.assert_allclose(found, own.attributions[0].values, atol=1e-6)
    # Not asked for: as ever.
    cell["model_explainability"] = False
    assert list(client.post("/score", json=body(json.dumps(cell))).json()[0]) == ["probs", "labels"]


def test_several_labels_give_lists(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "vit")
    client, _, service = client_of(source, task="image_classification_multilabel")
    with_threshold = asked(attributions=True, confidence_score_threshold_multilabel=0.0)
    nothing = asked(confidence_score_threshold_multilabel=1.0)
    all_of_them, none = client.post("/score", json=body(with_threshold, nothing)).json()
    service.close()
    labels = all_of_them["labels"]
    assert len(all_of_them["visualizations"]) == len(all_of_them["attributions"]) == len(labels)
    assert none["visualizations"] == [] and "attributions" not in none


def test_what_is_explained_is_what_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked a second time, a model may answer a little otherwise: another batch, another rounding."""
    source = write_checkpoint(tmp_path / "vit")
    client, _, service = client_of(source, task="image_classification_multilabel")
    plain = client.post("/score", json=body(CELL)).json()[0]["probs"]
    least = sorted(plain)[1]
    run = Scorer.run

    def shaken(self: Scorer, pixels: np.ndarray) -> np.ndarray:
        explaining = threading.current_thread().name.startswith("explain")
        return run(self, pixels) - (100 if explaining else 0)

    monkeypatch.setattr(Scorer, "run", shaken)
    cell = asked(confidence_score_threshold_multilabel=least)
    answer = client.post("/score", json=body(cell)).json()[0]
    service.close()
    assert len(answer["visualizations"]) == sum(share >= least for share in answer["probs"]) == 2


@pytest.mark.parametrize(
    ("task", "default"),
    [
        ("image_classification", "attention"),
        ("image_classification_multilabel", "attention"),
        ("zero_shot_image_classification", "attention"),
        ("embeddings", None),
    ],
)
def test_the_description_says_how_it_explains(
    tmp_path: Path, task: str, default: str | None
) -> None:
    zero_shot = task == "zero_shot_image_classification"
    source = write_clip(tmp_path / "clip") if zero_shot else write_checkpoint(tmp_path / "vit")
    client, _, service = client_of(source, timeout_s=7, task=task)
    described = client.get("/swagger.json").json()
    service.close()
    offered = described["info"]["x-explanations"]
    assert offered["default"] == default and offered["timeout_s"] == 7
    answer = described["paths"]["/score"]["post"]["responses"]["200"]["content"]
    kinds = answer["application/json"]["schema"]["items"]["properties"]
    if default is None:
        assert offered["methods"] == [] and "embeddings" in offered["unavailable"]
        assert "visualizations" not in kinds
        return
    assert offered["unavailable"] is None
    names = [method["name"] for method in offered["methods"]]
    assert "guided_gradcam" not in names and {"attention", "xrai", "rise"} <= set(names)
    several = task == "image_classification_multilabel"
    assert kinds["visualizations"]["type"] == ("array" if several else "string")


def test_without_the_extra(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingExtraError("explaining a model's answers", "explain")

    monkeypatch.setattr("tintype.explaining.offered.require_explain_extra", missing)
    client, _, service = client_of(model_folder)
    offered = client.get("/swagger.json").json()["info"]["x-explanations"]
    refused = client.post("/score", json=body(asked()))
    service.close()
    assert "tintype[explain]" in offered["unavailable"] and offered["default"] is None
    assert refused.status_code == 501 and "tintype[explain]" in refused.text


def test_zero_shot_by_its_labels(tmp_path: Path) -> None:
    client, _, service = client_of(
        write_clip(tmp_path / "clip"), task="zero_shot_image_classification"
    )
    cell = asked(xai_algorithm="attention", visualizations=False, attributions=True)
    request = body([cell, "a cat, a dog"], columns=("image", "text"))
    response = client.post("/score", json=request)
    service.close()
    assert response.status_code == 200, response.text
    assert list(response.json()[0]) == ["probs", "labels", "attributions"]


def test_mlflows_and_ranked_answers(classifier: tuple[TestClient, Scorer]) -> None:
    client, _ = classifier
    split = {"dataframe_split": {"columns": ["image"], "data": [[asked()]]}}
    response = client.post("/invocations", json=split)
    assert "visualizations" in response.json()["predictions"][0], response.text
    ranked = {"x-tintype-response-style": "ranked"}
    response = client.post("/score", json=body(asked()), headers=ranked)
    assert {"0", "visualizations"} <= set(response.json()[0])


@pytest.mark.parametrize(
    ("cell", "status", "told"),
    [
        (asked(n_steps=1), 400, "row 0: xai_parameters: n_steps"),
        (asked(xai_algorithm="gradcam"), 400, "xai_algorithm"),
        (asked(n_step=50), 400, "Did you mean 'n_steps'"),
        (asked(xai_algorithm="guided_gradcam"), 400, "the nearest that is valid is 'attention'"),
        (asked(visualizations=False), 400, "neither visualizations nor attributions"),
        (asked("aGVsbG8="), 422, "not an image"),
        (
            '{"image_base64": "", "model_explainability": true, "xai_parameters": 3}',
            400,
            "'xai_parameters' must be a JSON object",
        ),
        ('{"image_base64": "", "model_explainability": "yes"}', 400, "must be true or false"),
    ],
)
def test_what_is_refused(
    classifier: tuple[TestClient, Scorer], cell: str, status: int, told: str
) -> None:
    client, _ = classifier
    response = client.post("/score", json=body(cell))
    assert response.status_code == status
    assert told in response.json()["error"]["message"]
    assert client.post("/score", json=body(CELL)).status_code == 200


def test_too_much_at_once(classifier: tuple[TestClient, Scorer]) -> None:
    client, _ = classifier
    response = client.post("/score", json=body(*[asked()] * (MOST_EXPLAINED + 1)))
    assert response.status_code == 422
    assert "tintype explain" in response.json()["error"]["message"]
    listed = client.post("/score", json=body(asked()), headers={"x-tintype-response-style": "list"})
    assert listed.status_code == 400 and "styles" in listed.json()["error"]["message"]


def test_an_unreadable_row_beside_it(classifier: tuple[TestClient, Scorer]) -> None:
    client, _ = classifier
    skipped = {"x-tintype-on-row-error": "skip"}
    response = client.post("/score", json=body("aGVsbG8=", asked()), headers=skipped)
    bad, good = response.json()
    assert "error" in bad and "visualizations" in good


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has priorities of threads")
def test_explanations_make_way_for_scoring_and_scoring_does_not_for_them(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    niceness: dict[str, int] = {}
    explain, run = Explainer.explain_pixels, Scorer.run

    def note(name: str) -> None:
        niceness[name] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def explaining(self: Explainer, *given: Any, **named: Any) -> Any:
        note("explaining")
        return explain(self, *given, **named)

    def scoring(self: Scorer, pixels: np.ndarray) -> np.ndarray:
        note("scoring")
        return run(self, pixels)

    monkeypatch.setattr(Explainer, "explain_pixels", explaining)
    monkeypatch.setattr(Scorer, "run", scoring)
    client, _, service = client_of(model_folder)
    assert client.post("/score", json=body(asked())).status_code == 200
    service.close()
    # The tests themselves may run at a priority of their own.
    assert niceness["scoring"] == os.getpriority(os.PRIO_PROCESS, 0)
    assert niceness["explaining"] > niceness["scoring"] or niceness["scoring"] >= 5


def test_an_explanation_that_takes_too_long_is_given_up(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(Explainer, "explain_pixels", lambda *_, **__: go_on.wait(60))
    client, _, service = client_of(model_folder, timeout_s=5)
    response = client.post("/score", json=body(asked()))
    # Plain scoring goes on beside it.
    assert client.post("/score", json=body(CELL)).status_code == 200
    go_on.set()
    service.close()
    assert response.status_code == 408, response.text
