"""A pipeline killed at random, one that is watched and canceled, and the schedule of one whose daemon is
killed, through the command line."""

from __future__ import annotations

import datetime
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from commands import TINTYPE, run, wait_for_log
from ports import keep_own_port

from tintype.endpoints.online.daemon.control import ask_daemon

NODES = 8

NODE = """
  n{number}:
    type: command
    command: >-
      echo ${{{{inputs.number}}}} >> {folder}/begun; sleep 0.4;
      {use}echo ${{{{inputs.number}}}} >> ${{{{outputs.x}}}}; echo ${{{{inputs.number}}}} >> {folder}/ended
    inputs: {{number: {number}{feed}}}
    outputs: {{x: {{type: uri_file}}}}
"""


def chain(folder: Path) -> str:
    """Nodes in pairs: of each pair one feeds the next pair."""
    parts = [
        "type: pipeline\nsettings: {max_concurrent_nodes: 2}\noutputs: {all: {type: uri_file}}\njobs:"
    ]
    for number in range(NODES):
        before = number - 2
        feed = f", before: '${{{{parent.jobs.n{before}.outputs.x}}}}'" if before >= 0 else ""
        use = "cat ${{inputs.before}} > ${{outputs.x}}; " if before >= 0 else ""
        parts.append(NODE.format(number=number, folder=folder, use=use, feed=feed))
    return "".join(parts)


def document(folder: Path) -> Path:
    folder.mkdir()
    head, _, tail = chain(folder).rpartition("outputs: {x: {type: uri_file}}")
    path = folder / "job.yml"
    path.write_text(head + "outputs: {x: '${{parent.outputs.all}}'}" + tail)
    return path


def ended(workspace: Path, name: str) -> str:
    for _ in range(2400):
        status = json.loads((workspace / "runs" / name / "run.json").read_text())["status"]
        if status in ("Completed", "Failed", "Canceled"):
            return str(status)
        time.sleep(0.05)
    raise AssertionError((workspace / "runs" / name / "log.txt").read_text())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_pipeline_killed_three_times_gives_what_an_undisturbed_one_gives(
    tmp_path: Path, workspace_home: Path
) -> None:
    calm = document(tmp_path / "calm")
    run("job", "create", "--file", calm, "--name", "calm", "--stream")
    wanted = (workspace_home / "runs" / "calm" / "named-outputs" / "all").read_text()
    assert wanted.split() == [str(n) for n in range(1, NODES, 2)]

    rough = document(tmp_path / "rough")
    run("job", "create", "--file", rough, "--name", "rough")
    draw = random.Random(4)
    for kills in range(3):
        if kills:
            run("job", "resume", "--name", "rough")
        wait_for_log(workspace_home, "rough", "at the same time\n")
        begun = tmp_path / "rough" / "begun"
        before = len(begun.read_text().split()) if begun.exists() else 0
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if begun.exists() and len(begun.read_text().split()) > before:
                break
            time.sleep(0.02)
        time.sleep(draw.uniform(0, 0.5))
        record = json.loads((workspace_home / "runs" / "rough" / "run.json").read_text())
        os.killpg(record["pid"], signal.SIGKILL)
        time.sleep(0.3)
        told = json.loads(run("job", "show", "--name", "rough").stdout)
        assert told["status"] in ("Failed", "Completed")
    run("job", "resume", "--name", "rough", "--stream")
    assert (workspace_home / "runs" / "rough" / "named-outputs" / "all").read_text() == wanted
    finished = (tmp_path / "rough" / "ended").read_text().split()
    # Each ended once; one that was killed between its last line and its record may have twice.
    assert set(finished) == {str(n) for n in range(NODES)}
    assert len(finished) <= NODES + 3


def test_a_pipeline_is_canceled_within_seconds(tmp_path: Path, workspace_home: Path) -> None:
    path = tmp_path / "job.yml"
    path.write_text(
        "type: pipeline\njobs:\n"
        "  slow: {type: command, command: sleep 98764}\n"
        "  after: {type: command, command: 'true'}\n"
        "settings: {max_concurrent_nodes: 1}\n"
    )
    stream = subprocess.Popen(
        [TINTYPE, "job", "create", "--file", str(path), "--name", "slow", "--stream"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_log(workspace_home, "slow", "slow: started")
    started = time.monotonic()
    run("job", "cancel", "--name", "slow")
    assert ended(workspace_home, "slow") == "Canceled"
    assert time.monotonic() - started < 20
    _, said = stream.communicate(timeout=60)
    assert "slow: canceled" in said
    listed = json.loads(run("job", "list", "--parent-job-name", "slow").stdout)
    assert [child["status"] for child in listed] == ["Canceled"]
    left = subprocess.run(
        ["pgrep", "-f", "sleep 98764"], capture_output=True, text=True, check=False
    )
    assert left.stdout == ""


GOOD = """type: pipeline
jobs:
  good: {type: command, command: "echo x > ${{outputs.x}}", outputs: {x: {type: uri_file}}}
"""

# Fed by the one above.
BAD = """  bad:
    type: command
    command: cat ${{inputs.x}}; seq 30 >&2; exit 7
    inputs: {x: "${{parent.jobs.good.outputs.x}}"}
"""

PART = """type: command
code: ./gone
command: 'true'
inputs: {by: {type: integer}}
"""


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ("{type: comand, command: 'true'}", "job.yml:4: jobs.bad.type: 'comand' given"),
        (
            "{type: command, command: 'true', inputs: {x: '${{parent.jobs.bad.outputs.y}}'}, outputs: {y: }}",
            "job.yml:4: jobs.bad: nodes wait for each other: bad needs bad",
        ),
        (
            "{type: command, command: 'true', inputs: {x: '${{parent.jobs.good.outputs.z}}'}}",
            "job.yml:4: jobs.bad.inputs.x: node 'good' makes no output 'z'; its outputs are x.",
        ),
        (
            "{type: command, component: ./whole.yml}",
            "job.yml:4: jobs.bad.inputs: component whole needs the input 'by', a integer",
        ),
        (
            "{type: command, component: ./part.yml, inputs: {by: 1}}",
            "part.yml:2: code: the code folder",
        ),
        (
            "{type: command, command: 'true', environment: azureml:none@latest}",
            "job.yml:4: jobs.bad.environment: there is no environment 'none'",
        ),
    ],
)
def test_what_cannot_run_is_one_message_before_anything_runs(
    tmp_path: Path, workspace_home: Path, node: str, told: str
) -> None:
    (tmp_path / "job.yml").write_text(f"{GOOD}  bad: {node}\n")
    (tmp_path / "part.yml").write_text(PART)
    (tmp_path / "whole.yml").write_text(PART.replace("code: ./gone\n", ""))
    said = run("job", "create", "--file", "job.yml", code=2, folder=tmp_path).stderr
    assert told in said
    assert said.count("error:") == 1
    assert not (workspace_home / "runs").exists()


def test_a_command_that_fails_is_told_with_its_place_and_what_is_finished_stays(
    tmp_path: Path, workspace_home: Path
) -> None:
    (tmp_path / "job.yml").write_text(GOOD + BAD)
    create = ("job", "create", "--file", "job.yml", "--stream", "--name")
    error = run(*create, "one", code=1, folder=tmp_path).stderr.rpartition("error: ")[2]
    log = workspace_home / "runs" / "one-bad" / "log.txt"
    assert error.startswith(
        "job 'one' failed: Node 'bad' (job.yml:4: jobs.bad) failed: the command ended with exit code 7. "
        f"Its log is {log}; its last lines:\n11\n"
    )
    assert error.rstrip().endswith("\n30")
    (tmp_path / "job.yml").write_text(GOOD + BAD.replace("exit 7", "exit 0"))
    assert "good: reused from one-good" in run(*create, "two", folder=tmp_path).stderr


SCHEDULE = """
name: often
trigger: {type: recurrence, frequency: minute, interval: 1, start_time: "START"}
create_job: ./job.yml
"""


def due_soon(folder: Path) -> Path:
    """A schedule that is due in a few seconds, and a minute later."""
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=4)
    (folder / "often.yml").write_text(SCHEDULE.replace("START", soon.isoformat()))
    return folder / "often.yml"


def submitted_by(workspace: Path, count: int) -> list[str]:
    """Names of the jobs of the schedule, once there are so many."""
    for _ in range(1200):
        listed = json.loads(run("job", "list").stdout)
        names = [job["name"] for job in listed if job["tags"].get("schedule") == "often"]
        if len(names) >= count:
            return names
        time.sleep(0.1)
    log = workspace / "schedules" / "often.log"
    raise AssertionError(log.read_text() if log.exists() else "never due")


def test_a_daemon_killed_while_a_job_runs_loses_neither_that_job_nor_the_schedule(
    tmp_path: Path, workspace_home: Path
) -> None:
    (tmp_path / "job.yml").write_text(
        "type: pipeline\nsettings: {force_rerun: true}\njobs:\n"
        f"  slow: {{type: command, command: test -e {tmp_path}/go || sleep 8; echo ended >> {tmp_path}/ends}}\n"
    )
    keep_own_port(workspace_home)
    try:
        run("schedule", "create", "--file", due_soon(tmp_path))
        [first] = submitted_by(workspace_home, 1)
        wait_for_log(workspace_home, first, "slow: started")
        os.kill(ask_daemon("status")["pid"], signal.SIGKILL)
        shown = json.loads(run("schedule", "show", "--name", "often").stdout)
        assert (shown["last_job"], shown["last_error"]) == (first, None)
        run("up")
        assert ended(workspace_home, first) == "Completed"
        assert (tmp_path / "ends").read_text() == "ended\n"
        # What was submitted before is not submitted again, and the clock goes on.
        assert submitted_by(workspace_home, 1) == [first]
        (tmp_path / "go").touch()
        run("schedule", "create", "--file", due_soon(tmp_path))
        second, known = submitted_by(workspace_home, 2)
        assert known == first
        assert ended(workspace_home, second) == "Completed"
    finally:
        run("schedule", "delete", "--name", "often", "--yes")
        run("down")
