"""What is wrong within the components of a pipeline's nodes: told before anything runs, where it is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tintype.errors import DocumentError
from tintype.jobs.submit import submit_job
from tintype.schemas.job import load_job

pytestmark = pytest.mark.usefixtures("no_workers")

ADD = """
name: add
type: command
code: ./src
environment: azureml:AzureML-any:1
inputs: {by: {type: integer, max: 40}, rate: {type: number, default: 1}, data: {type: uri_folder, optional: true}}
command: python add.py ${{inputs.by}} ${{inputs.rate}}
"""

INNER = """
type: pipeline
inputs: {by: {type: integer}, more: {type: integer, optional: true}}
jobs:
  a:
    type: command
    component: ./add.yml
    inputs: {by: "${{parent.inputs.by}}", rate: "${{parent.inputs.more}}"}
"""

COMMAND = """
type: pipeline
jobs:
  one:
    type: command
    component: ./add.yml
    inputs: {by: 2}
"""

OUTER = """
type: pipeline
jobs:
  outer:
    type: pipeline
    component: ./inner.yml
    inputs: {by: 2}
"""

SWEEP = """
type: pipeline
jobs:
  search:
    type: sweep
    trial: ./add.yml
    search_space:
      by: {type: quniform, min_value: 2, max_value: 32, q: 4}
    objective: {primary_metric: sum, goal: maximize}
    sampling_algorithm: random
"""

INLINE = """
type: pipeline
jobs:
  search:
    type: sweep
    trial:
      command: python add.py ${{search_space.by}}
      code: ./src
      environment: azureml:AzureML-any:1
    search_space:
      by: {type: choice, values: [1]}
    objective: {primary_metric: sum, goal: maximize}
    sampling_algorithm: random
"""

PARALLEL = """
type: pipeline
jobs:
  score:
    type: parallel
    inputs: {data: {type: uri_folder, path: ./src}}
    outputs: {rows: {type: uri_file}}
    input_data: ${{inputs.data}}
    mini_batch_size: 1
    task:
      type: run_function
      code: ./src
      entry_script: add.py
      program_arguments: --data ${{inputs.data}}
      append_row_to: ${{outputs.rows}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "add.py").write_text("")
    return tmp_path


def submit(folder: Path, document: str, old: str = "", new: str = "") -> None:
    """Submit `document`, with `new` for `old` in it or else in the components that it names."""
    for name, text in {"job.yml": document, "add.yml": ADD, "inner.yml": INNER}.items():
        (folder / name).write_text(text.replace(old, new) if old else text)
    submit_job(load_job(folder / "job.yml"))


@pytest.mark.parametrize("document", [COMMAND, OUTER, SWEEP, INLINE, PARALLEL])
def test_those_that_are_right_are_taken(folder: Path, document: str) -> None:
    submit(folder, document)


NONE = "azureml:none@latest"


@pytest.mark.parametrize(
    ("document", "old", "new", "told"),
    [
        (COMMAND, "./src", "./gone", r"add.yml:4: code: the code folder .*/gone does not exist"),
        (COMMAND, "azureml:AzureML-any:1", NONE, r"add.yml:5: environment: there is no environment"),
        (COMMAND, "azureml:AzureML-any:1", "sklearn", r"add.yml:5: environment: environment 'sklearn'"),
        (OUTER, "./src", "./gone", r"add.yml:4: code: the code folder .*/gone does not exist"),
        (OUTER, "inputs: {by: 2}", "inputs: {}",
         r"job.yml:7: jobs.outer.inputs: component inner needs the input 'by', a integer"),
        (OUTER, "inputs.more", "inputs.less",
         r"inner.yml:8: jobs.a.inputs.rate: the pipeline has no input 'less'"),
        (SWEEP, "./src", "./gone", r"add.yml:4: code: the code folder .*/gone does not exist"),
        (SWEEP, "      by:", "      buy:",
         r"job.yml:8: jobs.search.search_space.buy: component add has no such input.*mean 'by'"),
        (SWEEP, "      by:", "      data:",
         r"job.yml:8: jobs.search.search_space.data: the input is a uri_folder"),
        (SWEEP, "      by:", "      rate:",
         r"job.yml:4: jobs.search.inputs: component add needs the input 'by', a integer"),
        (SWEEP, "quniform", "uniform", r"job.yml:8: jobs.search.search_space.by: .*unknown|job.yml:8: .*q"),
        (SWEEP, "type: quniform, min_value: 2, max_value: 32, q: 4", "type: uniform, min_value: 2, max_value: 32",
         r"job.yml:8: jobs.search.search_space.by: uniform gives such values: .*type integer. Use randint"),
        (SWEEP, "max_value: 32", "max_value: 80",
         r"job.yml:8: jobs.search.search_space.by: quniform gives such values: .*expected at most 40"),
        (INLINE, "./src", "./gone", r"job.yml:8: jobs.search.trial.code: the code folder .*/gone"),
        (INLINE, "azureml:AzureML-any:1", NONE,
         r"job.yml:9: jobs.search.trial.environment: there is no environment 'none'"),
        (PARALLEL, "code: ./src", "code: ./gone",
         r"job.yml:12: jobs.score.task.code: the code folder .*/gone does not exist"),
        (PARALLEL, "entry_script: add.py", "entry_script: score.py",
         r"job.yml:13: jobs.score.task.entry_script: there is no file score.py in .*/src"),
        (PARALLEL, "input_data: ${{inputs.data}}", "input_data: ${{inputs.date}}",
         r"job.yml:8: jobs.score.input_data: there is no input 'date'.*mean 'data'"),
        (PARALLEL, "input_data: ${{inputs.data}}", "input_data: ${{outputs.rows}}",
         r"job.yml:8: jobs.score.input_data: .*expected \$\{\{inputs.NAME\}\}"),
        (PARALLEL, "append_row_to: ${{outputs.rows}}", "append_row_to: ${{outputs.row}}",
         r"job.yml:15: jobs.score.task.append_row_to: there is no output 'row'"),
        (PARALLEL, "--data ${{inputs.data}}", "--data ${{inputs.dat}}",
         r"job.yml:14: jobs.score.task.program_arguments: there is no input 'dat'"),
        (PARALLEL, "type: run_function", "type: model", r"job.yml:11: jobs.score.task.type: 'model' given"),
        (PARALLEL, "mini_batch_size: 1", "mini_batch_size: 10kb",
         r"job.yml:9: jobs.score.mini_batch_size: '10kb' given; expected a number of files"),
        (PARALLEL, "mini_batch_size: 1", "partition_keys: [a]",
         r"job.yml:9: jobs.score.partition_keys: .*mltable"),
    ],
)  # fmt: skip
def test_what_is_wrong_names_the_file_and_line_where_it_is_written(
    folder: Path, document: str, old: str, new: str, told: str, workspace_home: Path
) -> None:
    assert old in document + ADD + INNER
    with pytest.raises(DocumentError, match=re.compile(told, re.S)):
        submit(folder, document, old, new)
    assert not (workspace_home / "runs").exists()
