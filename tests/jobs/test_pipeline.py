"""Pipelines: graphs of steps, checked whole, run side by side, nothing done twice."""

from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from in_process import Context
from report_pages import data_of

from tintype.errors import DocumentError
from tintype.jobs.execution import Outcome, execute_run
from tintype.jobs.pipeline import reuse
from tintype.jobs.pipeline.graph import build_graph
from tintype.jobs.pipeline.node_runs import NodeRuns
from tintype.jobs.run import Run
from tintype.jobs.submit import submit_job
from tintype.schemas.job import load_job
from tintype.schemas.pipeline_job import PipelineJob

pytestmark = pytest.mark.usefixtures("no_workers")


ADD = """
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
name: add
type: command
code: ./src
inputs:
  table: {type: uri_folder}
  by: {type: integer, default: 1, min: 0}
  note: {type: string, optional: true}
outputs:
  table: {type: uri_folder}
command: >-
  python add.py ${{inputs.table}} ${{inputs.by}} ${{outputs.table}} $[[${{inputs.note}}]]
"""

SCRIPT = """
import os, pathlib, sys
given, by, out = pathlib.Path(sys.argv[1], "n"), int(sys.argv[2]), pathlib.Path(sys.argv[3], "n")
out.write_text(str(int(given.read_text()) + by))
"""

PIPELINE = """
type: pipeline
experiment_name: sums
inputs:
  start: {type: uri_folder, path: ./start}
  by: 10
outputs:
  sum: {type: uri_folder}
jobs:
  last:
    type: command
    component: file:./add.yml
    inputs:
      table: ${{parent.jobs.first.outputs.table}}
      by: ${{parent.inputs.by}}
    outputs:
      table: ${{parent.outputs.sum}}
  first:
    type: command
    component: ./add.yml
    inputs:
      table: ${{parent.inputs.start}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "add.py").write_text(SCRIPT)
    (tmp_path / "add.yml").write_text(ADD)
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "n").write_text("1")
    return tmp_path


def submitted(folder: Path, text: str = PIPELINE, *overrides: str) -> Run:
    (folder / "job.yml").write_text(text)
    return Run(submit_job(load_job(folder / "job.yml", overrides)).name)


def executed(run: Run, context: Context | None = None) -> Outcome:
    return execute_run(run, context or Context())


def graph(run: Run) -> dict[str, dict[str, Any]]:
    content = json.loads((run.folder / "graph.json").read_text())
    return {step["name"]: step for step in content["steps"]}


def statuses(run: Run) -> dict[str, str]:
    return {
        name: "reused" if step["reused_from"] else step["status"]
        for name, step in graph(run).items()
    }


def test_nodes_feed_each_other_and_the_pipelines_outputs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = submitted(folder)
    assert executed(run).status == "Completed"
    assert (run.named_outputs / "sum" / "n").read_text() == "12"
    children = [record.name for record in run.store.descendants(run.name)]
    assert sorted(children) == [f"{run.name}-first", f"{run.name}-last"]
    record = run.sibling(f"{run.name}-last").state
    assert (record.display_name, record.parent, record.experiment_name) == (
        "last",
        run.name,
        "sums",
    )
    steps = data_of((run.outputs / "pipeline.html").read_text())["steps"]
    assert [(step["name"], step["column"], step["status"]) for step in steps] == [
        ("first", 0, "Completed"),
        ("last", 1, "Completed"),
    ]
    said = capsys.readouterr().out
    assert said.index("first: completed") < said.index("last: started")


def test_a_finished_node_is_reused_until_its_code_inputs_or_settings_change(folder: Path) -> None:
    first = submitted(folder)
    executed(first)
    again = submitted(folder)
    assert executed(again).status == "Completed"
    assert statuses(again) == {"first": "reused", "last": "reused"}
    assert (again.named_outputs / "sum" / "n").read_text() == "12"
    assert again.sibling(f"{again.name}-last").state.properties["azureml.isreused"] == "true"
    # What was reused is reused again, from the run that did the work.
    third = submitted(folder)
    executed(third)
    assert graph(third)["last"]["reused_from"] == f"{first.name}-last"
    by = submitted(folder, PIPELINE, "inputs.by=20")
    executed(by)
    assert statuses(by) == {"first": "reused", "last": "Completed"}
    assert (by.named_outputs / "sum" / "n").read_text() == "22"
    (folder / "src" / "add.py").write_text(SCRIPT + "\n# changed\n")
    code = submitted(folder)
    executed(code)
    assert statuses(code) == {"first": "Completed", "last": "Completed"}
    (folder / "start" / "n").write_text("41")
    data = submitted(folder)
    executed(data)
    assert statuses(data) == {"first": "Completed", "last": "Completed"}
    assert (data.named_outputs / "sum" / "n").read_text() == "52"
    forced = submitted(folder, PIPELINE, "settings.force_rerun=true")
    executed(forced)
    assert statuses(forced) == {"first": "Completed", "last": "Completed"}


def test_data_are_known_by_their_content(folder: Path) -> None:
    executed(submitted(folder))
    # As a new checkout of the same files does.
    os.utime(folder / "start" / "n", (1, 1))
    same = submitted(folder)
    executed(same)
    assert set(statuses(same).values()) == {"reused"}
    status = (folder / "start" / "n").stat()
    (folder / "start" / "n").write_text("7")
    os.utime(folder / "start" / "n", ns=(status.st_atime_ns, status.st_mtime_ns))
    other = submitted(folder)
    executed(other)
    assert (other.named_outputs / "sum" / "n").read_text() == "18"


def test_large_data_are_known_by_their_times(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reuse, "_MOST_READ_BYTES", 0)
    (folder / "start" / "linked").symlink_to(folder / "src", target_is_directory=True)
    (folder / "src" / "up").symlink_to(folder / "start", target_is_directory=True)
    before = reuse._fingerprint(folder / "start")
    assert reuse._fingerprint(folder / "start") == before
    os.utime(folder / "src" / "add.py", (1, 1))
    assert reuse._fingerprint(folder / "start") != before
    assert reuse._fingerprint(folder / "gone") is None


def test_what_was_removed_or_changed_around_a_node_is_made_again(
    folder: Path, command: Any
) -> None:
    command("environment", "create", "-n", "mine", "--image", "one")
    text = """
type: pipeline
jobs:
  copied:
    type: command
    command: echo 1 > ${{outputs.x}}
    environment: azureml:mine@latest
    properties: {kept: with the run}
    outputs: {x: {type: uri_file, path: ./made.txt}}
"""
    first = submitted(folder, text)
    executed(first)
    assert first.sibling(f"{first.name}-copied").state.properties == {"kept": "with the run"}
    (folder / "made.txt").unlink()
    again = submitted(folder, text)
    executed(again)
    assert (statuses(again), (folder / "made.txt").read_text()) == ({"copied": "Completed"}, "1\n")
    executed(third := submitted(folder, text))
    assert statuses(third) == {"copied": "reused"}
    command("environment", "create", "-n", "mine", "--image", "two")
    executed(fourth := submitted(folder, text))
    assert statuses(fourth) == {"copied": "Completed"}


def test_a_training_that_ended_as_the_pipeline_was_killed_is_kept(folder: Path) -> None:
    (folder / "job.yml").write_text(
        "type: pipeline\njobs:\n  train: {type: finetuning, task: image_classification, "
        "model_name: a/b, training_data: ./start}\n"
    )
    job = load_job(folder / "job.yml")
    assert isinstance(job, PipelineJob)
    run = Run(submit_job(job, validate=False).name)
    prepared = NodeRuns(job, run, build_graph(job)).prepare("train")
    assert prepared.finished is None
    prepared.run.model_folder.mkdir(parents=True)
    prepared.run.update(status="Completed")
    # Nothing has linked its model yet.
    assert NodeRuns(job, run, build_graph(job)).prepare("train").finished == prepared.run.name
    assert (prepared.run.named_outputs / "best_model").resolve() == prepared.run.model_folder
    (prepared.run.named_outputs / "best_model").unlink()
    prepared.run.model_folder.rmdir()
    assert NodeRuns(job, run, build_graph(job)).prepare("train").finished is None


def test_a_pipeline_within_a_pipeline_is_opened(folder: Path) -> None:
    (folder / "inside").mkdir()
    (folder / "inside" / "twice.yml").write_text(
        """
name: twice
type: pipeline
inputs:
  table: {type: uri_folder}
  by: {type: integer, default: 5}
outputs:
  table: {type: uri_folder}
jobs:
  one:
    type: command
    component: ../add.yml
    inputs: {table: "${{parent.inputs.table}}", by: "${{parent.inputs.by}}"}
  two:
    type: command
    component: ../add.yml
    inputs: {table: "${{parent.jobs.one.outputs.table}}", by: "${{parent.inputs.by}}"}
    outputs: {table: "${{parent.outputs.table}}"}
"""
    )
    run = submitted(
        folder,
        PIPELINE
        + """
  middle:
    type: pipeline
    component: ./inside/twice.yml
    inputs: {table: "${{parent.jobs.first.outputs.table}}"}
""",
        "jobs.last.inputs.table=${{parent.jobs.middle.outputs.table}}",
    )
    # What it was is kept with the job, whatever becomes of its file.
    (folder / "inside" / "twice.yml").write_text("name: [")
    assert executed(run).status == "Completed"
    assert (run.named_outputs / "sum" / "n").read_text() == "22"
    middle = run.sibling(f"{run.name}-middle")
    assert (middle.state.status, middle.state.type) == ("Completed", "pipeline")
    inner = run.sibling(f"{run.name}-middle-two").state
    assert (inner.parent, inner.display_name) == (middle.name, "two")
    assert list(graph(run)) == ["first", "middle.one", "middle.two", "last"]


def test_components_and_data_of_the_workspace(folder: Path, command: Any) -> None:
    command("component", "create", "-f", folder / "add.yml", "--version", "7")
    command("data", "create", "-n", "start", "--path", folder / "start", "--type", "uri_folder")
    text = PIPELINE.replace("file:./add.yml", "azureml:add:7").replace(
        "./add.yml", "azureml:add@latest"
    )
    run = submitted(folder, text.replace("path: ./start", "path: azureml:start@latest"))
    # What @latest meant then is what runs.
    command("data", "create", "-n", "start", "--path", folder / "src", "--type", "uri_folder")
    command("component", "archive", "-n", "add")
    assert executed(run).status == "Completed"
    assert (run.named_outputs / "sum" / "n").read_text() == "12"


FAN = """
type: pipeline
settings: {max_concurrent_nodes: 3}
jobs:
"""


def fan(count: int, line: str) -> str:
    return FAN + "".join(
        f"  n{number}: {{type: command, command: {json.dumps(line)}, outputs: {{x: }}, "
        f"inputs: {{number: {number}}}}}\n"
        for number in range(count)
    )


def test_nodes_run_side_by_side_and_never_more_than_the_bound(folder: Path) -> None:
    line = f"date +%s.%N >> {folder}/begun-${{{{inputs.number}}}}; sleep 0.4; date +%s.%N >> {folder}/begun-${{{{inputs.number}}}}"
    run = submitted(folder, fan(7, line))
    assert executed(run).status == "Completed"
    spans = [tuple(map(float, path.read_text().split())) for path in folder.glob("begun-*")]
    assert len(spans) == 7
    together = [sum(a <= moment < b for a, b in spans) for moment, _ in spans]
    assert max(together) == 3


def test_a_wide_fan_out_keeps_few_processes_and_threads(folder: Path) -> None:
    # MLflow starts threads and programs of its own as it is imported.
    executed(submitted(folder))
    run = submitted(folder, fan(30, "true"))
    most, over = [0, 0], threading.Event()
    own = psutil.Process()
    before = (len(own.children()), threading.active_count())

    def look() -> None:
        while not over.wait(0.002):
            most[0] = max(most[0], len(own.children()))
            most[1] = max(most[1], threading.active_count())

    looking = threading.Thread(target=look)
    looking.start()
    try:
        assert executed(run).status == "Completed"
    finally:
        over.set()
        looking.join()
    # Three commands and the process that ends them should this one die; the thread that looks.
    assert most[0] - before[0] <= 3 + 1
    assert most[1] - before[1] <= 3 + 1
    assert len(own.children()) - before[0] <= 1
    assert threading.active_count() == before[1]


def test_a_killed_pipeline_goes_on_without_repeating_a_finished_node(folder: Path) -> None:
    text = (
        (
            PIPELINE
            + """
  slow:
    type: command
    command: echo x >> COUNT; test -e GO || sleep 60; cp -r ${{inputs.table}}/. ${{outputs.table}}
    inputs: {table: "${{parent.jobs.first.outputs.table}}"}
    outputs: {table: {type: uri_folder}}
"""
        )
        .replace("COUNT", str(folder / "count"))
        .replace("GO", str(folder / "go"))
    )
    run = submitted(folder, text, "jobs.last.inputs.table=${{parent.jobs.slow.outputs.table}}")
    assert executed(run, Context(after=6)) == Outcome("Canceled")
    assert statuses(run) == {"first": "Completed", "slow": "Canceled", "last": "NotStarted"}
    begun = run.sibling(f"{run.name}-first").state.started_at
    (folder / "go").touch()
    assert executed(run).status == "Completed"
    assert run.sibling(f"{run.name}-first").state.started_at == begun
    assert (folder / "count").read_text() == "x\nx\n"
    assert (run.named_outputs / "sum" / "n").read_text() == "12"


def test_a_node_that_fails_ends_the_pipeline_and_finished_nodes_stay(folder: Path) -> None:
    failing = PIPELINE + "  other: {type: command, command: echo why; exit 4}\n"
    # The first to be tried, and one at a time.
    one = "settings.max_concurrent_nodes=1"
    run = submitted(folder, failing, one)
    outcome = executed(run)
    assert outcome.status == "Failed"
    error = str(outcome.error)
    line = failing.splitlines().index("  other: {type: command, command: echo why; exit 4}") + 1
    assert error.startswith(
        f"Node 'other' ({folder}/job.yml:{line}: jobs.other) failed: the command ended with exit code 4. "
        f"Its log is {run.sibling(f'{run.name}-other').log}; its last lines:"
    )
    assert error.endswith("why")
    assert statuses(run)["last"] == "NotStarted"
    on = submitted(folder, failing, one, "settings.continue_on_step_failure=true")
    assert executed(on).status == "Failed"
    assert statuses(on)["last"] in ("Completed", "reused")
    repaired = submitted(folder, failing.replace("exit 4", "true"))
    assert executed(repaired).status == "Completed"
    assert statuses(repaired)["first"] == "reused"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("type: command\n    component: ./add.yml", "type: comand\n    component: ./add.yml",
         r"job.yml:\d+: jobs.first.type: 'comand' given; .*Did you mean 'command'"),
        ("${{parent.inputs.start}}", "${{parent.jobs.last.outputs.table}}",
         r"job.yml:\d+: jobs.(first|last): nodes wait for each other: (first needs last needs first|last needs first needs last)"),
        ("${{parent.jobs.first.outputs.table}}", "${{parent.jobs.firs.outputs.table}}",
         r"job.yml:\d+: jobs.last.inputs.table: there is no node 'firs'. Did you mean 'first'"),
        ("${{parent.jobs.first.outputs.table}}", "${{parent.jobs.first.outputs.tables}}",
         r"job.yml:\d+: jobs.last.inputs.table: node 'first' makes no output 'tables'; .*mean 'table'"),
        ("${{parent.inputs.start}}", "${{parent.inputs.begin}}",
         r"job.yml:\d+: jobs.first.inputs.table: the pipeline has no input 'begin'"),
        ("${{parent.inputs.start}}", "${{parent.inputs.by}}",
         r"job.yml:\d+: jobs.first.inputs.table: a integer given; expected a uri_folder"),
        ("by: ${{parent.inputs.by}}", "by: ${{parent.inputs.start}}",
         r"job.yml:\d+: jobs.last.inputs.by: a uri_folder given; expected a integer"),
        ("by: ${{parent.inputs.by}}", "by: many",
         r"job.yml:\d+: jobs.last.inputs.by: 'many' given; expected a value of type integer"),
        ("by: ${{parent.inputs.by}}", "by: -1", r"jobs.last.inputs.by: -1 given; expected at least 0"),
        ("by: ${{parent.inputs.by}}", "buy: 3",
         r"job.yml:\d+: jobs.last.inputs.buy: component add has no such input"),
        ("table: ${{parent.inputs.start}}", "by: 2",
         r"job.yml:\d+: jobs.first.inputs: component add needs the input 'table', a uri_folder"),
        ("file:./add.yml", "file:./ad.yml", r"job.yml:\d+: jobs.last.component: there is no file .*ad.yml"),
        ("file:./add.yml", "azureml:ad@latest", r"job.yml:\d+: jobs.last.component: there is no component"),
        ("file:./add.yml", "azureml://registries/azureml/components/object_detection/labels/latest",
         r"job.yml:\d+: jobs.last.component: 'object_detection' is no component that runs here"),
        ("table: ${{parent.outputs.sum}}", "table: ${{parent.outputs.total}}",
         r"job.yml:\d+: jobs.last.outputs.table: the pipeline has no output 'total'"),
        ("    outputs:\n      table: ${{parent.outputs.sum}}\n", "",
         r"job.yml:\d+: outputs.sum: no node makes it"),
        ("path: ./start", "path: ./begin", r"job.yml:\d+: inputs.start: .*begin: no such file or folder"),
        ("component: ./add.yml", "component: ./add.yml\n    enviroment: x",
         r"job.yml:\d+: jobs.first.enviroment: unknown key.*environment"),
        ("component: ./add.yml", "component: ./add.yml\n    environment: azureml:none@latest",
         r"job.yml:\d+: jobs.first.environment: there is no environment 'none'"),
        ("experiment_name", "experimentname", r"job.yml:\d+: experimentname: unknown key"),
        ("  first:", "  f\u00fcrst:", r"job.yml:\d+: jobs: .*the name 'f\u00fcrst': use letters, digits"),
        ("experiment_name: sums", f"name: {'x' * 210}",
         r"job.yml:\d+: jobs.(first|last): the names of the job, the node and the nodes around it"),
    ],
)  # fmt: skip
def test_what_cannot_run_is_told_whole_before_anything_runs(
    folder: Path, old: str, new: str, told: str, workspace_home: Path
) -> None:
    assert old in PIPELINE
    with pytest.raises(DocumentError, match=re.compile(told, re.S)):
        submitted(folder, PIPELINE.replace(old, new))
    assert not (workspace_home / "runs").exists()


def test_a_component_without_its_code_or_with_itself_in_it(folder: Path) -> None:
    text = ADD.replace("./src", "./gone")
    (folder / "add.yml").write_text(text)
    with pytest.raises(DocumentError, match=r"add.yml:5: code: the code folder .*gone does not"):
        submitted(folder)
    (folder / "add.yml").write_text(
        "name: add\ntype: pipeline\njobs:\n  again:\n    type: pipeline\n    component: add.yml\n"
    )
    with pytest.raises(DocumentError, match=r"add.yml:6: jobs.again.component: .*contains itself"):
        submitted(folder)
