"""Pipelines that train: the sample's nodes on small pictures, in workers and by commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkpoints import write_checkpoint
from pictures import write_class_folders

from tintype.jobs import submit
from tintype.jobs.execution import execute_run
from tintype.jobs.run import Run
from tintype.jobs.submit import submit_job
from tintype.schemas.job import load_job
from tintype.tasks import Stop
from tintype.workspace.registry import list_models, resolve_model

SAMPLES = Path(__file__).parents[2] / "samples"


class Context:
    """See `TaskContext`."""

    def send(self, body: dict[str, Any]) -> None:
        raise AssertionError(body)

    def stop(self) -> Stop | None:
        return None


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What takes the place of the sample's photos and checkpoint."""

    class Worker:
        pid = None

    monkeypatch.setattr(submit, "start_worker", lambda *arguments: Worker())
    write_class_folders(tmp_path / "stripes", per_class=8)
    write_checkpoint(tmp_path / "vit", labels=("level", "upright"))
    return [
        f"inputs.training_data.path={tmp_path / 'stripes'}",
        f"inputs.test_data.path={tmp_path / 'stripes'}",
        f"jobs.train.model_name={tmp_path / 'vit'}",
        "jobs.train.hyperparameters={number_of_epochs: 1}",
        "jobs.register.inputs.least=0",
    ]


def test_the_sample_trains_evaluates_and_registers_what_is_better(small: list[str]) -> None:
    document = load_job(SAMPLES / "train-pipeline.yml", small)
    run = Run(submit_job(document).name)
    assert execute_run(run, Context()).status == "Completed", run.state.error
    model = resolve_model(f"azureml://jobs/{run.name}/outputs/trained_model")
    assert (Path(model) / "MLmodel").is_file()
    [registered] = list_models()
    assert registered.name == "clothing"
    verdict = run.sibling(f"{run.name}-register").named_outputs / "verdict"
    said = json.loads(verdict.read_text())
    assert (said["registered"], said["before"]) == (True, None)
    assert said["value"] == pytest.approx(run.state.metrics["accuracy"])
    assert registered.tags["accuracy"] == str(said["value"])
    kinds = {record.display_name: record.type for record in run.store.descendants(run.name)}
    assert kinds == {"train": "finetuning", "evaluate": "evaluation", "register": "command"}
    # The same once more costs nothing but the judgement that is another: nothing is better than itself.
    again = Run(submit_job(load_job(SAMPLES / "train-pipeline.yml", small)).name)
    assert execute_run(again, Context()).status == "Completed"
    steps = json.loads((again.folder / "graph.json").read_text())["steps"]
    assert [bool(step["reused_from"]) for step in steps] == [True, True, True]
    assert len(list_models("clothing")) == 1


def test_a_training_node_that_fails_says_why(small: list[str], tmp_path: Path) -> None:
    text = yaml.safe_load((SAMPLES / "train-pipeline.yml").read_text())
    assert text["jobs"]["train"]["type"] == "finetuning"
    document = load_job(SAMPLES / "train-pipeline.yml", small)
    run = Run(submit_job(document).name)
    for path in (tmp_path / "stripes").rglob("*.png"):
        path.write_bytes(b"no picture")
    outcome = execute_run(run, Context())
    assert outcome.status == "Failed"
    assert "Node 'train' failed: " in str(outcome.error)
    assert run.sibling(f"{run.name}-train").state.status == "Failed"
    assert not run.sibling(f"{run.name}-evaluate").exists
