"""Pipelines that train: the sample's nodes on small pictures, in workers and by commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from checkpoints import write_checkpoint
from in_process import Context
from pictures import write_class_folders

from tintype.jobs.execution import execute_run
from tintype.jobs.run import Run
from tintype.jobs.submit import submit_job
from tintype.schemas.job import load_job
from tintype.workspace.registry import list_models, resolve_model

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture
def small(tmp_path: Path, no_workers: None) -> list[str]:
    """What takes the place of the sample's photos and checkpoint."""
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
    assert "Node 'train' (" in str(outcome.error)
    assert "jobs.train) failed: " in str(outcome.error)
    assert run.sibling(f"{run.name}-train").state.status == "Failed"
    assert not run.sibling(f"{run.name}-evaluate").exists


# As scripts of Azure's samples register what an AutoML node made.
AZURES_SCRIPT = """
import argparse, os
from azureml.core import Run
import mlflow

parser = argparse.ArgumentParser()
parser.add_argument("--model")
parser.add_argument("--name")
given = parser.parse_args()
experiment = Run.get_context().experiment
mlflow.set_tracking_uri(experiment.workspace.get_mlflow_tracking_uri())
mlflow.set_experiment(experiment.name)
with open(os.path.join(given.model, "MLmodel")) as file:
    [run_id] = [line.split(":")[1].strip() for line in file if line.startswith("run_id")]
mlflow.register_model(f"runs:/{run_id}/outputs/mlflow-model", given.name)
Run.get_context().log("registered", 1)
"""


def test_a_script_of_azures_registers_by_the_run_that_made_the_model(
    small: list[str], tmp_path: Path
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "register.py").write_text(AZURES_SCRIPT)
    document = yaml.safe_load((SAMPLES / "train-pipeline.yml").read_text())
    del document["jobs"]["evaluate"]
    document["jobs"]["register"] = {
        "type": "command",
        "code": "src",
        "command": "python register.py --model ${{inputs.model}} --name azures",
        "inputs": {"model": "${{parent.jobs.train.outputs.best_model}}"},
    }
    (tmp_path / "job.yml").write_text(yaml.safe_dump(document))
    overrides = [each for each in small if "least" not in each and "test_data" not in each]
    data = f"inputs.test_data.path={tmp_path / 'stripes'}"
    run = Run(submit_job(load_job(tmp_path / "job.yml", [*overrides, data])).name)
    assert execute_run(run, Context()).status == "Completed", run.state.error
    assert [model.name for model in list_models()] == ["azures"]
    assert run.sibling(f"{run.name}-register").state.metrics == {"registered": 1.0}
    assert Path(resolve_model("azureml:azures:1"), "MLmodel").is_file()


REGISTRY = """
type: pipeline
inputs:
  data: {type: uri_folder, path: DATA}
outputs:
  model: {type: custom_model}
jobs:
  selector:
    component: azureml://registries/azureml/components/image_framework_selector/labels/latest
    inputs: {task_type: image-classification, model_name: a/b}
  imported:
    component: azureml://registries/azureml/components/transformers_image_classification_model_import/labels/latest
    inputs: {model_name: MODEL}
  finetune:
    component: azureml://registries/azureml/components/transformers_image_classification_finetune/labels/latest
    inputs:
      model_path: ${{parent.jobs.imported.outputs.output_dir}}
      training_data: ${{parent.inputs.data}}
      task_name: image-classification
      number_of_epochs: 1
  select:
    component: azureml://registries/azureml/components/image_model_output_selector/labels/latest
    inputs:
      mlflow_model_f: ${{parent.jobs.finetune.outputs.mlflow_model_folder}}
      pytorch_model_f: ${{parent.jobs.finetune.outputs.pytorch_model_folder}}
      condition: ${{parent.jobs.selector.outputs.output}}
    outputs: {pytorch_model_folder: "${{parent.outputs.model}}"}
  predict:
    component: azureml://registries/azureml/components/model_prediction/labels/latest
    inputs:
      task: image-classification
      test_data: ${{parent.inputs.data}}
      mlflow_model: ${{parent.jobs.select.outputs.mlflow_model_folder}}
  metrics:
    component: azureml://registries/azureml/components/compute_metrics/labels/latest
    inputs:
      task: image-classification
      ground_truth: ${{parent.jobs.predict.outputs.ground_truth}}
      prediction: ${{parent.jobs.predict.outputs.predictions}}
      prediction_probabilities: ${{parent.jobs.predict.outputs.prediction_probabilities}}
      evaluation_config_params: '{"metrics": ["accuracy", "log_loss"]}'
"""


def test_the_registrys_steps_in_one_graph(small: list[str], tmp_path: Path) -> None:
    text = REGISTRY.replace("DATA", str(tmp_path / "stripes")).replace(
        "MODEL", str(tmp_path / "vit")
    )
    (tmp_path / "job.yml").write_text(text)
    run = Run(submit_job(load_job(tmp_path / "job.yml")).name)
    assert execute_run(run, Context()).status == "Completed", run.state.error
    assert (run.named_outputs / "model" / "config.json").is_file()
    made = run.sibling(f"{run.name}-predict").named_outputs
    rows = [json.loads(line) for line in (made / "predictions").read_text().splitlines()]
    truth = [json.loads(line) for line in (made / "ground_truth").read_text().splitlines()]
    probabilities = [
        json.loads(line) for line in (made / "prediction_probabilities").read_text().splitlines()
    ]
    assert len(rows) == len(truth) == len(probabilities) == 16
    assert {row["label"] for row in truth} == {"level", "upright"}
    assert sum(probabilities[0].values()) == pytest.approx(1, abs=1e-4)
    assert json.loads((made / "performance_metadata").read_text())["time_taken_ms"] > 0
    right = sum(a["predictions"] == b["label"] for a, b in zip(rows, truth, strict=True))
    metrics = run.sibling(f"{run.name}-metrics").state.metrics
    assert metrics["accuracy"] == pytest.approx(right / 16)
    assert set(metrics) == {"accuracy", "log_loss"}
