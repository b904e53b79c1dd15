"""Online endpoints as their users meet them: commands, HTTP, and whatever kills processes."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import write_certificate
from commands import run
from online import CELL, Endpoint, Load, Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    found = Workspace(tmp_path_factory.mktemp("endpoints"))
    yield found
    found("down")


def test_an_azure_script(workspace: Workspace) -> None:
    """The steps of azureml-examples' image classification deployment, `az ml` replaced."""
    folder = workspace.folder / "endpoint.yml"
    folder.write_text(
        "$schema: https://x/managedOnlineEndpoint.schema.json\nname: pets\nauth_mode: key\n"
    )
    created = workspace.read("online-endpoint", "create", "--name", "pets", "-f", folder)
    assert created["provisioning_state"] == "Succeeded"
    pets = Endpoint(workspace, "pets")
    status, answer, _ = pets.ask()
    assert (status, answer["error"]["code"]) == (404, 404)
    assert "no deployment of endpoint 'pets' has traffic" in answer["error"]["message"]

    deployed = workspace.deploy("pets")
    assert deployed["provisioning_state"] == "Succeeded"
    assert pets.ask()[0] == 404, "a new deployment has no traffic"
    assert pets.labels(azureml_model_deployment="demo") == ["can", "carton", "jug"]
    assert pets.ask(azureml_model_deployment="other")[0] == 404
    workspace("online-endpoint", "update", "--name", "pets", "--traffic", "demo=100")
    said = workspace(
        "online-endpoint", "invoke", "--name", "pets", "--request-file", workspace.request
    )
    assert json.loads(said) == pets.ask()[1]
    assert (
        workspace("online-endpoint", "show", "-n", "pets", "--query", "traffic.demo").strip()
        == "100"
    )
    names = workspace(
        "online-endpoint", "list", "--query", "[].name", "--output", "tsv", "--only-show-errors"
    ).split()
    assert "pets" in names
    logs = workspace(
        "online-deployment", "get-logs", "--endpoint", "pets", "-n", "demo", "-l", "100"
    )
    assert "answering" in logs

    run(
        "online-deployment",
        "create",
        "-f",
        workspace.deployment,
        "--set",
        "endpoint_name=pets",
        f"model={workspace.models['one']}",
        code=2,
        **workspace.environment,
    )
    refused = run(
        "online-deployment",
        "delete",
        "-n",
        "demo",
        "-e",
        "pets",
        "--yes",
        code=2,
        **workspace.environment,
    )
    assert "takes 100 percent" in refused.stderr

    workspace("online-endpoint", "delete", "--name", "pets", "--yes", "--no-wait")
    assert not any((workspace.folder / "home" / "credentials").glob("pets*"))
    missing = run("online-endpoint", "show", "-n", "pets", code=2, **workspace.environment)
    assert "no online endpoint 'pets'" in missing.stderr


def test_keys_and_routes(workspace: Workspace) -> None:
    shop = workspace.endpoint("shop")
    workspace.deploy("shop", "demo", "one", "--all-traffic")
    assert shop.labels() == ["can", "carton", "jug"]
    assert shop.ask(key="wrong")[0] == 401
    assert shop.ask(key=shop.secondary)[0] == 200
    new = workspace.read(
        "online-endpoint", "regenerate-keys", "-n", "shop", "--key-type", "secondary"
    )
    assert shop.ask(key=shop.secondary)[0] == 401
    assert shop.ask(key=new["secondaryKey"])[0] == 200
    assert shop.ask()[0] == 200, "the other key went on"
    stored = "".join(
        path.read_text() for path in (workspace.folder / "home" / "endpoints").rglob("*.json")
    )
    assert shop.key not in stored
    credentials = workspace.folder / "home" / "credentials" / "shop.json"
    assert credentials.stat().st_mode & 0o077 == 0

    # MLflow's protocol and the Open Inference Protocol say the same.
    expected = shop.ask()[1]
    body = json.dumps({"dataframe_split": {"columns": ["image"], "data": [[CELL]]}}).encode()
    assert shop.ask("/invocations", body)[1] == {"predictions": expected}
    body = json.dumps(
        {"inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": [CELL]}]}
    ).encode()
    status, inferred, _ = shop.ask("/v2/models/shop/infer", body)
    assert status == 200, inferred
    outputs = {output["name"]: output for output in inferred["outputs"]}
    assert outputs["probs"]["data"] == pytest.approx(expected[0]["probs"], abs=1e-6)
    assert outputs["labels"]["data"] == expected[0]["labels"]
    assert shop.ask("/v2/models/demo", None)[1]["name"] == "demo"
    assert shop.ask("/v2/health/ready", None)[0] == 200
    assert shop.ask("/swagger.json", None)[1]["openapi"].startswith("3.")
    assert shop.ask("/ping", None)[0] == 200

    # One bad row: its index; or an answer for the others.
    two = json.dumps({"input_data": [CELL, "aGVsbG8=", CELL]}).encode()
    status, answer, _ = shop.ask(body=two)
    assert (status, answer["error"]["row"]) == (422, 1)
    status, answer, _ = shop.ask(body=two, x_tintype_on_row_error="skip")
    assert status == 200
    assert [sorted(row) for row in answer] == [["labels", "probs"], ["error"], ["labels", "probs"]]
    assert answer[1]["error"]["row"] == 1

    # Metrics have a key of their own.
    config = json.loads((workspace.folder / "home" / "daemon" / "daemon.json").read_text())
    root = shop.base.removesuffix("/shop")
    request = urllib.request.Request(
        f"{root}/metrics", headers={"Authorization": f"Bearer {config['metrics_key']}"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        text = response.read().decode()
    assert 'tintype_requests_total{deployment="demo",endpoint="shop",status="200"}' in text
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{root}/metrics", timeout=10)
    with urllib.request.urlopen(f"{shop.base}/", timeout=10) as response:
        assert "text/html" in response.headers["content-type"]
    workspace("online-endpoint", "delete", "--name", "shop", "--yes")


def test_traffic_mirrors_and_rate_limits(workspace: Workspace) -> None:
    split = workspace.endpoint("split")
    workspace.deploy("split", "blue", "one", "--all-traffic")
    workspace.deploy("split", "green", "two")
    workspace("online-endpoint", "update", "-n", "split", "--traffic", "blue=50 green=50")
    first = [split.labels()[0] for _ in range(40)]
    assert {"can", "a"} == set(first)
    workspace("online-endpoint", "update", "-n", "split", "--traffic", "blue=100")
    workspace("online-endpoint", "update", "-n", "split", "--mirror-traffic", "green=50")
    assert {split.labels()[0] for _ in range(20)} == {"can"}
    wrong = run(
        "online-endpoint",
        "update",
        "-n",
        "split",
        "--traffic",
        "blue=60 green=50",
        code=2,
        **workspace.environment,
    )
    assert "adds up to 110" in wrong.stderr
    unknown = run(
        "online-endpoint",
        "update",
        "-n",
        "split",
        "--traffic",
        "red=100",
        code=2,
        **workspace.environment,
    )
    assert "no deployment 'red'" in unknown.stderr
    workspace(
        "online-endpoint", "update", "-n", "split", "--set", "rate_limit.requests_per_minute=12"
    )
    answers = [split.ask() for _ in range(6)]
    assert [status for status, _, _ in answers].count(200) == 2, "a burst of a sixth of a minute's"
    status, answer, headers = answers[-1]
    assert status == 429
    assert 1 <= int(headers["Retry-After"]) <= 6
    assert "rate limit" in answer["error"]["message"]
    assert split.ask(key=split.secondary)[0] == 200, "each key has its own"
    once = "rate_limit.requests_per_minute=1"
    workspace("online-endpoint", "update", "-n", "split", "--set", once)
    while split.ask()[0] == 200:
        time.sleep(0.1)
    workspace("down")
    workspace("up")
    assert split.ask()[0] == 429, "a restart gives no more"
    workspace("online-endpoint", "delete", "--name", "split", "--yes")


def test_an_instance_that_is_killed_costs_no_answer(workspace: Workspace) -> None:
    tough = workspace.endpoint("tough")
    workspace.deploy("tough", "demo", "one", "--set", "instance_count=2", "--all-traffic")
    assert len(workspace.pids("tough")) == 2
    with Load(tough) as load:
        load.wait_for(20)
        killed = workspace.pids("tough")[0]
        os.kill(killed, signal.SIGKILL)
        load.wait_for(40)
        # A hung one is as good as dead.
        stopped = next(pid for pid in workspace.pids("tough") if pid != killed)
        os.kill(stopped, signal.SIGSTOP)
        load.wait_for(20)
        deadline = time.monotonic() + 60
        while True:
            pids = workspace.pids("tough")
            if len(pids) == 2 and not {killed, stopped} & set(pids):
                break
            assert time.monotonic() < deadline, pids
            time.sleep(0.2)
        load.wait_for(10)
    assert set(load.statuses) == {200}
    workspace("online-endpoint", "delete", "--name", "tough", "--yes")


def test_updates_leave_no_gap(workspace: Workspace) -> None:
    smooth = workspace.endpoint("smooth")
    workspace.deploy("smooth", "demo", "one", "--all-traffic")
    with Load(smooth) as load:
        load.wait_for(10)
        updated = workspace.read(
            "online-deployment",
            "update",
            "-n",
            "demo",
            "-e",
            "smooth",
            "--set",
            f"model={workspace.models['two']}",
        )
        assert updated["provisioning_state"] == "Succeeded"
        load.wait_for(20)
        # A model that cannot be loaded: what serves goes on.
        broken = workspace.folder / "broken"
        shutil.copytree(workspace.models["one"], broken)
        weights = broken / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:2000])
        failed = run(
            "online-deployment",
            "update",
            "-n",
            "demo",
            "-e",
            "smooth",
            "--set",
            f"model={broken}",
            code=1,
            **workspace.environment,
        )
        assert "the update failed" in failed.stderr
        load.wait_for(10)
        shown = workspace.read("online-deployment", "show", "-n", "demo", "-e", "smooth")
        assert shown["provisioning_state"] == "Succeeded"
        assert shown["model"] == str(workspace.models["two"])
        # What needs no other instances changes at once.
        pids = workspace.pids("smooth")
        workspace(
            "online-deployment",
            "update",
            "-n",
            "demo",
            "-e",
            "smooth",
            "--set",
            "request_settings.request_timeout_ms=4000",
        )
        assert workspace.pids("smooth") == pids
    assert set(load.statuses) == {200}
    assert load.labels[0] == "can"
    assert load.labels[-1] == "a"
    changed = load.labels.index("a")
    assert "can" not in load.labels[changed + 10 :], "once new, always new"


def test_the_gateway_is_killed_and_goes_on_where_it_was(workspace: Workspace) -> None:
    phoenix = workspace.endpoint("phoenix")
    workspace.deploy("phoenix", "demo", "one", "--all-traffic")
    pids = workspace.pids("phoenix")
    daemon = workspace.read("status")["pid"]
    os.kill(daemon, signal.SIGKILL)
    again = workspace.read("up")
    assert again["pid"] != daemon
    assert phoenix.labels() == ["can", "carton", "jug"], "the same address and the same key"
    assert workspace.pids("phoenix") == pids, "the instances were found again"


def test_going_down_finishes_what_is_under_way(workspace: Workspace) -> None:
    calm = workspace.endpoint("calm")
    workspace.deploy("calm", "demo", "one", "--all-traffic")
    pids = workspace.pids("calm")
    answered: set[str] = set()
    statuses: set[int] = set()
    stop = threading.Event()

    def ask(thread: int) -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            name = f"calm{thread}n{number}"
            try:
                statuses.add(calm.ask(x_request_id=name)[0])
                answered.add(name)
            except (urllib.error.URLError, ConnectionError):
                # Nobody took it: whether that is so, the server's log tells.
                return

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    while len(answered) < 20:
        time.sleep(0.02)
    workspace("down")
    stop.set()
    for thread in threads:
        thread.join()
    assert statuses == {200}
    log = (workspace.folder / "home" / "daemon" / "daemon.log").read_text()
    taken = set(re.findall(r'"request_id":"(calm\w+)"', log))
    assert taken == answered, "what was taken was answered"
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    missing = run("status", code=1, **workspace.environment)
    assert "does not run" in missing.stderr
    # The next command starts it, and everything is there again.
    deadline = time.monotonic() + 60
    while not workspace.pids("calm"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert calm.labels() == ["can", "carton", "jug"]


def test_what_was_asked_is_labelled(workspace: Workspace) -> None:
    """Recorded as Azure's data collector does, and the model's answers proposed."""
    seen = workspace.endpoint("seen")
    on = [f"data_collector.collections.model_{what}.enabled=true" for what in ("inputs", "outputs")]
    workspace.deploy("seen", "demo", "one", "--all-traffic", "--set", on[0], "--set", on[1])
    answers = {seen.labels()[0] for _ in range(3)}
    # Rows are written every half minute.
    query = ("--query", "collected")
    counted: dict[str, int] = {}
    deadline = time.monotonic() + 120
    while counted != {"recorded": 3, "dropped": 0}:
        assert time.monotonic() < deadline, counted
        counted = workspace.read("online-deployment", "show", "-n", "demo", "-e", "seen", *query)
        time.sleep(1)
    config = json.loads((workspace.folder / "home" / "daemon" / "daemon.json").read_text())
    metrics = f"{seen.base.removesuffix('/seen')}/metrics"
    bearer = {"Authorization": f"Bearer {config['metrics_key']}"}
    with urllib.request.urlopen(urllib.request.Request(metrics, headers=bearer)) as response:
        text = response.read().decode()
    of_seen = 'tintype_collected_samples_total{deployment="demo",endpoint="seen",outcome='
    assert f'{of_seen}"recorded"}} 3.0' in text
    assert f'{of_seen}"dropped"}} 0.0' in text
    workspace("online-endpoint", "delete", "--name", "seen", "--yes")
    make = ("label", "create", "--name", "seen", "--data", "endpoint:seen")
    project = workspace.read(*make, "--existing-labels", "suggestions")
    assert project["pictures"]["unlabelled"] == 1, "one picture, asked about three times"
    assert {label["name"] for label in project["labels"]} <= {"can", "carton", "jug"}
    assert answers == {"can"}


def test_what_cannot_start_is_said(workspace: Workspace) -> None:
    workspace.endpoint("odd")
    missing = run(
        "online-deployment",
        "create",
        "-f",
        workspace.deployment,
        "--set",
        "endpoint_name=odd",
        "model=azureml:nothing:1",
        code=2,
        **workspace.environment,
    )
    assert "nothing" in missing.stderr
    nowhere = run(
        "online-deployment",
        "create",
        "-f",
        workspace.deployment,
        "--set",
        "endpoint_name=od",
        f"model={workspace.models['one']}",
        code=2,
        **workspace.environment,
    )
    assert "no online endpoint 'od'" in nowhere.stderr or "3 to 32" in nowhere.stderr
    failed = run(
        "online-deployment",
        "create",
        "-f",
        workspace.deployment,
        "--set",
        "endpoint_name=odd",
        f"model={workspace.models['one']}",
        "settings.task=zero_shot_image_classification",
        code=1,
        **workspace.environment,
    )
    assert "cannot classify zero-shot" in failed.stderr
    shown = workspace.read("online-deployment", "show", "-n", "demo", "-e", "odd")
    assert shown["provisioning_state"] == "Failed"
    workspace("online-endpoint", "delete", "--name", "odd", "--yes")


def test_busy_instances_get_help(workspace: Workspace) -> None:
    busy = workspace.endpoint("busy")
    workspace.deploy(
        "busy",
        "demo",
        "one",
        "--set",
        "scale_settings={type: target_utilization, max_instances: 2, target_utilization_percentage: 30}",
        "request_settings.max_concurrent_requests_per_instance=2",
        "--all-traffic",
    )
    assert len(workspace.pids("busy")) == 1
    with Load(busy, threads=4) as load:
        deadline = time.monotonic() + 60
        while len(workspace.pids("busy")) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        load.wait_for(10)
    assert set(load.statuses) == {200}
    workspace("online-endpoint", "delete", "--name", "busy", "--yes")


def test_https_endpoints(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    write_certificate(certificate, key, "IP:127.0.0.1")
    safe = Workspace(tmp_path)
    wrong = run(
        "up", "--certificate", certificate, "--private-key", certificate, code=2, **safe.environment
    )
    assert "--private-key" in wrong.stderr
    started = safe.read("up", "--certificate", certificate, "--private-key", key)
    try:
        assert started["address"].startswith("https://127.0.0.1:")
        safe("online-endpoint", "create", "--name", "safe")
        safe.deploy("safe", "demo", "one", "--all-traffic")
        said = json.loads(safe("online-endpoint", "invoke", "-n", "safe", "-r", safe.request))
        assert said[0]["labels"] == ["can", "carton", "jug"]
    finally:
        safe("down")
