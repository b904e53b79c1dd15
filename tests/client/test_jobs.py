"""Jobs by the verbs of azure-ai-ml: what they are called, and where downloads lie."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest
from checkpoints import write_checkpoint

from tintype.client import Client
from tintype.errors import UsageError
from tintype.jobs import submit
from tintype.jobs.run import Run
from tintype.workspace.runs import RunRecord, RunStore
from tintype.workspace.tracking import mlflow_client


def azure_job(content: dict[str, Any]) -> Any:
    """An object as azure-ai-ml's AutoML jobs are."""
    module = {"__module__": "azure.ai.ml.entities._job"}
    base = type("Job", (), dict(module))
    return type("ImageJob", (base,), {**module, "_to_dict": lambda self: content})()


@pytest.fixture
def without_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are submitted and not begun."""
    monkeypatch.setattr(submit, "_start", lambda run: run.state)


@pytest.mark.usefixtures("without_workers")
def test_azures_jobs_are_called_what_mlflow_calls_their_runs(
    tmp_path: Path, class_folders: Path
) -> None:
    client = Client()
    content = {
        "type": "automl",
        "task": "image_classification",
        "training_data": {"path": f"azureml:{class_folders}"},
        "training_parameters": {"model_name": str(write_checkpoint(tmp_path / "vit"))},
    }
    job = azure_job(content)
    run = client.jobs.create_or_update(job, experiment_name="stripes", tags={"team": "one"})
    found = mlflow_client().get_run(run.name)
    assert (found.info.run_id, run.mlflow_run_id) == (run.name, run.name)
    assert (found.info.run_name, found.data.tags["team"]) == (run.display_name, "one")
    assert (run.experiment_name, run.tags) == ("stripes", {"team": "one"})
    # The name that a job gives itself stays.
    content["name"] = "first"
    assert client.create_or_update(job).name == "first"
    # Others are called as ever.
    del content["name"]
    plain = client.jobs.create_or_update({**content, "training_data": {"path": str(class_folders)}})
    assert plain.mlflow_run_id is None
    assert plain.id == f"azureml:{plain.name}"
    assert Path(plain.studio_url.removeprefix("file://")) == RunStore().path(plain.name)
    assert plain.services["Studio"].endpoint == plain.studio_url
    with pytest.raises(UsageError, match=f"{plain.id} is there already"):
        client.create_or_update(plain)


def test_a_job_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    content = {
        "type": "automl",
        "task": "image_classification",
        "experiment_name": "nothing",
        "training_data": {"path": f"azureml:{tmp_path / 'none'}"},
    }
    with pytest.raises(UsageError, match="no such file or folder"):
        Client().jobs.create_or_update(azure_job(content))
    assert Client().jobs.list() == []
    assert mlflow_client().get_experiment_by_name("nothing") is None


def test_downloads_lie_where_azures_do(tmp_path: Path) -> None:
    run = Run.create({"type": "finetuning", "experiment_name": "e", "name": "first"})
    run.model_folder.mkdir(parents=True)
    model = run.model_folder / "MLmodel"
    model.write_text("one")
    (tmp_path / "got").mkdir()
    (tmp_path / "got" / "mine.txt").write_text("mine")
    client = Client()
    folder = client.jobs.download("first", tmp_path / "got")
    assert folder == tmp_path / "got"
    assert (folder / "artifacts/outputs/mlflow-model/MLmodel").read_text() == "one"
    model.write_text("two")
    client.jobs.download(name="first", download_path=str(folder), output_name="trained_model")
    client.jobs.download(name="first", download_path=folder, all=True)
    assert (folder / "named-outputs/trained_model/MLmodel").read_text() == "two"
    assert (folder / "artifacts/outputs/mlflow-model/MLmodel").read_text() == "two"
    assert sorted(path.name for path in folder.iterdir()) == [
        "artifacts",
        "mine.txt",
        "named-outputs",
    ]
    with pytest.raises(UsageError, match="no job named 'second'"):
        client.jobs.download("second", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_runs_outputs_by_its_id_in_mlflow() -> None:
    run = Run.create({"type": "finetuning", "experiment_name": "e", "name": "first"})
    run.update(mlflow_run_id="0123")
    store = RunStore()
    assert [store.named(name) for name in ("first", "0123")] == ["first", "first"]
    with pytest.raises(UsageError, match="no job named '4567'"):
        store.named("4567")


def test_listing_stops_where_it_is_told() -> None:
    for n in range(3):
        Run.create({"type": "finetuning", "experiment_name": "e", "name": f"n{n}"})
    listed: list[RunRecord] = Client().jobs.list(max_results=2)
    assert [run.name for run in listed] == ["n2", "n1"]


def test_a_request_is_bytes_or_a_file(tmp_path: Path) -> None:
    invoke = Client().online_endpoints.invoke
    with pytest.raises(UsageError, match="give either request_file, or the request's bytes"):
        invoke("photos")  # type: ignore[call-overload]
    with pytest.raises(UsageError, match=r"request_file .*none\.json: No such file"):
        invoke(endpoint_name="photos", request_file=tmp_path / "none.json")
    with pytest.raises(UsageError, match="SimpleNamespace given"):
        Client().online_endpoints.begin_create_or_update(types.SimpleNamespace())
