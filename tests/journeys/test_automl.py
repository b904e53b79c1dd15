"""AutoML through the command line: the three steps, killed at random, canceled, misused."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import mlflow
import pytest
from checkpoints import write_checkpoint
from commands import run, wait_for_log
from pictures import encoded, striped, write_class_folders, write_jsonl_rows
from report_pages import data_of

HEAD = """
type: automl
task: image_classification
compute: azureml:gpu-cluster
primary_metric: accuracy
target_column_name: label
training_data: {path: stripes, type: mltable}
"""

MANUAL = (
    HEAD
    + """
limits: {max_trials: 5, max_concurrent_trials: 2, timeout_minutes: 20}
training_parameters: {training_batch_size: 8, early_stopping: false}
sweep:
  sampling_algorithm: random
search_space:
  - model_name: ./vit
    learning_rate: "uniform(0.01, 0.05)"
    number_of_epochs: "choice(3, 5)"
  - model_name: {type: choice, values: [./resnet]}
    optimizer: {type: choice, values: [adam, adamw]}
    learning_rate: 0.002
    number_of_epochs: 4
"""
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_class_folders(tmp_path / "stripes", per_class=20)
    write_checkpoint(tmp_path / "vit")
    write_checkpoint(tmp_path / "resnet", "resnet")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    (folder / "job.yml").write_text(text)
    return folder / "job.yml"


def sweep_of(home: Path, name: str) -> dict[str, Any]:
    """The job's sweep.json; no trials where it was killed before it wrote one."""
    path = home / "runs" / name / "sweep.json"
    content: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"trials": []}
    return content


def test_a_manual_sweep_from_document_to_served_model(folder: Path, workspace_home: Path) -> None:
    text = MANUAL + "outputs: {best_model: {type: mlflow_model, name: stripes}}\n"
    created = json.loads(run("job", "create", "-f", write(folder, text), "-n", "s", "-s").stdout)
    assert (created["status"], created["registered_model"]) == ("Completed", "stripes:1")
    best = created["best_child"]
    children = json.loads(run("job", "list", "-p", "s").stdout)
    assert [child["name"] for child in children] == ["s_HD", *(f"s_HD_{n}" for n in range(5))]
    assert {child["status"] for child in children} == {"Completed"}
    assert json.loads(run("job", "list", "--query", "[].name").stdout) == ["s"]
    accuracies = {c["name"]: c["metrics"]["accuracy"] for c in children[1:]}
    assert accuracies[best] == max(accuracies.values()) == created["metrics"]["accuracy"]
    expected = created["metrics"]["corrected_accuracy"]
    low, high = (created["metrics"][f"corrected_accuracy_{end}"] for end in ("low", "high"))
    assert low <= expected <= high
    assert expected <= accuracies[best]

    client = mlflow.MlflowClient(f"sqlite:///{workspace_home / 'mlflow.db'}")
    parent = client.get_run(created["mlflow_run_id"])
    child = client.get_run(parent.data.tags["automl_best_child_run_id"])
    assert child.info.run_name == best
    assert child.data.tags["mlflow.parentRunId"] == created["mlflow_run_id"]
    assert child.data.metrics["accuracy"] == accuracies[best]

    report = (workspace_home / "runs" / "s" / "outputs" / "report.html").read_text()
    told = data_of(report)
    assert [trial["number"] for trial in told["trials"]] == list(range(5))
    assert {trial["metric"] for trial in told["trials"]} <= {
        round(v, 4) for v in accuracies.values()
    }
    assert max(len(trial["intervals"]) for trial in told["trials"]) > 1
    assert told["metric"] == "accuracy"
    assert "BBC-CV" in told["expected"]
    assert sum(told["confusion"]["support"]) == len(told["rows"])
    assert told["pictures"]
    assert any("job download" in command for _, command in told["commands"])
    run("job", "download", "-n", "s", "--output-name", "best_model", "-p", folder / "got")
    model = folder / "got" / "named-outputs" / "best_model"
    image = next((folder / "stripes" / "level").glob("*.png"))
    assert json.loads(run("predict", "-m", model, image).stdout)[0]["labels"] == [
        "level",
        "upright",
    ]

    # Incremental training starts from what that trial had learnt.
    more = write(
        folder,
        HEAD
        + f"""
training_parameters: {{checkpoint_run_id: {best}, number_of_epochs: 1, learning_rate: 1.0e-6}}
""",
    )
    again = json.loads(run("job", "create", "-f", more, "-n", "more", "--stream").stdout)
    assert again["metrics"]["accuracy"] == pytest.approx(accuracies[best], abs=0.13)
    wrong = write(folder, HEAD + "training_parameters: {checkpoint_run_id: nothing}\n")
    assert "checkpoint_run_id: 'nothing'" in run("job", "create", "-f", wrong, code=2).stderr


@pytest.mark.slow
def test_killed_three_times_at_random_moments(folder: Path, workspace_home: Path) -> None:
    job = write(folder, MANUAL.replace("max_trials: 5", "max_trials: 4"))
    created = json.loads(run("job", "create", "-f", job, "-n", "k").stdout)
    draw = random.Random(7)
    finished: dict[int, float] = {}
    for _ in range(3):
        wait_for_log(workspace_home, "k", "training and")
        time.sleep(draw.uniform(0.5, 6))
        try:
            os.killpg(created["pid"], signal.SIGKILL)
        except ProcessLookupError:
            break
        shown = json.loads(run("job", "show", "-n", "k").stdout)
        if shown["status"] == "Completed":
            break
        assert "tintype job resume --name k" in shown["error"]
        trials = sweep_of(workspace_home, "k")["trials"]
        now = {t["number"]: t["ended"] for t in trials if t["state"] == "completed"}
        assert now.items() >= finished.items(), "a finished trial was run again"
        finished = now
        created = json.loads(run("job", "resume", "-n", "k").stdout)
    run("job", "stream", "-n", "k")
    trials = sweep_of(workspace_home, "k")["trials"]
    ended = {t["number"]: t["ended"] for t in trials if t["state"] == "completed"}
    assert sorted(ended) == [0, 1, 2, 3]
    assert ended.items() >= finished.items()
    rows = sqlite3.connect(workspace_home / "runs" / "k" / "study.db").execute(
        "select count(*) from trials"
    )
    assert rows.fetchone() == (4,)


def test_cancel_ends_within_seconds_and_a_crash_is_only_its_own(
    folder: Path, workspace_home: Path
) -> None:
    # A checkpoint that cannot be trained: its trials fail, the others do not.
    shutil.copytree(folder / "vit", folder / "broken")
    (folder / "broken" / "model.safetensors").write_bytes(b"not tensors")
    # One worker: each takes seconds to start.
    alone = MANUAL.replace("max_concurrent_trials: 2", "max_concurrent_trials: 1")
    text = alone.replace("[./resnet]", "[./broken]").replace("max_trials: 5", "max_trials: 4")
    text = text.replace("choice(3, 5)", "choice(1, 2)")
    run("job", "create", "-f", write(folder, text), "-n", "b", "--stream")
    states = [t["state"] for t in sweep_of(workspace_home, "b")["trials"]]
    assert sorted(set(states)) == ["completed", "failed"]

    endless = alone.replace("choice(3, 5)", "choice(3000, 5000)").replace(
        "epochs: 4", "epochs: 4000"
    )
    run("job", "create", "-f", write(folder, endless), "-n", "long")
    wait_for_log(workspace_home, "long_HD_0", "epoch 2")
    start = time.monotonic()
    assert json.loads(run("job", "cancel", "-n", "long").stdout)["status"] == "Canceled"
    assert time.monotonic() - start < 12
    assert "resume that" in run("job", "resume", "-n", "long_HD_0", code=2).stderr
    run("job", "resume", "-n", "long")
    try:
        wait_for_log(workspace_home, "long_HD_0", "resumed")
    finally:
        run("job", "cancel", "-n", "long")


def test_the_automatic_mode(folder: Path, workspace_home: Path) -> None:
    text = (
        HEAD
        + """
portfolio: [./vit, ./resnet]
limits: {max_trials: 3, timeout_minutes: 5}
"""
    )
    created = json.loads(run("job", "create", "-f", write(folder, text), "-n", "a", "-s").stdout)
    content = sweep_of(workspace_home, "a")
    first, *others = content["trials"]
    assert first["model"] == "heads"
    assert created["metrics"]["accuracy"] >= first["metric"]
    said = " ".join(content["notes"])
    assert "First usable model after" in said
    assert "by cross-validation" in said
    assert others == [] or "its head reached" in said
    # The job split the images itself: the best trial has gone on with those of validation.
    assert "with the images of validation, too" in said
    assert "has learnt from all images" in said
    served, further, best = (
        {
            file.name: file.read_bytes()
            for file in (workspace_home / "runs" / name / "outputs").rglob(
                "mlflow-model/**/*.safetensors"
            )
        }
        for name in ("a", "a_HD_refit", created["best_child"])
    )
    assert served == further != best
    ranking = json.loads(
        (workspace_home / "runs" / "a_HD_0" / "outputs" / "ranking.json").read_text()
    )
    assert [row["score"] for row in ranking] == sorted((r["score"] for r in ranking), reverse=True)


@pytest.mark.slow
def test_the_automatic_mode_without_any_checkpoint(folder: Path, workspace_home: Path) -> None:
    limits = "limits: {max_trials: 2, timeout_minutes: 1}\n"
    # The installed backbones are left out by name.
    job = write(folder, HEAD + limits + "portfolio: [tintype/resnet-small]\n")
    run("job", "create", "-f", job, "-n", "n", "--set", "limits.max_trials=2", "--stream")
    content = sweep_of(workspace_home, "n")
    assert content["trials"][0]["model"] == "tintype/resnet-small"
    assert "no pretrained checkpoint is at hand" in " ".join(content["notes"])


def test_multilabel_from_jsonl(folder: Path, workspace_home: Path) -> None:
    rows = []
    for number in range(30):
        kind = number % 3
        name = f"m{number}.png"
        (folder / name).write_bytes(encoded(striped(kind, number)))
        rows.append({"image_url": name, "label": [["up"], ["across"], ["up", "across"]][kind]})
    write_jsonl_rows(folder / "rows.jsonl", rows)
    text = (
        HEAD.replace("image_classification", "image_classification_multilabel")
        .replace("path: stripes, type: mltable", "path: rows.jsonl")
        .replace("primary_metric: accuracy", "primary_metric: iou")
        + """
portfolio: [./vit]
limits: {max_trials: 2, timeout_minutes: 5}
test_data_size: 0.2
"""
    )
    created = json.loads(run("job", "create", "-f", write(folder, text), "-n", "m", "-s").stdout)
    assert {"iou", "test_iou"} <= set(created["metrics"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("max_concurrent_trials: 2", "max_concurrent_trials: 9", "limits.max_concurrent_trials: 9"),
        ("algorithm: random", "algorithm: grid", "search_space.0.learning_rate: grid sampling"),
        ("./vit", "./nowhere", "./nowhere"),
        ("path: stripes", "path: nothing-here", "nothing-here"),
    ],
)
def test_what_cannot_work_is_said_at_submit(
    folder: Path, workspace_home: Path, old: str, new: str, message: str
) -> None:
    result = run("job", "create", "-f", write(folder, MANUAL.replace(old, new)), code=2)
    assert message in result.stderr
    assert not list((workspace_home / "runs").glob("*/run.json"))


def test_one_class_only_is_said_at_submit(folder: Path, workspace_home: Path) -> None:
    shutil.rmtree(folder / "stripes" / "level")
    result = run("job", "create", "-f", write(folder, MANUAL), code=2)
    assert "training needs at least 2" in result.stderr
