"""The studio's routes of models and endpoints, without a browser and without a daemon."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pictures import write_class_folders
from studio_models import make_model_run
from studio_runs import make_run
from studio_visitors import Visitor

from tintype.endpoints.online.metrics import GatewayMetrics
from tintype.studio.app import create_studio_app
from tintype.studio.comparing import compared
from tintype.studio.endpoint_watch import EndpointWatch
from tintype.workspace.comparisons import Comparison, ComparisonStore
from tintype.workspace.endpoints import DeploymentRecord, EndpointRecord, EndpointStore
from tintype.workspace.runs import RunStore


@pytest.fixture
def visitor(workspace_home: Path, mlflow_database: Path) -> Visitor:
    shutil.copyfile(mlflow_database, workspace_home / "mlflow.db")
    return Visitor(create_studio_app())


def endpoint_record(name: str = "photos", model: str = "a-model") -> None:
    store = EndpointStore()
    document = {"name": name, "auth_mode": "key"}
    store.save(EndpointRecord(name, document, {"primary": "", "secondary": ""}, {"blue": 100}))
    deployment = {"name": "blue", "endpoint_name": name, "model": model, "instance_count": 2}
    store.save(DeploymentRecord(name, "blue", deployment, model, provisioning_state="Succeeded"))


# Models -----------------------------------------------------------------------------------------


def test_a_model_from_its_run_to_its_archive(
    visitor: Visitor, workspace_home: Path, tmp_path: Path
) -> None:
    folder = make_model_run(workspace_home, "teach", tmp_path)
    body = {"name": "photos", "run": "teach", "description": "<b>first</b>"}
    assert visitor.ask("POST", "/models", body, status=201)["id"] == "azureml:photos:1"
    model = visitor.ask("GET", "/models/photos")
    assert model["job"] == "teach" and model["description"] == "<b>first</b>"
    assert model["labels"] == ["can", "carton", "<b id=evil>jug</b>"] and model["label_count"] == 3
    assert model["card"]["limits"] == "Knows three things." and model["missing"] is None
    (evaluation,) = model["evaluations"]
    assert evaluation["metrics"]["accuracy"] == 0.8125
    assert evaluation["intervals"]["accuracy"] == [0.7, 0.9]
    report = f"/api/jobs/{evaluation['run']}/files/content/{evaluation['report']}"
    assert "How good it is" in visitor.http.get(report).text

    archive = visitor.http.get("/api/models/photos/versions/1/archive")
    assert archive.headers["content-disposition"] == 'attachment; filename="photos-1.zip"'
    with zipfile.ZipFile(io.BytesIO(archive.content)) as files:
        assert files.testzip() is None
        weights = files.read("photos/data/model/model.safetensors")
    assert weights == (folder / "data" / "model" / "model.safetensors").read_bytes()

    # Whatever tags somebody writes: where a version is from stays known.
    described = {"description": "second", "tags": {"stage": "production"}}
    model = visitor.ask("PUT", "/models/photos/versions/1", described)
    assert model["tags"]["stage"] == "production" and model["job"] == "teach"
    assert visitor.ask("PUT", "/models/photos/versions/1/archived", {"archived": True})["archived"]
    assert visitor.ask("GET", "/models") == []
    assert [each["name"] for each in visitor.ask("GET", "/models?archived=true")] == ["photos"]

    endpoint_record(model="azureml:photos:1")
    served = visitor.ask("GET", "/models/photos")["served_by"]
    assert served == [{"endpoint": "photos", "deployment": "blue", "batch": False}]


def test_models_that_cannot_be_registered_or_found(
    visitor: Visitor, workspace_home: Path, tmp_path: Path
) -> None:
    make_model_run(workspace_home, "teach", tmp_path)
    assert "no registered model" in visitor.refusal("GET", "/models/nothing", 404)
    body = {"name": "../x", "run": "teach"}
    assert "use letters" in visitor.refusal("POST", "/models", 400, body)
    assert "either run or path" in visitor.refusal("POST", "/models", 400, {"name": "x"})
    assert "no job named" in visitor.refusal("POST", "/models", 404, {"name": "x", "run": "none"})
    assert "catalog" in visitor.refusal("GET", "/models/card?name=nothing", 404)
    visitor.ask("POST", "/models", {"name": "photos", "run": "teach"}, status=201)
    assert "no version" in visitor.refusal("GET", "/models/photos?version=7", 404)
    shutil.rmtree(workspace_home / "mlflow-artifacts")
    gone = visitor.ask("GET", "/models/photos")
    assert "its files cannot be read" in gone["missing"] and gone["labels"] == []
    visitor.refusal("GET", "/models/photos/versions/1/archive", 404)


def test_the_catalog_says_what_is_here(visitor: Visitor) -> None:
    cards = {card["name"]: card for card in visitor.ask("GET", "/models/catalog")}
    assert cards["google/vit-base-patch16-224"]["input_size"] == [224, 224]
    assert all(card["license"] and card["imported_as"] is None for card in cards.values())
    card = visitor.ask("GET", "/models/card?name=google/vit-base-patch16-224")
    assert card["card"]["limits"] and card["card"]["sample_request"]


@pytest.mark.usefixtures("no_workers")
def test_what_takes_long_is_a_job(visitor: Visitor, workspace_home: Path, tmp_path: Path) -> None:
    make_model_run(workspace_home, "teach", tmp_path)
    visitor.ask("POST", "/models", {"name": "photos", "run": "teach"}, status=201)
    run = visitor.ask("POST", "/models/photos/versions/1/export", status=201)
    document = json.loads((RunStore().path(run["name"]) / "job.json").read_text())
    assert document["inputs"] == {"model": "azureml:photos:1"} and "export" in document["command"]
    source = "--help; touch evil"
    run = visitor.ask("POST", "/models/import", {"source": source, "name": "$(x)"}, status=201)
    document = json.loads((RunStore().path(run["name"]) / "job.json").read_text())
    # Given as values, which are quoted, after what ends the options.
    assert document["inputs"] == {"source": source, "name": "$(x)"}
    assert document["command"].endswith("-- ${{inputs.source}}")


# Comparisons ------------------------------------------------------------------------------------


def answers_of(run: Any, answers: list[dict[str, Any]]) -> None:
    score = RunStore().path(f"{run}_batchscoring") / "outputs" / "score"
    score.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps({"file_name": "pictures.txt", "row": at, **one})
        for at, one in enumerate(answers)
    ]
    (score / "predictions.jsonl").write_text("\n".join(lines) + "\n")


def probabilities(*probs: float) -> dict[str, Any]:
    labels = ["cat", "dog"]
    return {"label": labels[probs.index(max(probs))], "probs": list(probs), "labels": labels}


@pytest.mark.usefixtures("no_workers")
def test_two_models_on_the_same_pictures(
    visitor: Visitor, workspace_home: Path, tmp_path: Path
) -> None:
    folder = make_model_run(workspace_home, "teach", tmp_path)
    pictures = write_class_folders(tmp_path / "pictures")
    body = {"first": str(folder), "second": "tintype/resnet-small", "data": str(pictures)}
    begun = visitor.ask("POST", "/comparisons", body, status=201)
    path = f"/comparisons/{begun['id']}"
    found = visitor.ask("GET", path)
    assert [side["run"] for side in found["sides"]] == begun["runs"] and len(found["rows"]) == 24
    assert found["rows"][0]["answers"] == [None, None]
    picture = visitor.http.get(f"/api{path}/pictures/0")
    assert picture.headers["content-type"] == "image/jpeg" and picture.content[:2] == b"\xff\xd8"
    visitor.refusal("GET", f"{path}/pictures/24", 404)
    visitor.refusal("GET", f"{path}/pictures/-1", 404)

    first, second = begun["runs"]
    answers_of(first, [probabilities(0.9, 0.1), probabilities(0.8, 0.2), {"error": "no picture"}])
    answers_of(second, [probabilities(0.7, 0.3), probabilities(0.1, 0.9), probabilities(1, 0)])
    rows = visitor.ask("GET", path)["rows"]
    assert [row["row"] for row in rows[:3]] == [1, 2, 0]
    assert rows[0]["difference"] == pytest.approx(0.7) and rows[0]["agree"] is False
    assert rows[2]["difference"] == pytest.approx(0.2) and rows[2]["agree"] is True
    assert rows[1]["answers"][0]["error"] == "no picture"

    for wrong in ({**body, "data": "/nowhere"}, {**body, "first": "/nowhere"}):
        visitor.refusal("POST", "/comparisons", 400, wrong)
    assert len(visitor.ask("GET", "/jobs")["runs"]) == 3, "nothing was started of what was refused"
    for id_ in ("nothing", "..", "a.b"):
        visitor.refusal("GET", f"/comparisons/{id_}/pictures/0", 404)


def test_embeddings_and_other_labels_do_not_upset_a_comparison(workspace_home: Path) -> None:
    store = ComparisonStore()
    store.write_pictures("a1", ["/one.png"])
    comparison = Comparison("a1", ("one", "two"), "data", ("first", "second"), ["x"])
    for name in ("first", "second"):
        make_run(workspace_home, name, type="batch")
    answers_of("first", [{"image_features": [1.0]}])
    answers_of("second", [probabilities(0.5, 0.5)])
    (row,) = compared(comparison)
    assert row["difference"] == 0 and row["answers"][0]["labels"] == []


# Endpoints --------------------------------------------------------------------------------------


def test_endpoints_without_a_daemon(visitor: Visitor) -> None:
    endpoint_record()
    assert visitor.ask("GET", "/endpoints")["daemon"] is False
    shown = visitor.ask("GET", "/endpoints/photos")
    assert shown["traffic"] == {"blue": 100} and shown["daemon"] is False
    (blue,) = shown["deployments"]
    assert blue["instance_count"] == 2 and blue["instances"] == [] and blue["scaling"] == "default"
    assert "no online endpoint 'photo'" in visitor.refusal("GET", "/endpoints/photo", 404)
    visitor.refusal("GET", "/endpoints/..%2Fruns", 404)
    visitor.refusal("GET", "/endpoints/photos/deployments/green/log", 404)
    assert visitor.ask("GET", "/endpoints/photos/deployments/blue/log") == {"text": ""}


def test_what_cannot_be_deployed_makes_no_endpoint(visitor: Visitor) -> None:
    body = {"endpoint": "photos", "model": "/nowhere"}
    assert "/nowhere" in visitor.refusal("POST", "/endpoints", 400, body)
    assert "/nowhere" in visitor.refusal("POST", "/batch-endpoints", 400, body)
    body = {"endpoint": "a b", "model": "tintype/resnet-small"}
    assert "endpoint_name" in visitor.refusal("POST", "/endpoints", 400, body)
    body = {"endpoint": "photos", "model": "tintype/resnet-small", "instances": 0}
    assert "instance_count" in visitor.refusal("POST", "/endpoints", 400, body)
    assert visitor.ask("GET", "/endpoints")["endpoints"] == []
    assert visitor.ask("GET", "/batch-endpoints") == []


@pytest.mark.usefixtures("no_workers")
def test_a_batch_endpoint_from_its_model_to_its_job(visitor: Visitor, tmp_path: Path) -> None:
    pictures = write_class_folders(tmp_path / "pictures")
    body = {"endpoint": "night", "model": "tintype/resnet-small"}
    made = visitor.ask("POST", "/batch-endpoints", body, status=201)
    assert made["default_deployment"] == "blue"
    assert "already" in visitor.refusal("POST", "/batch-endpoints", 409, body)
    run = visitor.ask("POST", "/batch-endpoints/night/invoke", {"data": str(pictures)}, status=201)
    shown = visitor.ask("GET", "/batch-endpoints/night")
    assert [job["name"] for job in shown["jobs"]] == [run["name"]]
    visitor.refusal("POST", "/batch-endpoints/night/invoke", 400, {"data": "/nowhere"})
    visitor.refusal("POST", "/batch-endpoints/day/invoke", 404, {"data": str(pictures)})
    assert visitor.ask("DELETE", "/batch-endpoints/night") == []


def test_changes_need_the_token(visitor: Visitor) -> None:
    endpoint_record()
    visitor.csrf = ""
    for method, path in (
        ("POST", "/models"),
        ("POST", "/endpoints"),
        ("DELETE", "/endpoints/photos"),
        ("POST", "/endpoints/photos/keys"),
        ("POST", "/endpoints/photos/try"),
        ("POST", "/comparisons"),
        ("POST", "/batch-endpoints"),
    ):
        assert "x-csrf-token" in visitor.refusal(method, path, 403, {})


def test_the_watch_tells_of_records_and_logs(workspace_home: Path) -> None:
    watch = EndpointWatch()
    topics = {"endpoints", "endpoint:photos", "runs"}
    endpoint_record()
    assert watch.look(topics) == {}
    assert watch.look(topics) == {}
    record = EndpointStore().deployment("photos", "blue")
    EndpointStore().save(record.changed(provisioning_state="Failed", error="why"))
    assert watch.look(topics) == {"endpoints": {"list"}, "endpoint:photos": {"record"}}
    logs = EndpointStore().folder("photos", "blue") / "logs"
    logs.mkdir()
    (logs / "1.log").write_text("answering\n")
    assert watch.look(topics) == {"endpoint:photos": {"logs"}}


def test_the_watch_tells_that_the_daemon_came(
    workspace_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = EndpointWatch()
    assert watch.look({"endpoints"}) == {}
    monkeypatch.setattr("tintype.studio.endpoint_watch.daemon_answers", lambda: True)
    assert watch.look({"endpoints"}) == {"endpoints": {"list"}}
    assert watch.look({"endpoints"}) == {}


def test_the_watch_tells_that_requests_came_and_that_no_more_do(
    workspace_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = GatewayMetrics()

    def daemon(verb: str, **_: Any) -> Any:
        return [] if verb == "list-deployments" else metrics.of_endpoint("photos")

    monkeypatch.setattr("tintype.studio.endpoint_watch.ask_daemon", daemon)
    watch = EndpointWatch()
    topics = {"endpoint:photos"}
    assert watch.look(topics) == {}
    metrics.request("other", "blue", 200, 0.02, 10)
    assert watch.look(topics) == {}
    metrics.request("photos", "blue", 200, 0.02, 10)
    metrics.request("photos", "blue", 429, 0.001, 10)
    assert watch.look(topics) == {"endpoint:photos": {"metrics"}}
    assert watch.look(topics) == {"endpoint:photos": {"metrics"}}
    assert watch.look(topics) == {}
    counted = metrics.of_endpoint("photos")
    blue = counted["deployments"]["blue"]
    assert blue["statuses"] == {"200": 1, "429": 1} and blue["seconds"] == pytest.approx(0.021)
    # Below 5 ms, below 25 ms, and all.
    assert blue["counts"][0] == 1 and blue["counts"][2] == 2 and blue["counts"][-1] == 2
    assert len(blue["counts"]) == len(counted["bounds"]) + 1
