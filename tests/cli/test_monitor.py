"""`tintype monitor`: from a document to an exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Command
from monitored import Watched, picture

from tintype.jobs.execution import execute_run
from tintype.jobs.run import Run
from tintype.jobs.scheduled import submit_scheduled
from tintype.workspace.schedules import ScheduleStore


class Context:
    """A run that nobody stops."""

    def send(self, body: dict[str, Any]) -> None:
        """Say nothing."""

    def stop(self) -> None:
        """Never."""
        return


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the daemon was asked, which is not started."""
    asked: list[str] = []
    monkeypatch.setattr("tintype.endpoints.online.daemon.control.ask_daemon", asked.append)
    return asked


@pytest.fixture
def watched(workspace_home: Path, model_folder: Path, tmp_path: Path) -> Watched:
    watched = Watched(model_folder, tmp_path)
    watched.baseline(range(90))
    return watched


@pytest.fixture
def document(watched: Watched, vit_checkpoint: Path, tmp_path: Path) -> Path:
    path = tmp_path / "monitor.yml"
    path.write_text(
        "name: watch\nendpoint: pets\nbaseline: ./baseline\nwindow: {least_pictures: 20}\n"
        f"embedding_model: {vit_checkpoint}\n"
    )
    return path


def test_from_a_document_to_an_alarm(watched: Watched, document: Path, command: Command) -> None:
    made = command("monitor", "create", "--file", document)
    assert (made["name"], made["last_window"], made["windows_with_alarm"]) == ("watch", None, 0)
    assert command("monitor", "run", "-n", "watch")["outcome"] == "waiting"
    watched.collect([picture(seed) for seed in range(1_000, 1_060)])
    assert command("monitor", "run", "-n", "watch")["outcome"] == "no drift"
    watched.collect([picture(seed, light=70) for seed in range(2_000, 2_060)])
    said = command("monitor", "run", "-n", "watch", code=3)
    assert "alarm: image_statistics: brightness p = " in said
    windows = command("monitor", "windows", "-n", "watch")
    assert [window["outcome"] for window in windows] == ["no drift", "drift"]
    (line,) = command("monitor", "list", "--query", "[].{name: name, alarms: windows_with_alarm}")
    assert line == {"name": "watch", "alarms": 1}
    shown = command("monitor", "show", "-n", "watch")
    assert shown["last_window"]["number"] == 2
    # What is shown is a document; a monitor that is made again keeps its windows.
    document.with_name("shown.yml").write_text(json.dumps(shown))
    command("monitor", "create", "--file", document.with_name("shown.yml"))
    assert command("monitor", "show", "-n", "watch")["last_window"]["number"] == 2
    command("monitor", "delete", "-n", "watch", "--yes")
    assert "there is no monitor 'watch'" in command("monitor", "run", "-n", "watch", code=2)


def test_labels_that_come_later(
    watched: Watched, document: Path, command: Command, tmp_path: Path
) -> None:
    command("monitor", "create", "--file", document)
    rows = watched.collect([picture(seed) for seed in range(1_000, 1_010)])
    lines = [f"{row.request_id},0,{row.label}" for row in rows]
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join(["request_id,row,label", *lines, "never,0,can"]) + "\n")
    add = ("monitor", "add-labels", "-n", "watch", "--file", labels)
    said = command(*add, code=2)
    assert f"1 labels are of pictures that pets/blue did not collect: {labels}:12" in said
    found = command(*add, "--ignore-unknown")
    assert (found["added"], found["not_collected"]) == (10, 1)
    assert found["accuracy"]["value"] == 1.0
    assert 0.6 < found["accuracy"]["low"] < 0.8


def test_a_schedule_submits_jobs(
    watched: Watched,
    document: Path,
    command: Command,
    asked: list[str],
    no_workers: None,
) -> None:
    with document.open("a") as file:
        file.write('schedule: {type: cron, expression: "0 3 * * *"}\n')
    command("monitor", "create", "--file", document)
    assert asked == ["status"]
    assert ScheduleStore().get("watch").document["create_job"]["monitor"] == "watch"
    watched.collect([picture(seed, light=70) for seed in range(2_000, 2_060)])
    run = Run(submit_scheduled("watch").name)
    assert execute_run(run, Context()).status == "Completed"
    metrics = run.state.metrics
    assert metrics["alarms"] >= 1
    assert metrics["brightness_p"] < 0.05
    assert metrics["pictures"] == 60
    # Without a schedule in its document it has none any more.
    document.write_text(document.read_text().partition("schedule:")[0])
    command("monitor", "create", "--file", document)
    assert ScheduleStore().names() == []


def test_a_job_of_a_monitor_that_is_not_there(command: Command, tmp_path: Path) -> None:
    job = tmp_path / "job.yml"
    job.write_text("type: monitor\nmonitor: gone\n")
    assert "there is no monitor 'gone'" in command("job", "create", "--file", job, code=2)


def test_a_monitor_is_no_schedule(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "azure.yml"
    path.write_text("name: a\ntrigger: {type: cron, expression: '0 3 * * *'}\ncreate_monitor: {}\n")
    said = command("schedule", "create", "--file", path, code=2)
    assert f"{path}:3: create_monitor: this is a monitor" in said


def test_the_baseline_of_a_job(
    watched: Watched, document: Path, command: Command, workspace_home: Path
) -> None:
    job = Run.create(
        {
            "type": "finetuning",
            "experiment_name": "e",
            "validation_data": {"path": str(watched.folder / "baseline")},
        }
    )
    made = command(
        "monitor", "create", "--file", document, "--set", f"baseline={{job: {job.name}}}"
    )
    assert made["baseline"]["path"] == str(watched.folder / "baseline")
    other = Run.create({"type": "finetuning", "experiment_name": "e", "training_data": "x"})
    said = command(
        "monitor", "create", "--file", document, "--set", f"baseline={{job: {other.name}}}", code=2
    )
    assert "names no validation_data and no test_data" in said
