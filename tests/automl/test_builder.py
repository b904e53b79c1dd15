"""AutoML jobs in Python say what the YAML says."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import tintype.automl
import tintype.automl.builder
from tintype import automl
from tintype.errors import DocumentError
from tintype.schemas.job import load_job
from tintype.sweep import BanditPolicy, Choice, RandomSampling, Uniform

YAML = """
type: automl
task: image_classification_multilabel
experiment_name: fridge
primary_metric: iou
target_column_name: label
training_data: {path: train, type: mltable}
validation_data: {path: validation, type: mltable}
limits: {max_trials: 10, max_concurrent_trials: 2, timeout_minutes: 30}
training_parameters: {early_stopping: true, evaluation_frequency: 1}
sweep:
  sampling_algorithm: {type: random, seed: 7}
  early_termination: {type: bandit, evaluation_interval: 2, slack_factor: 0.2, delay_evaluation: 6}
search_space:
  - {model_name: {type: choice, values: [vitb16r224]}, learning_rate: {type: uniform, min_value: 0.005, max_value: 0.05}}
  - {model_name: resnet50, number_of_epochs: {type: choice, values: [15, 30]}}
outputs: {best_model: {type: mlflow_model}}
"""


def test_the_builder_and_the_document_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = automl.image_classification_multilabel(
        training_data=automl.Input(path=Path("train"), type="mltable"),
        target_column_name="label",
        primary_metric=automl.ClassificationMultilabelPrimaryMetrics.IOU,
        validation_data=automl.Input(path="validation", type="mltable"),
        experiment_name="fridge",
        outputs={"best_model": {"type": "mlflow_model"}},
    )
    job.set_limits(max_concurrent_trials=2, timeout_minutes=30)
    job.set_limits(max_trials=10)
    job.set_training_parameters(early_stopping=True, evaluation_frequency=1)
    job.extend_search_space(
        automl.SearchSpace(model_name=Choice(["vitb16r224"]), learning_rate=Uniform(0.005, 0.05))
    )
    job.extend_search_space(
        [automl.SearchSpace(model_name="resnet50", number_of_epochs=Choice([15, 30]))]
    )
    job.set_sweep(
        sampling_algorithm=RandomSampling(seed=7),
        early_termination=BanditPolicy(evaluation_interval=2, slack_factor=0.2, delay_evaluation=6),
    )
    (tmp_path / "job.yml").write_text(YAML)
    assert job.document() == load_job(tmp_path / "job.yml")


def test_what_is_wrong_is_said_by_its_key() -> None:
    job = automl.image_classification(training_data=automl.Input(path="train"))
    job.set_limits(max_trials=2, max_concurrent_trials=3)
    with pytest.raises(DocumentError, match=r"limits.max_concurrent_trials: 3 is above"):
        job.document()


@pytest.mark.parametrize("module", [tintype.automl, tintype.automl.builder])
def test_examples_in_docstrings_run(module: object) -> None:
    globals_ = {"image_classification": automl.image_classification, "Input": automl.Input}
    result = doctest.testmod(module, extraglobs=globals_)  # type: ignore[arg-type]
    assert result.attempted > 0
    assert result.failed == 0
