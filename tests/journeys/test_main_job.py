"""Whole stories through the command line and HTTP, in processes of their own."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from checkpoints import write_checkpoint
from commands import TINTYPE, run, run_alone, wait_for_log
from pictures import write_class_folders
from safetensors.torch import load_file

from tintype.cli.main import _run


@pytest.fixture
def job(tmp_path: Path) -> Path:
    write_class_folders(tmp_path / "stripes", per_class=16)
    write_checkpoint(tmp_path / "checkpoint")
    path = tmp_path / "job.yml"
    path.write_text(
        """
type: finetuning
task: image_classification
model_name: ./checkpoint
training_data: {path: stripes}
hyperparameters: {number_of_epochs: 4, learning_rate: 0.003, training_batch_size: 8}
outputs:
  registered_model: {name: stripes}
  model: {path: ./my-model}
"""
    )
    return path


def test_from_pictures_to_a_scored_request(job: Path, tmp_path: Path, workspace_home: Path) -> None:
    created = run_alone("job", "create", "--file", job, "--name", "first", "--stream")
    record = json.loads(created.stdout)
    assert (record["name"], record["status"], record["registered_model"]) == (
        "first",
        "Completed",
        "stripes:1",
    )
    assert "evaluation" in created.stderr
    outputs = workspace_home / "runs" / "first" / "outputs"
    assert (outputs / "mlflow-model" / "MLmodel").is_file()
    assert (outputs / "evaluation" / "evaluation.html").is_file()
    assert (tmp_path / "my-model" / "MLmodel").is_file()

    assert (
        run("job", "show", "-n", "first", "--query", "status", "-o", "tsv").stdout == "Completed\n"
    )
    assert json.loads(run("job", "list", "--query", "[].name").stdout) == ["first"]
    assert "first" in run("job", "list", "-o", "table").stdout
    run("job", "create", "--file", job, "--name", "first", code=2)
    run("job", "resume", "-n", "first", code=2)
    run("job", "cancel", "-n", "first", code=2)
    run("job", "download", "-n", "first", "-p", tmp_path / "down", "--all", "--output-name", "best")
    assert (tmp_path / "down" / "named-outputs" / "best" / "MLmodel").is_file()
    assert (tmp_path / "down" / "artifacts" / "outputs" / "mlflow-model" / "MLmodel").is_file()
    run("job", "archive", "-n", "first")
    assert json.loads(run("job", "list").stdout) == []
    run("job", "restore", "-n", "first")

    path = "azureml://jobs/first/outputs/artifacts/paths/outputs/mlflow-model/"
    again = json.loads(
        run("model", "create", "-n", "stripes", "-p", path, "-t", "mlflow_model").stdout
    )
    assert again["version"] == "2"
    query = run(
        "model", "show", "-n", "stripes", "--label", "latest", "--query", "version", "-o", "tsv"
    )
    assert query.stdout == "2\n"
    run("model", "archive", "-n", "stripes", "-v", "2")
    assert [m["version"] for m in json.loads(run("model", "list", "-n", "stripes").stdout)] == ["1"]
    run("model", "download", "-n", "stripes", "-v", "1", "-p", tmp_path / "models")

    images = sorted((tmp_path / "stripes" / "level").glob("*.png"))[:2]
    predicted = json.loads(
        run("predict", "-m", "azureml:stripes:1", "--picture", tmp_path / "p.png", *images).stdout
    )
    assert [set(row) for row in predicted] == [{"probs", "labels"}] * 2
    assert (tmp_path / "p.png").stat().st_size > 5000
    report = json.loads(
        run(
            "evaluate",
            "-m",
            tmp_path / "models" / "stripes",
            "-d",
            tmp_path / "stripes",
            "--output",
            tmp_path / "report",
        ).stdout
    )
    assert report["rows"] == 32
    assert json.loads((tmp_path / "report" / "metrics.json").read_text()) == report

    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{workspace_home / 'mlflow.db'}")
    (found,) = client.search_runs([client.get_experiment_by_name("tintype").experiment_id])
    assert found.info.status == "FINISHED"
    assert len(client.get_metric_history(found.info.run_id, "accuracy")) >= 4
    assert found.data.params["plan.precision"] in ("fp32", "bf16")
    assert [f.path for f in client.list_artifacts(found.info.run_id, "outputs")] == [
        "outputs/evaluation",
        "outputs/mlflow-model",
    ]
    ask_a_server(predicted, images)


def ask_a_server(predicted: list[dict[str, object]], images: list[Path]) -> None:
    key = "a-key-of-enough-length"
    server = subprocess.Popen(
        [TINTYPE, "serve", "stripes@latest", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TINTYPE_KEY": key},
    )
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        uri = line.split(" at ")[1].strip()
        cells = [base64.b64encode(image.read_bytes()).decode() for image in images]
        request = urllib.request.Request(
            uri,
            json.dumps(
                {"input_data": {"columns": ["image"], "index": [0, 1], "data": cells}}
            ).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
        )
        for _ in range(50):
            try:
                with urllib.request.urlopen(request, timeout=20) as response:
                    answer = json.load(response)
                break
            except urllib.error.URLError:
                time.sleep(0.2)
        for ours, theirs in zip(answer, predicted, strict=True):
            assert ours["labels"] == theirs["labels"]
            assert ours["probs"] == pytest.approx(theirs["probs"], abs=1e-5)
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
    finally:
        server.kill()


@pytest.mark.slow
def test_kill_minus_nine_then_resume_reaches_the_same_weights(
    job: Path, tmp_path: Path, workspace_home: Path
) -> None:
    more = ["--set", "hyperparameters.number_of_epochs=12", "--set", "outputs={}"]
    run("job", "create", "-f", job, "-n", "whole", *more, "--stream")
    created = json.loads(run("job", "create", "-f", job, "-n", "killed", *more).stdout)
    wait_for_log(workspace_home, "killed", "epoch 3")
    os.killpg(created["pid"], signal.SIGKILL)
    shown = json.loads(run("job", "show", "-n", "killed").stdout)
    assert shown["status"] == "Failed"
    assert "tintype job resume --name killed" in shown["error"]
    run("job", "stream", "-n", "killed", code=1)
    run("job", "create", "-f", job, "-n", "killed", *more, "--resume", "--stream")
    log = (workspace_home / "runs" / "killed" / "log.txt").read_text()
    assert "resumed" in log
    whole, resumed = (
        load_file(
            workspace_home / "runs" / name / "outputs/mlflow-model/data/model/model.safetensors"
        )
        for name in ("whole", "killed")
    )
    assert all(bool((whole[name] == resumed[name]).all()) for name in whole)


def test_cancel_then_resume(job: Path, workspace_home: Path) -> None:
    more = ["--set", "hyperparameters.number_of_epochs=2000", "--set", "outputs={}"]
    run("job", "create", "-f", job, "-n", "long", *more)
    wait_for_log(workspace_home, "long", "epoch 2")
    start = time.monotonic()
    assert json.loads(run("job", "cancel", "-n", "long").stdout)["status"] == "Canceled"
    assert time.monotonic() - start < 12
    run("job", "resume", "-n", "long")
    wait_for_log(workspace_home, "long", "resumed")
    run("job", "cancel", "-n", "long")
    run("job", "stream", "-n", "long")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("hyperparameters.lerning_rate=1", "Did you mean 'learning_rate'"),
        ("training_data.path=nowhere", "no such file or folder"),
        ("model_name=./nowhere", "no such folder"),
        ("task=detection", "expected 'image_classification'"),
        ("name=a/b", "name"),
        ("outputs.model.path=/proc/forbidden/model", "cannot write"),
        ("hyperparameters.optimizer=sgd", "extra_optim_args"),
    ],
)
def test_bad_input_ends_in_one_message_and_no_run(
    job: Path,
    workspace_home: Path,
    change: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = 1 if "cannot write" in message else 2
    more = ["--set", "hyperparameters.extra_optim_args=momentun=1"] if "sgd" in change else []
    result = run("job", "create", "-f", job, "--set", change, *more, code=code)
    assert message in result.stderr
    assert result.stderr.startswith("error: ")
    assert _run(["job", "list"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_bad_data_names_its_line(job: Path, tmp_path: Path) -> None:
    (tmp_path / "stripes" / "level" / "3.png").write_bytes(b"broken")
    result = run("job", "create", "-f", job, code=2)
    assert "level/3.png" in result.stderr
    assert "ignore_data_errors" in result.stderr
    checked = run("data", "check", tmp_path / "stripes", code=2)
    assert len(json.loads(checked.stdout)["unreadable_images"]) == 1


def test_an_unwritable_workspace(job: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("job", "create", "-f", job, code=1, TINTYPE_HOME=str(tmp_path / "file" / "home"))
    assert "cannot write" in result.stderr


def test_commands_that_ask_for_what_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # In this process: that the exit code reaches the shell is seen in the tests above.
    for arguments in (
        ["job", "show", "-n", "nothing"],
        ["job", "create", "-f", tmp_path / "missing.yml"],
        ["model", "show", "-n", "nothing"],
        ["predict", "-m", tmp_path / "nothing", tmp_path / "x.png"],
        ["serve", "azureml:nothing:1"],
        ["job", "list", "--query", "[["],
        ["nonsense"],
        ["job", "show"],
    ):
        assert _run([str(argument) for argument in arguments]) == 2
        said = capsys.readouterr().err
        assert said
        assert "Traceback" not in said
