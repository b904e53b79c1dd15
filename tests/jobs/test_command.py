"""Command lines of users' own: what they are given, what is kept of them, how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml
from in_process import Context

from tintype.errors import DocumentError, UsageError
from tintype.jobs.execution import Outcome, execute_run
from tintype.jobs.run import Run
from tintype.jobs.submit import submit_job
from tintype.schemas.job import load_job
from tintype.workspace.data_assets import DataAssetStore, resolve_data

pytestmark = pytest.mark.usefixtures("no_workers")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "count.py").write_text(
        "import argparse, os, pathlib\n"
        "parser = argparse.ArgumentParser()\n"
        "for name in ('--data', '--out', '--note', '--seed'):\n"
        "    parser.add_argument(name)\n"
        "args = parser.parse_args()\n"
        "count = len(list(pathlib.Path(args.data).iterdir()))\n"
        "pathlib.Path(args.out, 'count.txt').write_text(f'{count} {args.note} {args.seed}')\n"
        "pathlib.Path('outputs/log.txt').write_text(os.environ['GIVEN'])\n"
        "print('counted', count)\n"
    )
    (tmp_path / "pictures").mkdir()
    for name in "abc":
        (tmp_path / "pictures" / name).write_text(name)
    return tmp_path


COUNT: dict[str, Any] = {
    "type": "command",
    "command": (
        "python count.py --data ${{inputs.data}} --out ${{outputs.counted}} "
        '--note "${{inputs.note}}" $[[--seed ${{inputs.seed}}]]'
    ),
    "code": "src",
    "inputs": {"data": {"type": "uri_folder", "path": "pictures"}, "note": "it's $(touch evil)"},
    "outputs": {"counted": {"type": "uri_folder"}},
    "environment_variables": {"GIVEN": 7},
}


def submitted(folder: Path, **document: Any) -> Run:
    path = folder / "job.yml"
    path.write_text(yaml.safe_dump(document))
    return Run(submit_job(load_job(path)).name)


def command(line: str, **more: Any) -> dict[str, Any]:
    return {"type": "command", "command": line, **more}


def test_it_runs_in_a_copy_of_its_code_and_its_outputs_are_kept(
    folder: Path, workspace_home: Path
) -> None:
    run = submitted(folder, **COUNT)
    # What it runs is what there was when it was submitted.
    (folder / "src" / "count.py").write_text("raise SystemExit(9)")
    assert execute_run(run, Context()).status == "Completed"
    counted = run.named_outputs / "counted" / "count.txt"
    assert counted.read_text() == "3 it's $(touch evil) None"
    assert not list(workspace_home.rglob("evil"))
    assert (run.outputs / "log.txt").read_text() == "7"
    assert "counted 3" in run.log.read_text()
    assert run.state.outputs["counted"] == "counted/paths"
    found = resolve_data(f"azureml://jobs/{run.name}/outputs/counted/paths/count.txt")
    assert Path(found) == counted
    with pytest.raises(UsageError, match="leaves the job's outputs"):
        resolve_data(f"azureml://jobs/{run.name}/outputs/counted/paths/../../run.json")
    given = submitted(folder, **{**COUNT, "inputs": {**COUNT["inputs"], "seed": 5}})
    assert "exit code 9" in str(execute_run(given, Context()).error)


def test_it_is_given_what_it_was_given_and_no_keys(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("TINTYPE_TRACKING_URI", "http://user:secret@localhost:1")
    from tintype.jobs.command.environment import variables_for

    variables = variables_for(Path(sys.executable), {"MINE": "1"})
    assert "secret" not in str(variables)
    assert variables["MLFLOW_TRACKING_URI"] == "http://localhost:1"
    assert variables["MINE"] == "1"
    assert variables["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


def test_its_variables_are_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "MY_PASSWORD", "TINTYPE_LABELLING_DATABASE"):
        monkeypatch.setenv(name, "hush")
    run = submitted(folder, **command("env", environment_variables={"GIVEN": 7}))
    assert execute_run(run, Context()).status == "Completed"
    said = dict(line.split("=", 1) for line in run.log.read_text().splitlines() if "=" in line)
    assert said["GIVEN"] == "7"
    assert said["AZUREML_RUN_ID"] == run.name
    assert "hush" not in run.log.read_text()


def test_what_it_logs_by_mlflow_is_the_runs(folder: Path, workspace_home: Path) -> None:
    line = (
        'python -c "import mlflow, os; '
        "mlflow.MlflowClient().log_metric(os.environ['MLFLOW_RUN_ID'], 'kept', 0.5)\""
    )
    run = submitted(folder, **command(line, inputs={"rate": 0.1}))
    assert execute_run(run, Context()).status == "Completed"
    assert run.state.metrics == {"kept": 0.5}
    client = mlflow.MlflowClient(f"sqlite:///{workspace_home / 'mlflow.db'}")
    data = client.get_run(run.state.mlflow_run_id).data
    assert (data.params["rate"], data.metrics["kept"]) == ("0.1", 0.5)


def test_a_failure_tells_the_last_lines_the_log_and_the_code(folder: Path) -> None:
    run = submitted(folder, **command("seq 100; echo the reason >&2; exit 3"))
    outcome = execute_run(run, Context())
    assert (outcome.status, outcome.exit_code) == ("Failed", 1)
    error = str(run.state.error)
    assert "exit code 3" in error
    assert str(run.log) in error
    assert error.splitlines()[-1] == "the reason"
    assert "\n80\n" not in error
    slow = submitted(folder, **command("sleep 30", limits={"timeout": 0.3}))
    assert "longer than its 0.3 seconds" in str(execute_run(slow, Context()).error)
    missing = submitted(folder, **command("true", outputs={"table": {"type": "uri_file"}}))
    assert "did not write its output 'table'" in str(execute_run(missing, Context()).error)


def test_it_ends_within_seconds_with_all_it_started(folder: Path) -> None:
    run = submitted(folder, **command("sleep 98765 & echo $! > outputs/pid; wait"))
    started = time.monotonic()
    assert execute_run(run, Context(after=0.5)) == Outcome("Canceled")
    assert time.monotonic() - started < 5
    pid = int((run.outputs / "pid").read_text())
    for _ in range(50):
        if not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.1)
    assert not Path(f"/proc/{pid}").exists()


def test_nothing_is_left_when_its_worker_is_killed(folder: Path) -> None:
    run = submitted(folder, **command("sleep 98765 & echo $! > outputs/pid; wait"))
    worker = subprocess.Popen([sys.executable, "-m", "tintype.jobs.worker", run.name])
    try:
        for _ in range(600):
            if (run.outputs / "pid").exists() and (run.outputs / "pid").read_text():
                break
            time.sleep(0.05)
        pid = int((run.outputs / "pid").read_text())
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()


def test_outputs_are_copied_and_registered(folder: Path) -> None:
    outputs = {
        "one": {"type": "uri_file", "path": "made/one.txt"},
        "many": {"type": "uri_folder", "name": "lines", "version": 3},
    }
    line = "echo 1 > ${{outputs.one}}; echo 2 > ${{outputs.many}}/two.txt"
    run = submitted(folder, **command(line, outputs=outputs))
    assert execute_run(run, Context()).status == "Completed"
    assert (folder / "made" / "one.txt").read_text() == "1\n"
    asset = DataAssetStore().get("lines", "3")
    assert Path(asset.path, "two.txt").read_text() == "2\n"
    # And the asset feeds another.
    after = command(
        "cat ${{inputs.x}}/two.txt > ${{outputs.y}}",
        inputs={"x": {"type": "uri_folder", "path": "azureml:lines@latest"}},
        outputs={"y": {"type": "uri_file"}},
    )
    second = submitted(folder, **after)
    assert execute_run(second, Context()).status == "Completed"
    assert (second.named_outputs / "y").read_text() == "2\n"


def test_an_environment_is_a_python_of_ones_own(folder: Path, command: Any) -> None:
    python = folder / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "another python" "$@"\n')
    python.chmod(0o755)
    made = command("environment", "create", "-n", "mine", "--python", folder / "venv")
    assert made["python"] == str(folder / "venv")
    document = {"type": "command", "command": "python x", "environment": "azureml:mine@latest"}
    run = submitted(folder, **document)
    assert execute_run(run, Context()).status == "Completed"
    assert "another python x" in run.log.read_text()
    curated = submitted(folder, **{**document, "environment": "azureml:AzureML-sklearn-1.5:1"})
    execute_run(curated, Context())
    assert "means Tintype's own Python here" in curated.log.read_text()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"command": "echo ${{inputs.absent}}"}, "the input 'absent' has no value"),
        ({"command": "echo ${{outputs.absent}}"}, "there is no output 'absent'"),
        ({"command": "echo ${{parent.inputs.data}}"}, "name it as an input of the node"),
        ({"outputs": {"../out": {}}}, r"outputs: the name '../out': use letters"),
        ({"comand": "x"}, "Did you mean 'command'"),
        ({"code": "gone"}, r"job.yml:\d+: code: the code folder .*gone does not exist"),
        (
            {"environment": "azureml:none@latest"},
            r"job.yml:\d+: environment: there is no environment",
        ),
        ({"environment": "none"}, r"environment: environment 'none' given; expected azureml:"),
        (
            {"inputs": {"data": {"path": "gone"}, "note": "x"}},
            r"job.yml:\d+: inputs.data: .*gone: no such file or folder",
        ),
        (
            {"inputs": {"data": {"path": "pictures", "type": "mltable"}, "note": "x"}},
            "there is no file MLTable in it",
        ),
        (
            {"inputs": {"data": {"path": "pictures", "type": "uri_file"}, "note": "x"}},
            "is a folder; its type is uri_folder",
        ),
    ],
)
def test_what_cannot_be_run_is_told_before_it_runs(
    folder: Path, change: dict[str, Any], told: str, workspace_home: Path
) -> None:
    with pytest.raises(DocumentError, match=told):
        submitted(folder, **{**COUNT, **change})
    assert not (workspace_home / "runs").exists()
