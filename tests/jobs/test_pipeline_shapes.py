"""Pipelines of the shapes that Azure publishes (cli/jobs of its azureml-examples): taken as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from in_process import Context

from tintype.jobs.execution import execute_run
from tintype.jobs.pipeline.components import with_components
from tintype.jobs.pipeline.graph import build_graph
from tintype.jobs.run import Run
from tintype.jobs.submit import check_job, settled_job, submit_job
from tintype.schemas.job import load_job
from tintype.schemas.pipeline_job import PipelineJob
from tintype.schemas.sweep_job import SweepJob

pytestmark = pytest.mark.usefixtures("no_workers")

TRAIN = """
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
type: command
name: fit
display_name: Fit
version: 1
inputs:
  data: {type: uri_folder}
  rate: {type: number, default: 1e-3}
  depth: {type: integer, default: 3}
  shuffled: {type: boolean, default: false}
outputs:
  model: {type: uri_folder}
  rest: {type: uri_folder}
code: ../src
environment: azureml://registries/azureml/environments/sklearn-1.5/labels/latest
command: >-
  python fit.py --data ${{inputs.data}} --rate ${{inputs.rate}}
  --depth ${{inputs.depth}} --shuffled ${{inputs.shuffled}} --model ${{outputs.model}}
distribution: {type: pytorch, process_count_per_instance: 2}
resources: {instance_count: 2, shm_size: 3100m}
"""

WITHIN = """
$schema: https://azuremlschemas.azureedge.net/latest/pipelineComponent.schema.json
type: pipeline
display_name: fit_and_tell
inputs:
  data: {type: uri_folder}
  depth: {type: integer, optional: true}
  rate: {type: number}
  where: {type: string, default: cpu-cluster}
  how: {type: string, default: 'time-based'}
outputs:
  fitted: {type: uri_folder}
jobs:
  fit_job:
    type: command
    component: ./fit.yml
    compute: ${{parent.inputs.where}}
    inputs:
      data: ${{parent.inputs.data}}
      depth: ${{parent.inputs.depth}}
      rate: ${{parent.inputs.rate}}
    outputs:
      model: ${{parent.outputs.fitted}}
      rest: {mode: upload}
"""

DOCUMENTS = {
    "three commands without types": """
type: pipeline
compute: azureml:cpu-cluster
inputs: {said: "hello world"}
jobs:
  a:
    command: echo hello ${{inputs.word}}
    environment: azureml:AzureML-sklearn-0.24-ubuntu18.04-py37-cpu@latest
    inputs: {word: "${{parent.inputs.said}}"}
  b:
    command: echo world >> ${{outputs.world}}/world.txt
    environment: {image: library/python:latest}
    outputs:
      world:
  c:
    command: cat ${{inputs.world}}/world.txt
    inputs: {world: "${{parent.jobs.b.outputs.world}}"}
""",
    "serverless": """
type: pipeline
identity: {type: user_identity}
settings: {default_compute: azureml:serverless, default_datastore: azureml:workspaceblobstore}
jobs:
  a:
    command: echo hello && echo world > ./outputs/world.txt
    resources: {instance_type: Standard_E4s_v3, instance_count: 1}
    queue_settings: {job_tier: Standard}
    services: {my_ssh: {type: ssh}}
    outputs: {artifacts: {type: uri_folder, mode: upload}}
""",
    "outputs in datastores": """
type: pipeline
outputs:
  kept: {path: "azureml://datastores/workspaceblobstore/paths/azureml/${{name}}"}
jobs:
  a:
    type: command
    command: echo 1 > ${{outputs.folder}}/one; echo 2 > ${{outputs.file}}
    outputs:
      folder: ${{parent.outputs.kept}}
      file:
        type: uri_file
        path: azureml://datastores/${{default_datastore}}/paths/${{name}}/rows.csv
        mode: rw_mount
""",
    "a sweep of a component": """
type: pipeline
settings: {default_compute: azureml:cpu-cluster}
jobs:
  search:
    type: sweep
    inputs:
      data: {type: uri_folder, path: ./data}
      shuffled: False
    outputs:
      model: {type: uri_folder, mode: upload}
      rest: {type: uri_folder, mode: upload}
    sampling_algorithm: random
    early_termination: {type: bandit, evaluation_interval: 1, slack_factor: 0.2, delay_evaluation: 5}
    resources: {instance_count: 1}
    trial: ./components/fit.yml
    search_space:
      rate: {type: uniform, min_value: 0.5, max_value: 0.9}
      depth: {type: quniform, min_value: 2, max_value: 30, q: 2}
    objective: {goal: minimize, primary_metric: f1}
    limits: {max_total_trials: 5, max_concurrent_trials: 3, timeout: 7200}
  tell:
    type: command
    inputs: {model: "${{parent.jobs.search.outputs.model}}"}
    command: ls ${{inputs.model}}
""",
    "pipelines within": """
type: pipeline
inputs:
  data: {type: uri_folder, path: ./data}
  rate: 0.1
  where: cpu-cluster
outputs: {best: {mode: upload}}
settings: {continue_on_step_failure: false}
jobs:
  one:
    type: pipeline
    component: ./components/within.yml
    inputs: {data: "${{parent.inputs.data}}", rate: "${{parent.inputs.rate}}", where: "${{parent.inputs.where}}"}
  compare:
    type: command
    compute: ${{parent.inputs.where}}
    command: cp -r ${{inputs.model}} ${{outputs.best}}
    inputs: {model: "${{parent.jobs.one.outputs.fitted}}"}
    outputs: {best: "${{parent.outputs.best}}"}
""",
    "files in mini-batches": """
type: pipeline
jobs:
  prepare:
    type: command
    command: cp -r ${{inputs.data}}/. ${{outputs.files}}
    inputs: {data: {type: uri_folder, path: ./data}}
    outputs: {files: {type: mltable, mode: rw_mount}}
  score:
    type: parallel
    compute: azureml:cpu-cluster
    inputs:
      files: {type: mltable, path: "${{parent.jobs.prepare.outputs.files}}", mode: eval_mount}
      model: {type: uri_folder, path: ./data, mode: download}
    outputs: {rows: {type: uri_file, mode: rw_mount}}
    mini_batch_size: "5"
    resources: {instance_count: 2}
    error_threshold: -1
    mini_batch_error_threshold: 5
    logging_level: "DEBUG"
    input_data: ${{inputs.files}}
    max_concurrency_per_instance: 2
    retry_settings: {max_retries: 2, timeout: 60}
    environment_variables: {"AZUREML_PARALLEL_EXAMPLE": "3a"}
    task:
      type: run_function
      code: ./src
      entry_script: fit.py
      environment: {name: prs-env, version: 1, image: some, conda_file: ./conda.yml}
      program_arguments: >-
        --model ${{inputs.model}}
        --allowed_failed_percent 30
        --task_overhead_timeout 1200
      append_row_to: ${{outputs.rows}}
""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("src", "data", "components"):
        (tmp_path / name).mkdir()
    (tmp_path / "src" / "fit.py").write_text("")
    (tmp_path / "data" / "MLTable").write_text("paths: [{file: ./rows}]\n")
    (tmp_path / "components" / "fit.yml").write_text(TRAIN)
    (tmp_path / "components" / "within.yml").write_text(WITHIN)
    return tmp_path


def job_of(folder: Path, text: str) -> Any:
    (folder / "job.yml").write_text(text)
    return load_job(folder / "job.yml")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_they_are_taken(folder: Path, name: str) -> None:
    check_job(settled_job(job_of(folder, DOCUMENTS[name])))


def test_an_integer_input_of_a_sweep_gets_integers(folder: Path) -> None:
    job = job_of(folder, DOCUMENTS["a sweep of a component"])
    assert isinstance(job, PipelineJob)
    search = build_graph(with_components(job)).steps["search"].job(lambda made: "")
    assert isinstance(search, SweepJob)
    drawn = {search.search_space["depth"].quantile(u / 9) for u in range(10)}
    assert drawn <= {*range(2, 31, 2)}
    assert {type(value) for value in drawn} == {int}


def test_an_optional_input_without_a_value_leaves_the_components_own(folder: Path) -> None:
    job = job_of(folder, DOCUMENTS["pipelines within"])
    assert isinstance(job, PipelineJob)
    steps = build_graph(with_components(job)).steps
    assert steps["one.fit_job"].content["inputs"]["depth"] == 3
    assert steps["one.fit_job"].content["inputs"]["rate"] == 0.1
    assert steps["compare"].place == "cpu-cluster"


def test_outputs_go_to_the_datastores_that_settings_map(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = DOCUMENTS["outputs in datastores"]
    # To none: what is made stays with the job, and that is said.
    run = Run(submit_job(job_of(folder, document)).name)
    assert execute_run(run, Context()).status == "Completed", run.state.error
    assert (run.named_outputs / "kept" / "one").read_text() == "1\n"
    for each, name in ((run, "kept"), (run.sibling(f"{run.name}-a"), "file")):
        assert f"notice: {name} stays with its run: azureml://datastores/" in each.log.read_text()
    assert not list(Path.cwd().glob("azureml:*"))
    monkeypatch.setenv("TINTYPE_DATASTORES", json.dumps({"workspaceblobstore": str(folder)}))
    again = Run(submit_job(job_of(folder, document)).name)
    assert execute_run(again, Context()).status == "Completed", again.state.error
    assert (folder / "azureml" / again.name / "one").read_text() == "1\n"
    assert (folder / f"{again.name}-a" / "rows.csv").read_text() == "2\n"
