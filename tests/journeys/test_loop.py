"""The loop: an endpoint's doubts, people's labels, a challenger, its comparison, and the traffic."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import run
from loops import Callers, serve_champion, wait_for, write_guesser, write_pictures
from pictures import write_jsonl_rows
from ports import keep_own_port

from tintype.client import Client
from tintype.jobs.run import Run
from tintype.labelling.database import open_database
from tintype.labelling.pictures import PictureFilter, page_of
from tintype.labelling.projects import find_project
from tintype.workspace.registry import get_model
from tintype.workspace.runs import FINAL

SAMPLE = Path(__file__).parents[2] / "samples" / "loop.yml"


def say(*words: object, code: int = 0) -> Any:
    """Run a command; the JSON that it printed."""
    return json.loads(run(*words, code=code).stdout)


@pytest.fixture
def home(workspace_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    keep_own_port(workspace_home)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TINTYPE_THREADS", "1")
    yield workspace_home
    run("down")


def label_all(project: str, kinds: dict[bytes, str], folder: Path) -> int:
    """What people do between two runs: say of every picture without a label what it shows."""
    with open_database().reading() as connection:
        found = find_project(connection, project)
        states = PictureFilter(states=("unlabelled",))
        waiting = page_of(connection, found, states, after=0, limit=1000)
    rows: list[dict[str, object]] = [
        {"image_url": each.location, "label": kinds[Path(each.location).read_bytes()]}
        for each in waiting
    ]
    path = write_jsonl_rows(folder / "answers.jsonl", rows)
    run("label", "import", "--name", project, "--path", path)
    return len(rows)


def test_the_whole_circle(home: Path, tmp_path: Path) -> None:
    asked = write_pictures(tmp_path / "asked", 0, 30)
    held_out = write_pictures(tmp_path / "held-out", 100, 20)
    kinds = {path.read_bytes(): path.parent.name for path in asked.rglob("*.png")}
    guesser = write_guesser(tmp_path)
    serve_champion("stripes", guesser, tmp_path)

    with Callers("stripes", asked) as callers:
        # Instances write what they have recorded every half minute.
        recorded = home / "collected" / "stripes" / "first" / "rows"
        wait_for("recorded rows", lambda: list(recorded.glob("*.parquet")))
        made = say(
            "label", "create", "--name", "stripes", "--data", "endpoint:stripes", "--uncertain", "40",
            "--label", "level", "--label", "upright", "--existing-labels", "suggestions",
        )  # fmt: skip
        assert made["pictures"]["unlabelled"] == 40
        assert label_all("stripes", kinds, tmp_path) == 40

        small = [
            f"create_job.inputs.test_data.path={held_out}",
            "create_job.inputs.project=stripes",
            "create_job.inputs.endpoint=stripes",
            f"create_job.jobs.train.model_name={tmp_path / 'vit'}",
            "create_job.jobs.train.hyperparameters={method: head, number_of_epochs: 60, "
            "evaluation_frequency: 20, training_batch_size: 8, random_seed: 3}",
            "create_job.jobs.compare.champion=stripes@champion",
            "create_job.jobs.compare.register_as=stripes",
            "create_job.jobs.roll_out.inputs.every=4s",
            "create_job.jobs.roll_out.inputs.min_requests=20",
            # A champion that guesses is no measure of labels, nor one on a busy machine of times.
            'create_job.jobs.roll_out.inputs.bounds="errors=5%,latency_p95=50x,disagreement=100%"',
            'create_job.jobs.roll_out.inputs.steps="50,100"',
        ]
        say("schedule", "create", "--file", SAMPLE, "--set", *small)
        job = Run(say("schedule", "trigger", "--name", "loop")["name"])

        # The daemon is killed in the middle of the shift; with it the gateway, until the next command.
        def shifting() -> Any:
            assert job.state.status not in FINAL, job.state.error
            with contextlib.suppress(Exception):
                return Client().online_endpoints.show_shift("stripes")
            return None

        shift = wait_for("shift", shifting)
        assert (shift["from"], shift.to) == ("first", "version-2")
        os.kill(say("status")["pid"], signal.SIGKILL)
        run("up")
        after = say("online-endpoint", "show-shift", "--name", "stripes")
        traffic = say("online-endpoint", "show", "--name", "stripes")["traffic"]
        later = say("online-endpoint", "show-shift", "--name", "stripes")
        assert after["id"] == shift.id
        # A step's, whole; it may be the next one's meanwhile.
        assert traffic.get("version-2", 0) in (after["percent"], later["percent"])
        answered = len(callers.statuses)
        wait_for("end of the job", lambda: job.state.status in FINAL)
    assert job.state.status == "Completed", job.state.error
    assert len(callers.statuses) > answered
    assert set(callers.statuses) == {200}

    assert get_model("stripes", label="champion").version == "2"
    assert get_model("stripes", label="challenger").version == "2"
    shown = say("online-endpoint", "show", "--name", "stripes")
    assert shown["traffic"] == {"version-2": 100}
    [deployment] = say("online-deployment", "list", "--endpoint-name", "stripes")
    assert deployment["model"] == "azureml:stripes:2"
    assert deployment["data_collector"]["collections"]["model_inputs"]["enabled"]
    compared = job.sibling(f"{job.name}-compare").state.metrics
    assert compared["difference_low"] > 0
    [ended] = say("online-endpoint", "list-shifts", "--name", "stripes")
    assert ended["status"] == "completed"
    assert [entry["percent"] for entry in ended["history"]] == [0, 50, 100, 100]
