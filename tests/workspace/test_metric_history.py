"""What a run logged, read from the tracking file, is what MLflow's client says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tintype.errors import OutputError
from tintype.workspace.metric_history import logged_stamp, metric_histories, run_parameters
from tintype.workspace.tracking import mlflow_client, mlflow_run


def test_as_mlflow_says(workspace_home: Path) -> None:
    with mlflow_run("photos", "one", tags={}) as run:
        before = logged_stamp(run.run_id)
        run.log_params({"learning_rate": 0.1})
        for step in (1, 2, 3):
            run.log_metrics({"loss": 1 / step}, step)
        run.log_metrics({"loss": float("nan"), "accuracy": 0.5}, 4)
    assert logged_stamp(run.run_id) != before
    assert logged_stamp(run.run_id) == logged_stamp(run.run_id)
    accuracy, loss = metric_histories(run.run_id)
    assert (accuracy.name, accuracy.values, accuracy.steps) == ("accuracy", [0.5], [4])
    history = mlflow_client().get_metric_history(run.run_id, "loss")
    assert loss.steps == [each.step for each in history]
    assert loss.times == [each.timestamp for each in history]
    assert loss.values[:3] == [each.value for each in history][:3]
    assert loss.values[3] is None and loss.points == 4
    assert run_parameters(run.run_id) == {"learning_rate": "0.1"}


def test_long_series_are_thinned_and_keep_their_end(workspace_home: Path) -> None:
    import sqlite3

    with mlflow_run("photos", "long", tags={}) as run:
        run.log_metrics({"loss": 0.0}, 0)
    with sqlite3.connect(workspace_home / "mlflow.db") as connection:
        connection.executemany(
            "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, ?)",
            [("loss", float(step), step, run.run_id, step, False) for step in range(1, 10_001)],
        )
    (loss,) = metric_histories(run.run_id)
    assert loss.points == 10_001 and len(loss.steps) <= 1000
    assert loss.steps[-1] == 10_000 and loss.steps == sorted(loss.steps)


def test_nothing_was_logged_yet(workspace_home: Path) -> None:
    assert metric_histories("none") == [] and run_parameters("none") == {}
    (workspace_home / "mlflow.db").write_text("not a database, whatever its name says" * 100)
    with pytest.raises(OutputError, match=r"cannot read .*mlflow\.db"):
        metric_histories("none")


def test_reading_imports_no_mlflow() -> None:
    script = (
        "import sys; from tintype.workspace.metric_history import metric_histories; "
        "metric_histories('none'); assert 'mlflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
