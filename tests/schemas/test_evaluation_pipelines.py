"""Azure's pipelines around its evaluation component, as evaluation jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tintype.errors import DocumentError
from tintype.schemas.evaluation_job import EvaluationJob
from tintype.schemas.job import load_job

TEXT = """
type: pipeline
display_name: judged
experiment_name: judging
settings: {default_compute: azureml:gpu}
inputs:
  mlflow_model: {type: mlflow_model, path: azureml:photos:1}
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


def job(folder: Path, more: str = "", **config: Any) -> EvaluationJob:
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "job.yml").write_text(TEXT + more)
    read = load_job(folder / "job.yml")
    assert isinstance(read, EvaluationJob)
    return read


def test_its_inputs_are_the_jobs_keys(tmp_path: Path) -> None:
    read = job(tmp_path)
    assert (read.model, read.display_name, read.experiment_name) == (
        "azureml:photos:1",
        "judged",
        "judging",
    )
    assert read.test_data.path == str(tmp_path / "test")
    assert (read.label_column_name, read.metrics, read.threshold) == ("kind", None, None)
    assert set(read.without_effect) == {"compute_name", "device", "settings"}


def test_its_config_is_a_file_or_a_text(tmp_path: Path) -> None:
    file = "      evaluation_config: {type: uri_file, path: ./config.json}\n"
    read = job(tmp_path, file, metrics=["accuracy"], threshold=0.3)
    assert (read.metrics, read.threshold) == (["accuracy"], 0.3)
    text = """      evaluation_config_params: '{"metrics": ["log_loss"]}'\n"""
    assert job(tmp_path, text).metrics == ["log_loss"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("      evaluation_config: ./none.json\n", "none.json cannot be read"),
        ("      evaluation_config_params: 'metrics'\n", "is not JSON"),
        ("""      evaluation_config_params: '{"top": 5}'\n""", "object with metrics and threshold"),
        ("      number_of_epochs: 3\n", "job.yml:20: number_of_epochs: unknown key"),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, more: str, told: str) -> None:
    with pytest.raises(DocumentError, match=told):
        job(tmp_path, more)
