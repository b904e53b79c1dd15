"""AutoML documents: Azure's shapes are read, and what cannot work is said with its place."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from tintype.errors import DocumentError
from tintype.schemas.automl_job import AutomlJob, read_automl_job
from tintype.schemas.automl_parameters import AutomlParameters
from tintype.schemas.distributions import Choice, Uniform
from tintype.schemas.document import Document
from tintype.schemas.job import load_job
from tintype.schemas.sweep import BanditPolicy

DIALLED = {"task": "image_classification", "training_data": {"path": "photos"}}

# The shape of Azure's own samples, in each dialect that they were written in over the years.
SWEEP = """
$schema: https://example.com/autoMLJob.schema.json
type: automl
experiment_name: sweep
compute: azureml:gpu-cluster
task: image_classification
log_verbosity: debug
primary_metric: accuracy
target_column_name: label
training_data: {path: data/train, type: mltable}
validation_data: {path: data/validation, type: mltable}
limits: {timeout_minutes: 60, max_trials: 10, max_concurrent_trials: 2}
training_parameters: {early_stopping: True, evaluation_frequency: 1}
sweep:
  sampling_algorithm: random
  early_termination: {type: bandit, evaluation_interval: 2, slack_factor: 0.2, delay_evaluation: 6}
search_space:
  - model_name: {type: choice, values: [vitb16r224, vits16r224]}
    learning_rate: {type: uniform, min_value: 0.001, max_value: 0.01}
    number_of_epochs: {type: choice, values: [15, 30]}
  - model_name: {type: choice, values: [seresnext, resnet50]}
    learning_rate: {type: uniform, min_value: 0.001, max_value: 0.01}
    layers_to_freeze: {type: choice, values: [0, 2]}
"""


def load(folder: Path, text: str, *overrides: str) -> AutomlJob:
    (folder / "job.yml").write_text(text)
    job = load_job(folder / "job.yml", overrides)
    assert isinstance(job, AutomlJob)
    return job


def test_a_manual_sweep_as_azure_writes_it(tmp_path: Path) -> None:
    job = load(tmp_path, SWEEP)
    assert job.mode == "manual"
    assert job.metric == "accuracy"
    assert job.training_data.path == str(tmp_path / "data" / "train")
    assert job.search_space is not None
    assert job.search_space[0]["learning_rate"] == Uniform(0.001, 0.01)
    assert job.search_space[1]["layers_to_freeze"] == Choice([0, 2])
    assert job.sweep is not None
    assert isinstance(job.sweep.early_termination, BanditPolicy)
    assert job.sweep.early_termination.slack_factor == 0.2
    assert any("compute" in notice for notice in job.notices())


def test_recipes_can_be_fixed_and_searched(tmp_path: Path) -> None:
    text = SWEEP.replace(
        "training_parameters: {early_stopping: True, evaluation_frequency: 1}",
        "training_parameters: {checkpoint_averaging: greedy, randaugment: true}",
    ).replace(
        "    layers_to_freeze: {type: choice, values: [0, 2]}",
        "    layer_wise_lr_decay: {type: uniform, min_value: 0.6, max_value: 0.9}\n"
        "    mixup_alpha: {type: choice, values: [0.0, 0.2]}\n"
        "    ema_decay: {type: uniform, min_value: 0.9, max_value: 0.99}\n"
        "    class_balance: {type: choice, values: [none, sampling]}",
    )
    job = load(tmp_path, text)
    assert job.search_space is not None
    assert job.search_space[1]["layer_wise_lr_decay"] == Uniform(0.6, 0.9)
    assert job.training_parameters.checkpoint_averaging == "greedy"
    with pytest.raises(DocumentError, match="leave it out"):
        load(tmp_path, SWEEP.replace("early_stopping: True", "loss: asymmetric"))
    with pytest.raises(DocumentError, match=r"mixup_alpha.*less than or equal to 10"):
        load(tmp_path, text.replace("values: [0.0, 0.2]", "values: [0.0, 20]"))


def test_the_older_dialect_says_the_same(tmp_path: Path) -> None:
    old = (
        SWEEP.replace("training_parameters:", "image_model:")
        .replace(
            "limits: {timeout_minutes: 60, max_trials: 10, max_concurrent_trials: 2}",
            "limits: {timeout_minutes: 60}",
        )
        .replace("sweep:\n", "sweep:\n  limits: {max_trials: 10, max_concurrent_trials: 2}\n")
        .replace(
            "{type: choice, values: [vitb16r224, vits16r224]}",
            "\"choice('vitb16r224', 'vits16r224')\"",
        )
        .replace("{type: uniform, min_value: 0.001, max_value: 0.01}", '"uniform(0.001, 0.01)"')
        .replace("{type: choice, values: [0, 2]}", '"choice(0, 2)"')
        .replace("primary_metric: accuracy", "primary_metric: Accuracy")
    )
    assert load(tmp_path, old) == load(tmp_path, SWEEP)


def test_modes_are_told_apart(tmp_path: Path) -> None:
    plain = "type: automl\ntask: image_classification\ntraining_data: data\n"
    assert load(tmp_path, plain).mode == "individual"
    assert load(tmp_path, plain, "limits.max_trials=5").mode == "automatic"
    named = load(tmp_path, plain, "limits.max_trials=5", "training_parameters.model_name=resnet18")
    assert named.mode == "individual"


def test_what_a_run_keeps_is_read_back_the_same(tmp_path: Path) -> None:
    job = load(tmp_path, SWEEP)
    kept = job.model_dump(mode="json", exclude={"schema_"}, exclude_unset=True)
    assert AutomlJob.model_validate(kept) == job.model_copy(
        update={"without_effect": (), "schema_": None}
    )


CHOICES_ONLY = SWEEP.replace(
    "{type: uniform, min_value: 0.001, max_value: 0.01}", "{type: choice, values: [0.01]}"
)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "sampling_algorithm: random",
            "sampling_algorithm: grid",
            r"job.yml:\d+: search_space.0.learning_rate: grid sampling takes choice only",
        ),
        (
            "sampling_algorithm: random",
            "sampling_algorithm: bayesian",
            r"sweep.sampling_algorithm: bayesian sampling takes one sub-space",
        ),
        (
            "slack_factor: 0.2",
            "slack_factor: 0.2, slack_amount: 0.1",
            r"job.yml:\d+: sweep.early_termination: give either slack_factor or slack_amount",
        ),
        (
            "max_concurrent_trials: 2",
            "max_concurrent_trials: 11",
            r"job.yml:\d+: limits.max_concurrent_trials: 11 is above max_trials 10",
        ),
        ("timeout_minutes: 60", "timeout_minutes: 0", r"limits.timeout_minutes"),
        (
            "log_verbosity: debug",
            "learning_rate: 0.01",
            r"job.yml:\d+: learning_rate: unknown key here. It belongs under training_parameters: "
            r"training_parameters.learning_rate",
        ),
        (
            "log_verbosity: debug",
            "max_trials: 3",
            r"job.yml:\d+: max_trials: unknown key here. It belongs under limits: limits.max_trials",
        ),
        (
            "early_stopping: True",
            "primary_metric: accuracy",
            r"job.yml:\d+: training_parameters.primary_metric: unknown key here. It belongs at the top: "
            r"primary_metric",
        ),
        (
            "log_verbosity: debug",
            "evaluation_interval: 3",
            r"It belongs under sweep.early_termination: sweep.early_termination.evaluation_interval",
        ),
        (
            "learning_rate: {type: uniform, min",
            "learning_rte: {type: uniform, min",
            r"search_space.0.learning_rte: unknown key. Did you mean 'learning_rate'",
        ),
        (
            "max_value: 0.01}\n    number",
            "max_value: 7}\n    number",
            r"search_space.0.learning_rate: 7.0 given; expected less than or equal to 1",
        ),
        ("values: [15, 30]", "values: []", r"search_space.0.number_of_epochs: choice: values"),
        ("values: [15, 30]", "values: [15, 0]", r"search_space.0.number_of_epochs: 0 given"),
        (
            "{type: choice, values: [15, 30]}",
            "{type: chioce, values: [15]}",
            "Did you mean 'choice'",
        ),
        ("primary_metric: accuracy", "primary_metric: iou", "for image_classification_multilabel"),
        ("primary_metric: accuracy", "primary_metric: accurcy", "Did you mean 'accuracy'"),
        ("{type: choice, values: [0, 2]}", '"choice(0, "', "cannot be read; write it like choice"),
        ("    layers_to_freeze:", "    checkpoint_run_id:", "cannot be searched"),
        ("truncation", "truncation", None),
    ],
)
def test_conflicts_are_said_with_their_place(
    tmp_path: Path, old: str, new: str, message: str | None
) -> None:
    if message is None:
        load(tmp_path, CHOICES_ONLY.replace("algorithm: random", "algorithm: grid"))
        return
    assert old in SWEEP
    with pytest.raises(DocumentError, match=message):
        load(tmp_path, SWEEP.replace(old, new, 1))


def test_a_search_space_needs_a_sweep_and_the_other_way_round(tmp_path: Path) -> None:
    without = SWEEP[: SWEEP.index("sweep:\n  sampling")] + SWEEP[SWEEP.index("search_space:") :]
    with pytest.raises(DocumentError, match=r"search_space: needs sweep"):
        load(tmp_path, without)
    with pytest.raises(DocumentError, match=r"sweep: needs a search_space"):
        load(tmp_path, SWEEP[: SWEEP.index("search_space:")])


@pytest.mark.parametrize(
    ("model", "task", "rate", "batch"),
    [
        ("vitb16r224", "image_classification", 0.0125, 48),
        ("vitl16r224", "image_classification_multilabel", 0.002, 10),
        ("resnet50", "image_classification", 0.01, 78),
        ("mobilenetv2", "image_classification_multilabel", 0.035, 78),
    ],
)
def test_own_models_train_by_azures_defaults(
    model: str, task: str, rate: float, batch: int
) -> None:
    found = AutomlParameters(model_name=model).to_finetuning(
        task,  # type: ignore[arg-type]
        metric="accuracy" if task == "image_classification" else "iou",
        validation_data_size=0.2,
    )
    assert (found.learning_rate, found.training_batch_size) == (rate, batch)
    assert (found.optimizer, found.momentum, found.nesterov) == ("sgd", 0.9, True)
    assert (found.number_of_epochs, found.weight_decay) == (15, 1e-4)
    assert found.learning_rate_scheduler == "warmup_cosine"
    assert math.isclose(found.warmup_cosine_lr_cycles, 0.45)
    assert (found.early_stopping, found.early_stopping_patience) == (True, 5)


def test_other_checkpoints_keep_our_defaults() -> None:
    found = AutomlParameters(model_name="google/vit-base-patch16-224").to_finetuning(
        "image_classification", metric="accuracy", validation_data_size=0.2
    )
    assert found.learning_rate is None
    assert found.optimizer is None


@pytest.mark.parametrize(
    ("budget", "seconds"),
    [
        ("5m", 300),
        ("90s", 90),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("PT5M", 300),
        (45, 45),
        ("2 min", 120),
    ],
)
def test_a_budget_is_for_the_whole_job_and_makes_the_sweep_automatic(
    budget: str | int, seconds: int, tmp_path: Path
) -> None:
    job = read_automl_job(Document({**DIALLED, "budget": budget}), tmp_path)
    assert (job.seconds, job.mode, job.most_trials) == (seconds, "automatic", 1000)


def test_a_quality_makes_the_sweep_automatic_and_trials_still_bound_it(tmp_path: Path) -> None:
    given = {**DIALLED, "quality": "good", "limits": {"max_trials": 4, "timeout_minutes": 7}}
    job = read_automl_job(Document(given), tmp_path)
    assert (job.mode, job.most_trials, job.seconds) == ("automatic", 4, 420)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"budget": "soon"}, "expected a time such as 90s, 5m"),
        ({"budget": 5}, "greater than or equal to 30"),
        ({"quality": "bst"}, "Did you mean 'best'"),
        ({"budget": "5m", "quality": "best"}, "keep one"),
        (
            {"budget": "5m", "limits": {"timeout_minutes": 5}},
            "limits.timeout_minutes given; keep one",
        ),
        (
            {"budget": "5m", "training_parameters": {"model_name": "vitb16r224"}},
            "is for automatic sweeps",
        ),
    ],
)
def test_dials_that_cannot_be(more: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=re.escape(said)):
        read_automl_job(Document({**DIALLED, **more}), tmp_path)
