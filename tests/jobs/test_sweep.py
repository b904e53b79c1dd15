"""Sweeps over a command: points drawn, metrics read from MLflow, the best trial's outputs kept."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from in_process import Context

from tintype.automl.study import Proposals, Study
from tintype.errors import DocumentError
from tintype.jobs.execution import execute_run
from tintype.jobs.run import Run
from tintype.jobs.submit import submit_job
from tintype.schemas.job import load_job
from tintype.schemas.sweep_job import SweepJob

pytestmark = pytest.mark.usefixtures("no_workers")


SCRIPT = """
import os, sys, time
from mlflow import MlflowClient
x, offset, out = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
loss = (x - 3) ** 2 + offset
MlflowClient().log_metric(os.environ["MLFLOW_RUN_ID"], "loss", loss)
open(os.path.join(out, "x"), "w").write(str(x))
"""

SWEEP: dict[str, Any] = {
    "type": "sweep",
    "experiment_name": "sweeps",
    "trial": {
        "code": "src",
        "command": "python trial.py ${{search_space.x}} ${{inputs.offset}} ${{outputs.model}}",
    },
    "inputs": {"offset": 1},
    "outputs": {"model": {"type": "custom_model"}},
    "search_space": {"x": {"type": "choice", "values": [1, 3, 4]}},
    "sampling_algorithm": "grid",
    "objective": {"primary_metric": "loss", "goal": "Minimize"},
    "limits": {"max_total_trials": 10, "max_concurrent_trials": 2},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "trial.py").write_text(SCRIPT)
    return tmp_path


def submitted(folder: Path, **document: Any) -> Run:
    path = folder / "job.yml"
    path.write_text(yaml.safe_dump(document))
    return Run(submit_job(load_job(path)).name)


def test_the_best_trials_outputs_are_the_sweeps(folder: Path) -> None:
    run = submitted(folder, **SWEEP)
    assert execute_run(run, Context()).status == "Completed", run.state.error
    assert run.state.metrics == {"loss": 1.0}
    assert (run.named_outputs / "model" / "x").read_text() == "3.0"
    assert run.state.best_child == f"{run.name}_1"
    trials = json.loads((run.folder / "sweep.json").read_text())["trials"]
    assert [(trial["parameters"]["x"], trial["metric"]) for trial in trials] == [
        (1, 5.0),
        (3, 1.0),
        (4, 2.0),
    ]
    # Begun anew it has nothing left to do.
    ended = run.sibling(f"{run.name}_0").state.ended_at
    assert execute_run(run, Context()).status == "Completed"
    assert run.sibling(f"{run.name}_0").state.ended_at == ended


def test_a_sweep_inside_a_pipeline_searches_a_components_inputs(folder: Path) -> None:
    (folder / "trial.yml").write_text(
        "name: trial\ntype: command\ncode: ./src\n"
        "inputs: {x: {type: number}, offset: {type: number, default: 2}}\n"
        "outputs: {model: {type: custom_model}}\n"
        "command: python trial.py ${{inputs.x}} ${{inputs.offset}} ${{outputs.model}}\n"
    )
    node = {
        key: SWEEP[key]
        for key in ("type", "search_space", "sampling_algorithm", "objective", "limits")
    }
    after = {
        "type": "command",
        "command": "cat ${{inputs.model}}/x > ${{outputs.y}}",
        "inputs": {"model": "${{parent.jobs.search.outputs.model}}"},
        "outputs": {"y": {"type": "uri_file"}},
    }
    jobs = {"search": {**node, "trial": "file:./trial.yml"}, "after": after}
    run = submitted(folder, type="pipeline", jobs=jobs)
    assert execute_run(run, Context()).status == "Completed", run.state.error
    assert (run.sibling(f"{run.name}-after").named_outputs / "y").read_text() == "3.0"
    assert run.sibling(f"{run.name}-search").state.metrics == {"loss": 2.0}


@pytest.mark.parametrize("sampling", ["random", {"type": "random", "rule": "sobol"}, "bayesian"])
def test_every_sampler_draws_what_a_command_calls_its_inputs(
    folder: Path, sampling: Any, tmp_path: Path
) -> None:
    space = {"x": {"type": "loguniform", "min_value": -6, "max_value": 3}}
    job = SweepJob.model_validate({**SWEEP, "sampling_algorithm": sampling, "search_space": space})
    proposals = Proposals(Study(tmp_path / "study.db"), [job.search_space], job.sampling_algorithm)
    drawn = [proposals.propose() for _ in range(3)]
    points = [trial.parameters["x"] for trial in drawn if trial is not None]
    assert len(set(points)) == 3
    assert all(math.exp(-6) <= x <= math.exp(3) for x in points)


def test_a_trial_that_lags_is_ended_early(folder: Path) -> None:
    (folder / "src" / "trial.py").write_text(
        "import os, sys, time\nfrom mlflow import MlflowClient\n"
        "client, run = MlflowClient(), os.environ['MLFLOW_RUN_ID']\n"
        "x = float(sys.argv[1])\n"
        "for step in range(200 if x < 2 else 2):\n"
        "    client.log_metric(run, 'loss', 10 - x, step=step)\n"
        "    time.sleep(0.1)\n"
    )
    limits = {"max_total_trials": 2, "max_concurrent_trials": 1}
    space = {"x": {"type": "choice", "values": [5, 1]}}
    policy = {"type": "bandit", "slack_factor": 0.1, "evaluation_interval": 1}
    run = submitted(
        folder, **{**SWEEP, "limits": limits, "search_space": space, "early_termination": policy}
    )
    assert execute_run(run, Context()).status == "Completed", run.state.error
    trials = json.loads((run.folder / "sweep.json").read_text())["trials"]
    assert [trial["state"] for trial in trials] == ["completed", "stopped"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"objective": {"goal": "maximize"}},
            r"job.yml:\d+: objective.primary_metric: is required",
        ),
        ({"search_space": {"y": {"type": "choice", "values": [1]}}}, "the input 'x' has no value"),
        (
            {"search_space": {"x": {"type": "uniform", "min_value": 0, "max_value": 1}}},
            "search_space.x: grid sampling takes choice only",
        ),
        ({"search_space": {"x": {"type": "unifrom"}}}, "unifrom"),
        (
            {"trial": {"command": "true", "code": "gone"}},
            r"job.yml:\d+: trial.code: the code folder .*gone does not exist",
        ),
        (
            {"trial": {"command": "true", "environment": "azureml:none@latest"}},
            r"job.yml:\d+: trial.environment: there is no environment 'none'",
        ),
    ],
)
def test_what_cannot_be_swept(folder: Path, change: dict[str, Any], told: str) -> None:
    with pytest.raises(DocumentError, match=told):
        submitted(folder, **{**SWEEP, **change})


def test_a_metric_that_nobody_logs_is_told(folder: Path) -> None:
    objective = {"primary_metric": "accuracy", "goal": "maximize"}
    limits = {"max_total_trials": 1}
    run = submitted(folder, **{**SWEEP, "objective": objective, "limits": limits})
    outcome = execute_run(run, Context())
    assert "logged no metric 'accuracy' by MLflow; it logged loss" in str(outcome.error)
