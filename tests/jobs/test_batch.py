"""Batch jobs that explain answers: refused with the place in the document, run, downloaded, by way of endpoints."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from batches import write_pictures
from checkpoints import write_checkpoint
from conftest import Command
from in_process import Listener

from tintype.client import Client
from tintype.jobs.execution import Outcome, execute_run
from tintype.jobs.run import Run

pytestmark = pytest.mark.usefixtures("no_workers")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "in", 5)


def write_job(folder: Path, model: Path, explain: Any, **more: Any) -> Path:
    path = folder / "job.yml"
    document = {"type": "batch", "model": str(model), "input": "./in", "explain": explain, **more}
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


def executed(name: str) -> Outcome:
    return execute_run(Run(name), Listener())


def test_a_job_explains_and_is_downloaded(
    tmp_path: Path, model_folder: Path, source: Path, command: Command
) -> None:
    job = write_job(tmp_path, model_folder, {"method": "attention", "rows": 3})
    name = command("job", "create", "--file", job)["name"]
    assert executed(name).status == "Completed"
    command("job", "download", "--name", name, "--download-path", tmp_path)
    folder = tmp_path / "named-outputs" / "score"
    index = [json.loads(line) for line in (folder / "explanations" / "index.jsonl").open()]
    assert [row["file_name"] for row in index] == ["000.png", "002.png", "004.png"]
    assert all((folder / "explanations" / row["picture"]).is_file() for row in index)
    assert (folder / "predictions.csv").read_text().count("\n") == 5


@pytest.mark.parametrize(
    ("explain", "told"),
    [
        ({"method": "guided_gradcam"}, "job.yml:5: explain.method: .*'attention'"),
        ({"rows": 3, "target": "cann"}, r"job.yml:6: explain.target: .*Did you mean 'can'"),
        ({"method": "gradcam"}, "job.yml:5: explain.method: 'gradcam' given"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place(
    tmp_path: Path, model_folder: Path, source: Path, command: Command, explain: Any, told: str
) -> None:
    said = command("job", "create", "--file", write_job(tmp_path, model_folder, explain), code=2)
    assert re.search(told, said), said
    assert command("job", "list") == []


def test_embeddings_are_refused(tmp_path: Path, source: Path, command: Command) -> None:
    model = write_checkpoint(tmp_path / "model", "dinov2")
    job = write_job(tmp_path, model, True, scoring={"task": "embeddings"})
    said = command("job", "validate", "--file", job, code=2)
    assert "job.yml:4: explain: embeddings have no labels" in said


def test_without_the_extra_the_line_to_type_is_told(
    tmp_path: Path,
    model_folder: Path,
    source: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tintype.explaining.methods.importlib.util.find_spec", lambda name: None)
    said = command("job", "validate", "--file", write_job(tmp_path, model_folder, True), code=2)
    assert "job.yml:4: explain: " in said and "pip install 'tintype[explain]'" in said


def test_a_model_of_the_hub_is_checked_by_its_card(
    tmp_path: Path, source: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tintype.jobs.batch.check_obtainable", lambda model: None)
    job = write_job(tmp_path, Path("google/vit-base-patch16-224"), "guided_gradcam")
    job.write_text(job.read_text().replace(str(tmp_path), ""))
    said = command("job", "validate", "--file", job, code=2)
    assert "'google/vit-base-patch16-224' is a vit" in said


def test_a_deployment_explains(
    tmp_path: Path, model_folder: Path, source: Path, command: Command
) -> None:
    command("batch-endpoint", "create", "--name", "photos")
    document = {"name": "demo", "endpoint_name": "photos", "model": str(model_folder)}
    deployment = tmp_path / "deployment.yml"
    deployment.write_text(yaml.safe_dump({**document, "explain": "guided_gradcam"}))
    arguments = ("batch-deployment", "create", "--file", deployment, "--set-default")
    said = command(*arguments, code=2)
    assert "explain.method: method 'guided_gradcam' is for convolutional networks" in said
    shown = command(*arguments, "--set", "explain={method: attention, rows: 2}")
    assert (shown["explain"]["method"], shown["explain"]["rows"]) == ("attention", 2)
    out = tmp_path / "out"
    run = Client().batch_endpoints.invoke("photos", input=str(source), output_path=out)
    assert executed(run.name).status == "Completed"
    assert len((out / "explanations" / "index.jsonl").read_text().splitlines()) == 2
    # One invocation may do without.
    run = Client().batch_endpoints.invoke("photos", input=str(source), overrides=["explain=false"])
    assert executed(run.name).status == "Completed"
    assert not list(Run(run.name).folder.parent.rglob("explanations"))
