"""Runs executed to their ends in this process: how each kind of job ends in its record and in MLflow."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml
from checkpoints import write_checkpoint
from in_process import Listener
from pictures import encoded, noise, write_class_folders

from tintype.compute.local import start_worker
from tintype.errors import OutputError
from tintype.files import locked_folder
from tintype.jobs.execution import Outcome, execute_run
from tintype.jobs.kinds import KINDS
from tintype.jobs.run import Run
from tintype.jobs.submit import submit_job
from tintype.jobs.worker import run_task
from tintype.schemas.job import load_job

pytestmark = pytest.mark.usefixtures("no_workers")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_class_folders(tmp_path / "stripes", per_class=8)
    write_checkpoint(tmp_path / "vit", labels=("level", "upright"))
    return tmp_path


def submitted(folder: Path, **document: Any) -> Run:
    path = folder / "job.yml"
    path.write_text(yaml.safe_dump(document))
    return Run(submit_job(load_job(path)).name)


def mlflow_status(run: Run, home: Path) -> str:
    client = mlflow.MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    return str(client.get_run(run.state.mlflow_run_id).info.status)


SWEEP = {
    "type": "automl",
    "task": "image_classification",
    "training_data": "stripes",
    "limits": {"max_trials": 2, "timeout_minutes": 2},
    "portfolio": ["./vit"],
}


def ranking_of(sweep: Run, mlflow_run: str, deadline: float) -> Run:
    return Run.create(
        {
            "type": "ranking",
            "name": f"{sweep.name}_HD_0",
            "experiment_name": "tintype",
            "job": sweep.name,
            "parent_mlflow_run": mlflow_run,
            "backbones": sweep.document["portfolio"],
            "deadline": deadline,
        },
        parent=sweep.name,
    )


def test_every_kind_of_job_is_a_row() -> None:
    assert set(KINDS) == {
        "automl",
        "batch",
        "command",
        "comparison",
        "ensemble",
        "evaluation",
        "finetuning",
        "monitor",
        "pipeline",
        "ranking",
        "refit",
        "sweep",
        "trial",
        "trials",
    }
    for name, kind in KINDS.items():
        assert kind.document.model_fields["type"].default == name


def test_a_batch_job_that_fails_is_failed_in_mlflow_too(folder: Path, workspace_home: Path) -> None:
    (folder / "pictures").mkdir()
    (folder / "pictures" / "no.png").write_bytes(b"no picture")
    run = submitted(
        folder,
        type="batch",
        model="./vit",
        input="pictures",
        settings={"error_threshold": 0, "retry_settings": {"max_retries": 0}},
    )
    outcome = execute_run(run, Listener())
    assert (outcome.status, outcome.exit_code) == ("Failed", 1)
    assert "error_threshold allows 0" in str(run.state.error)
    assert run.state.status == "Failed"
    assert run.sibling(f"{run.name}_batchscoring").state.status == "Failed"
    assert mlflow_status(run, workspace_home) == "FAILED"


def test_a_batch_job_that_is_asked_to_stop_is_killed_in_mlflow(
    folder: Path, workspace_home: Path
) -> None:
    run = submitted(folder, type="batch", model="./vit", input="stripes")
    assert execute_run(run, Listener("cancel")) == Outcome("Canceled")
    assert run.sibling(f"{run.name}_batchscoring").state.status == "Canceled"
    assert mlflow_status(run, workspace_home) == "KILLED"
    # Begun anew, it is one and the same MLflow run.
    assert execute_run(run, Listener()).status == "Completed"
    assert mlflow_status(run, workspace_home) == "FINISHED"


def test_an_evaluation_is_a_job(folder: Path, workspace_home: Path) -> None:
    document = {"type": "evaluation", "model": "./vit", "test_data": "stripes"}
    run = submitted(folder, **document, metrics=["accuracy", "log_loss"])
    assert execute_run(run, Listener()).status == "Completed"
    assert set(run.state.metrics) >= {"accuracy", "log_loss"}
    assert (run.outputs / "evaluation" / "evaluation.html").is_file()
    assert mlflow_status(run, workspace_home) == "FINISHED"
    for path in (folder / "stripes").rglob("*.png"):
        path.write_bytes(b"no picture")
    failing = submitted(folder, **document)
    assert execute_run(failing, Listener()).exit_code == 2
    assert "can be read" in str(failing.state.error)
    assert mlflow_status(failing, workspace_home) == "FAILED"


def test_a_job_takes_its_splits_from_an_archive(
    folder: Path, workspace_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, split in enumerate(("train", "val", "test")):
        write_class_folders(folder / "splits" / split, per_class=6 - number)
    archive = shutil.make_archive(str(folder / "splits"), "zip", folder / "splits")
    run = submitted(
        folder,
        task="image_classification",
        model_name="./vit",
        training_data=archive,
        hyperparameters={"number_of_epochs": 1},
    )
    assert execute_run(run, Listener()).status == "Completed"
    assert set(run.state.metrics) >= {"accuracy", "test_accuracy"}
    assert json.loads((run.outputs / "evaluation" / "metrics.json").read_text())["rows"] == 10
    assert json.loads((run.outputs / "test-evaluation" / "metrics.json").read_text())["rows"] == 8
    said = capsys.readouterr().out
    assert "training_data train/, validation_data val/, test_data test/" in said


def test_a_ranking_that_is_cancelled_ends_at_once_and_is_killed_in_mlflow(
    folder: Path, workspace_home: Path
) -> None:
    sweep = submitted(folder, **SWEEP)
    with sweep.tracked("tintype", {}) as tracking:
        run = ranking_of(sweep, tracking.run_id, time.time() + 60)
    result = run_task({"run": run.name}, Listener("cancel"))
    assert result["state"] == "canceled"
    assert run.state.status == "Canceled"
    assert mlflow_status(run, workspace_home) == "KILLED"
    assert run_task({"run": run.name}, Listener("terminate"))["state"] == "stopped"
    context = Listener("finish")
    finished = run_task({"run": run.name}, context)
    assert finished["state"] == "completed"
    assert finished["metric"] == finished["metrics"]["accuracy"]
    assert any("First usable model" in said.get("note", "") for said in context.said)
    assert mlflow_status(run, workspace_home) == "FINISHED"


def test_memory_that_runs_out_is_told_whatever_runs(
    folder: Path, workspace_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = submitted(folder, **SWEEP)
    with sweep.tracked("tintype", {}) as tracking:
        run = ranking_of(sweep, tracking.run_id, time.time() + 60)

    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("tintype.jobs.automl.ranking.rank_backbones", full)
    result = run_task({"run": run.name}, Listener())
    assert (result["state"], result["error"]) == (
        "failed",
        "memory ran out; name smaller checkpoints in portfolio",
    )
    assert mlflow_status(run, workspace_home) == "FAILED"


def test_a_sweep_is_tested_in_a_precision_that_any_model_has(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It failed after all its trials where the machine's setting was int8."""
    from tintype.evaluation.config import EvaluationConfig
    from tintype.jobs.evaluation import evaluate_on_test
    from tintype.jobs.tables import load_tables

    monkeypatch.setenv("TINTYPE_PRECISION", "int8")
    path = folder / "job.yml"
    path.write_text(yaml.safe_dump({**SWEEP, "test_data_size": 0.5}))
    tables = load_tables(load_job(path).data())  # type: ignore[union-attr]
    metrics = evaluate_on_test(folder / "vit", tables, EvaluationConfig(), folder / "report")
    assert set(metrics) >= {"test_accuracy", "test_AUC_macro"}
    assert json.loads((folder / "report" / "test-evaluation" / "metrics.json").read_text())


def test_a_sweep_holds_the_folders_that_it_will_write(folder: Path, workspace_home: Path) -> None:
    sweep = submitted(folder, **SWEEP, outputs={"best": {"path": "best"}})
    with locked_folder(folder / ".best.writing"):
        outcome = execute_run(sweep, Listener())
    assert outcome.status == "Failed"
    assert "being written by another job" in str(outcome.error)
    assert not (folder / "best").exists()


def test_a_run_that_another_worker_has_stays_as_it_is(folder: Path) -> None:
    run = submitted(folder, type="batch", model="./vit", input="stripes")
    with locked_folder(run.folder):
        outcome = execute_run(run, Listener())
        assert outcome.exit_code == OutputError.exit_code
        assert run.state.status == "Starting"


def test_a_picture_of_a_folder_that_changed_between_kill_and_resume_is_noticed(
    folder: Path,
) -> None:
    run = submitted(folder, type="batch", model="./vit", input="stripes")
    execute_run(run, Listener("cancel"))
    changed = sorted((folder / "stripes").rglob("*.png"))[3]
    changed.write_bytes(encoded(noise(40, 40, seed=99), "PNG"))
    outcome = execute_run(run, Listener())
    assert outcome.status == "Failed"
    assert f"{changed}: has changed since this batch was begun" in str(outcome.error)


def test_workers_work_in_the_workspace(
    tmp_path: Path, workspace_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process whose folder is deleted cannot load libraries any more (seen with oneMKL)."""
    here = tmp_path / "gone"
    here.mkdir()
    monkeypatch.chdir(here)
    log = tmp_path / "log.txt"
    process = start_worker("this", [], log)
    process.wait()
    here.rmdir()
    process = start_worker("timeit", ["-n", "1", "-r", "1", "import os; print(os.getcwd())"], log)
    assert process.wait() == 0
    assert str(workspace_home) in log.read_text()
