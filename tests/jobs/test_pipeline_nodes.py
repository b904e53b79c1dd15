"""Azure's published pipelines: what their nodes come to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tintype.errors import DocumentError
from tintype.jobs.pipeline.components import with_components
from tintype.jobs.pipeline.graph import build_graph
from tintype.jobs.pipeline.job import check
from tintype.jobs.pipeline.steps import Made
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.distributions import Choice
from tintype.schemas.evaluation_job import EvaluationJob
from tintype.schemas.finetuning_job import FinetuningJob
from tintype.schemas.job import load_job
from tintype.schemas.pipeline_job import PipelineJob
from tintype.schemas.sweep import RandomSampling

FINETUNING = """
$schema: https://example.com/pipelineJob.schema.json
type: pipeline
experiment_name: experiment
settings: {default_compute: azureml:gpu}
inputs:
  compute_finetune: gpu-cluster
  task: image-classification-multilabel
  training: {type: mltable, path: ./train}
outputs:
  trained_model: {type: mlflow_model}
jobs:
  huggingface_training:
    type: pipeline
    component: azureml://registries/azureml/components/transformers_image_classification_pipeline/labels/latest
    inputs:
      compute_model_import: cpu
      compute_finetune: ${{parent.inputs.compute_finetune}}
      model_name: microsoft/beit-base-patch16-224-pt22k-ft22k
      training_data: ${{parent.inputs.training}}
      test_data: ${{parent.inputs.training}}
      task_name: ${{parent.inputs.task}}
      number_of_epochs: 15
      precision: "32"
      apply_deepspeed: true
    outputs:
      mlflow_model_folder: ${{parent.outputs.trained_model}}
"""

AUTOML = """
type: pipeline
experiment_name: pipeline
settings: {default_compute: azureml:gpu-cluster}
inputs:
  training: {type: mltable, path: data/train}
jobs:
  classify:
    type: automl
    task: image_classification_multilabel
    primary_metric: iou
    limits: {timeout_minutes: 180}
    target_column_name: label
    training_data: ${{parent.inputs.training}}
    sweep:
      limits: {max_trials: 10, max_concurrent_trials: 2}
      sampling_algorithm: {type: Random, rule: Sobol, seed: 3}
    search_space:
      - model_name: "choice('vitb16r224')"
        learning_rate: "uniform(0.005, 0.05)"
        grad_accumulation_step: "choice(1, 2)"
    outputs:
      best_model: {type: mlflow_model}
  register:
    type: command
    component: file:./components/register.yaml
    inputs:
      model_input_path: ${{parent.jobs.classify.outputs.best_model}}
      model_base_name: fridge_items
"""

REGISTER = """
name: register
type: command
inputs: {model_input_path: {type: uri_folder}, model_base_name: {type: string}}
command: echo ${{inputs.model_input_path}} ${{inputs.model_base_name}}
"""

EVALUATION = """
type: pipeline
display_name: judged
experiment_name: judging
settings: {default_compute: azureml:gpu}
inputs:
  mlflow_model: {type: mlflow_model, path: ./model}
  column: kind
jobs:
  evaluate:
    type: pipeline
    component: azureml://registries/azureml/components/model_evaluation_pipeline/labels/latest
    inputs:
      mlflow_model: {path: "${{parent.inputs.mlflow_model}}"}
      test_data: {type: mltable, path: ./test}
      label_column_name: ${{parent.inputs.column}}
      task: image-classification
      device: gpu
      compute_name: gpu
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("train", "test", "data/train"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "MLTable").write_text("paths: []\n")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "MLmodel").write_text("")
    (tmp_path / "components").mkdir()
    (tmp_path / "components" / "register.yaml").write_text(REGISTER)
    return tmp_path


def pipeline(folder: Path, text: str) -> PipelineJob:
    (folder / "job.yml").write_text(text)
    job = load_job(folder / "job.yml")
    assert isinstance(job, PipelineJob)
    return with_components(job)


def node(folder: Path, text: str, name: str) -> Any:
    """The job that a node comes to."""

    def path(made: Made) -> str:
        return f"/made/{made.step}/{made.output}"

    return build_graph(pipeline(folder, text)).steps[name].job(path)


def test_the_fine_tuning_component_is_a_fine_tuning_job(folder: Path) -> None:
    job = node(folder, FINETUNING, "huggingface_training")
    assert isinstance(job, FinetuningJob)
    assert job.task == "image_classification_multilabel"
    assert job.model_name == "microsoft/beit-base-patch16-224-pt22k-ft22k"
    assert job.training_data.path == str(folder / "train")
    assert job.test_data is not None
    assert job.hyperparameters.number_of_epochs == 15
    assert any("compute_finetune" in notice for notice in job.notices())
    assert any("apply_deepspeed" in notice for notice in job.notices())
    graph = build_graph(pipeline(folder, FINETUNING))
    assert graph.outputs == {
        "trained_model": Made("huggingface_training", "mlflow_model_folder", "mlflow_model")
    }


def test_automls_names_make_the_component_a_trial_of_one_model(folder: Path) -> None:
    text = FINETUNING.replace("transformers_image", "image").replace("task_name", "task_type")
    text = text.replace('      precision: "32"\n      apply_deepspeed: true\n', "")
    job = node(
        folder,
        text.replace("microsoft/beit-base-patch16-224-pt22k-ft22k", "resnet18"),
        "huggingface_training",
    )
    assert isinstance(job, AutomlJob)
    assert (job.mode, job.training_parameters.model_name) == ("individual", "resnet18")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "number_of_epochs: 15",
            "number_of_epoch: 15",
            r"job.yml:23: jobs.huggingface_training.hyperparameters.number_of_epoch: unknown key. "
            "Did you mean 'number_of_epochs'",
        ),
        ("${{parent.inputs.task}}", "${{parent.inputs.tusk}}", "has no input 'tusk'"),
        ("transformers_image_classification_pipeline", "something_else", "no component that runs"),
        ("model_name: microsoft/beit-base-patch16-224-pt22k-ft22k", "", "one of model_name"),
    ],
)
def test_fine_tuning_that_cannot_run(folder: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(DocumentError, match=told):
        check(pipeline(folder, FINETUNING.replace(old, new)))


def test_an_automl_node_feeds_a_command_that_registers(folder: Path) -> None:
    job = node(folder, AUTOML, "classify")
    assert isinstance(job, AutomlJob)
    assert job.limits.max_trials == 10
    assert job.search_space is not None
    assert job.search_space[0]["gradient_accumulation_step"] == Choice([1, 2])
    assert job.sweep is not None
    assert job.sweep.sampling_algorithm == RandomSampling(rule="sobol", seed=3)
    registering = node(folder, AUTOML, "register")
    assert registering.inputs["model_input_path"].path == "/made/classify/best_model"
    assert registering.inputs["model_base_name"] == "fridge_items"


def test_a_pipeline_as_the_sdk_writes_it(folder: Path) -> None:
    """Nodes have names of their own there, and references stand below `path`."""
    text = """
type: pipeline
name: nightly
inputs: {train: {type: mltable, path: ./train}}
jobs:
  node:
    name: node
    type: automl
    task: image_classification
    target_column_name: label
    training_data: {path: "${{parent.inputs.train}}"}
    outputs: {best_model: {type: mlflow_model}}
"""
    assert pipeline(folder, text).name == "nightly"
    job = node(folder, text, "node")
    assert isinstance(job, AutomlJob)
    assert job.training_data.path == str(folder / "train")


def evaluation(folder: Path, more: str = "", **config: Any) -> EvaluationJob:
    (folder / "config.json").write_text(json.dumps(config))
    job = node(folder, EVALUATION + more, "evaluate")
    assert isinstance(job, EvaluationJob)
    return job


def test_the_evaluation_component_is_an_evaluation_job(folder: Path) -> None:
    job = evaluation(folder)
    assert job.model == str(folder / "model")
    assert job.test_data.path == str(folder / "test")
    assert (job.label_column_name, job.metrics, job.threshold) == ("kind", None, None)
    assert set(job.without_effect) == {"compute_name", "device"}


def test_its_config_is_a_file_or_a_text(folder: Path) -> None:
    file = "      evaluation_config: {type: uri_file, path: ./config.json}\n"
    job = evaluation(folder, file, metrics=["accuracy"], threshold=0.3)
    assert (job.metrics, job.threshold) == (["accuracy"], 0.3)
    text = """      evaluation_config_params: '{"metrics": ["log_loss"]}'\n"""
    assert evaluation(folder, text).metrics == ["log_loss"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("      evaluation_config: ./none.json\n", "none.json cannot be read"),
        ("      evaluation_config_params: 'metrics'\n", "is not JSON"),
        ("""      evaluation_config_params: '{"top": 5}'\n""", "object with metrics and threshold"),
        (
            "      number_of_epochs: 3\n",
            "job.yml:20: jobs.evaluate.number_of_epochs: unknown key",
        ),
    ],
)
def test_an_evaluation_that_cannot_run(folder: Path, more: str, told: str) -> None:
    with pytest.raises(DocumentError, match=told):
        check(pipeline(folder, EVALUATION + more))
