"""A model is served, watched, and found to be asked about other pictures: through HTTP, the command line and Prometheus."""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from monitored import picture
from online import Endpoint, Workspace
from pyarrow import parquet

from tintype.scoring.scorer import Scorer

RECORDED = [
    f"data_collector.collections.model_{what}.enabled=true" for what in ("inputs", "outputs")
]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path)
    yield workspace
    workspace("down")


def ask(endpoint: Endpoint, content: bytes) -> None:
    cell = base64.b64encode(content).decode()
    body = json.dumps({"input_data": {"columns": ["image"], "index": [0], "data": [cell]}})
    status, answer, _ = endpoint.ask(body=body.encode())
    assert status == 200, answer


def wait_for_rows(workspace: Workspace, count: int) -> None:
    """Rows are written every half minute."""
    folder = workspace.folder / "home" / "collected" / "photos" / "demo" / "rows"
    for _ in range(480):
        files = list(folder.glob("[!.]*.parquet"))
        if sum(parquet.read_metadata(file).num_rows for file in files) >= count:
            return
        time.sleep(0.5)
    pytest.fail(f"not all was collected in {folder}")


def test_a_served_model_is_watched(workspace: Workspace, tmp_path: Path) -> None:
    endpoint = workspace.endpoint("photos")
    workspace.deploy("photos", "demo", "one", *RECORDED)
    workspace("online-endpoint", "update", "--name", "photos", "--traffic", "demo=100")
    scorer = Scorer.load(workspace.models["one"])
    for seed in range(60):
        content = picture(seed)
        ((label, _),) = scorer.predict([content])[0].top(1)
        (tmp_path / "baseline" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "baseline" / label / f"{seed}.png").write_bytes(content)
    document = tmp_path / "monitor.yml"
    document.write_text(
        "name: watch\nendpoint: photos\nbaseline: ./baseline\nwindow: {least_pictures: 30}\n"
        f"embedding_model: {workspace.models['one']}\n"
    )
    workspace.read("monitor", "create", "--file", document)
    assert workspace.read("monitor", "run", "--name", "watch")["outcome"] == "waiting"
    for seed in range(500, 550):
        ask(endpoint, picture(seed, light=80))
    wait_for_rows(workspace, 50)
    found = json.loads(workspace("monitor", "run", "--name", "watch", code=3))
    assert (found["outcome"], found["rows"]) == ("drift", 50)
    config = json.loads((workspace.folder / "home" / "daemon" / "daemon.json").read_text())
    root = endpoint.base.removesuffix("/photos")
    asked = urllib.request.Request(
        f"{root}/metrics", headers={"Authorization": f"Bearer {config['metrics_key']}"}
    )
    text = urllib.request.urlopen(asked, timeout=30).read().decode()
    assert 'tintype_monitor_alarm{deployment="",endpoint="photos",monitor="watch"} 1.0' in text
    # An endpoint that is gone is told of, and what was found stays.
    workspace("online-endpoint", "delete", "--name", "photos", "--yes")
    workspace("monitor", "run", "--name", "watch", code=2)
    shown = workspace.read("monitor", "show", "--name", "watch")
    assert shown["windows_with_alarm"] == 1
    assert "there is no online endpoint 'photos'" in shown["last_error"]
