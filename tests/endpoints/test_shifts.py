"""Shifts of traffic: steps, bounds, and what a kill at any moment leaves."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import orjson
import pytest

from tintype.endpoints.online.calls import Answer
from tintype.endpoints.online.daemon.judgement import judge_step
from tintype.endpoints.online.daemon.shifts import TrafficShifts
from tintype.endpoints.online.gateway.mirroring import _differences, answered_labels
from tintype.endpoints.online.metrics import GatewayMetrics
from tintype.endpoints.online.observed import Observed
from tintype.errors import DocumentError, OutputError, UsageError
from tintype.schemas.document import Document
from tintype.schemas.traffic_shift import (
    ShiftBounds,
    load_traffic_shift,
    parse_bounds,
    parse_steps,
    read_traffic_shift,
)
from tintype.workspace.endpoints import DeploymentRecord, EndpointRecord, EndpointStore
from tintype.workspace.traffic_shifts import ShiftStore

ALL = {"errors": "1%", "latency_p95": "1.5x", "disagreement": "10%"}


class Daemon:
    """What a daemon keeps of an endpoint `photos`, with a clock that the test turns."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.store = EndpointStore()
        self.metrics = GatewayMetrics()
        self.shifts = TrafficShifts(self.metrics, self.set_traffic, clock=lambda: self.now)

    def set_traffic(self, endpoint: str, traffic: dict[str, int], mirror: dict[str, int]) -> None:
        record = self.store.endpoint(endpoint)
        self.store.save(record.changed(traffic=traffic, mirror_traffic=mirror))

    @property
    def traffic(self) -> tuple[dict[str, int], dict[str, int]]:
        record = self.store.endpoint("photos")
        return {k: v for k, v in record.traffic.items() if v}, record.mirror_traffic

    def start(self, **given: Any) -> dict[str, Any]:
        given = {"endpoint": "photos", "to": "green", "min_requests": 20, "every": "60s", **given}
        document = read_traffic_shift(Document(given))
        return self.shifts.start(document.model_dump(mode="json", by_alias=True, exclude_none=True))

    def answer(self, deployment: str, count: int, *, failed: int = 0, seconds: float = 0.1) -> None:
        for number in range(count):
            status = 500 if number < failed else 200
            self.metrics.request("photos", deployment, status, seconds, 10)

    def passes(self, seconds: float = 60) -> str:
        self.now += seconds
        self.shifts.look()
        return str(self.shifts.show("photos")["status"])


@pytest.fixture
def daemon(workspace_home: Path) -> Daemon:
    store = EndpointStore()
    store.save(EndpointRecord("photos", {"name": "photos"}, {}, {"blue": 100, "old": 0}))
    for name in ("blue", "green", "old"):
        store.save(DeploymentRecord("photos", name, {}, "model", provisioning_state="Succeeded"))
    return Daemon()


def test_traffic_goes_over_in_steps(daemon: Daemon) -> None:
    shown = daemon.start(bounds=ALL)
    assert (shown["mirrored"], shown["percent"]) == (True, 0)
    assert daemon.traffic == ({"blue": 100}, {"green": 50})
    # Time alone is not enough: nothing is judged before there are enough pictures.
    assert daemon.passes(600) == "running"
    assert "0 of 20 mirrored pictures" in daemon.shifts.show("photos")["reason"]
    daemon.metrics.mirrored("photos", "green", 30, 3)
    daemon.passes()
    for percent in (5, 25, 50):
        assert daemon.traffic == ({"blue": 100 - percent, "green": percent}, {})
        daemon.answer("blue", 30)
        daemon.answer("green", 19)
        assert daemon.passes() == "running"
        daemon.answer("green", 1)
        # Enough, and the step has taken its time.
        daemon.passes(0)
    assert daemon.traffic == ({"green": 100}, {})
    daemon.answer("green", 20)
    assert daemon.passes(59) == "running"
    assert daemon.passes(1) == "completed"
    assert daemon.traffic == ({"green": 100}, {})
    history = daemon.shifts.show("photos")["history"]
    assert [entry["event"] for entry in history] == ["began", *["went on"] * 4, "completed"]
    assert [entry["percent"] for entry in history] == [0, 5, 25, 50, 100, 100]
    assert history[2]["measured"]["challenger"]["requests"] == 20
    text = daemon.metrics.text().decode()
    assert 'tintype_shift_percent{deployment="green",endpoint="photos"} 100.0' in text
    assert (
        'tintype_shifts_total{deployment="green",endpoint="photos",status="completed"} 1.0' in text
    )
    assert 'outcome="different"} 3.0' in text


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        # Ten requests are enough where most fail.
        ({"count": 10, "failed": 6}, "errors: 6 of 10 requests failed"),
        ({"count": 20, "failed": 1}, "errors: 1 of 20 requests failed, 0.00% of the champion's"),
        ({"count": 20, "seconds": 0.2}, "latency: p95 200 ms against 100 ms; the bound is 1.5x"),
    ],
)
def test_it_goes_back_when_a_bound_is_passed(
    daemon: Daemon, answers: dict[str, Any], reason: str
) -> None:
    daemon.start()
    daemon.answer("blue", 40)
    daemon.answer("green", **answers)
    # At once, not at the end of the step.
    assert daemon.passes(1) == "rolled back"
    assert reason in daemon.shifts.show("photos")["reason"]
    assert daemon.traffic == ({"blue": 100}, {})
    # And another may begin.
    assert daemon.start()["status"] == "running"
    assert [shift["status"] for shift in daemon.shifts.list("photos")] == ["running", "rolled back"]


def test_it_goes_back_while_it_is_only_mirrored(daemon: Daemon) -> None:
    daemon.start(bounds={"disagreement": "10%"})
    daemon.metrics.mirrored("photos", "green", 20, 3)
    assert daemon.passes(1) == "rolled back"
    assert "3 of 20 mirrored pictures have another label" in daemon.shifts.show("photos")["reason"]
    assert daemon.traffic == ({"blue": 100}, {})


def test_what_fails_on_both_sides_is_not_the_challengers_fault(daemon: Daemon) -> None:
    daemon.start(bounds={"errors": "1%"})
    daemon.answer("blue", 40, failed=24)
    daemon.answer("green", 20, failed=12)
    assert daemon.passes() == "running"
    assert daemon.traffic == ({"blue": 75, "green": 25}, {})


def test_the_last_step_is_held_against_the_champions_last_answers(daemon: Daemon) -> None:
    daemon.start(steps=[50, 100])
    daemon.answer("blue", 30, seconds=0.1)
    daemon.answer("green", 30, seconds=0.1)
    daemon.passes()
    assert daemon.traffic == ({"green": 100}, {})
    daemon.answer("green", 30, seconds=0.3)
    assert daemon.passes(1) == "rolled back"
    assert daemon.traffic == ({"blue": 100}, {})


def test_a_cancelled_shift_goes_back(daemon: Daemon) -> None:
    daemon.start()
    assert daemon.traffic == ({"blue": 95, "green": 5}, {})
    assert daemon.shifts.cancel("photos")["status"] == "cancelled"
    assert daemon.traffic == ({"blue": 100}, {})
    with pytest.raises(UsageError, match="no shift of traffic is under way"):
        daemon.shifts.cancel("photos")


def test_killed_at_any_write_it_goes_on_or_back(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shift of two steps and its roll-back, ended at each of its writes in turn."""
    plain_shift, plain_endpoint = ShiftStore.save, EndpointStore.save
    ended_after = 0

    def count_down(plain: Any) -> Any:
        def save(self: Any, record: Any) -> None:
            nonlocal ended_after
            if ended_after == 0:
                raise OutputError("killed")
            ended_after -= 1
            plain(self, record)

        return save

    seen = set()
    for writes in itertools.count():
        ended_after = writes
        daemon = Daemon()
        with monkeypatch.context() as patch:
            patch.setattr(ShiftStore, "save", count_down(plain_shift))
            patch.setattr(EndpointStore, "save", count_down(plain_endpoint))
            done = False
            try:
                daemon.start()
                daemon.answer("blue", 20)
                daemon.answer("green", 20)
                daemon.now += 60
                daemon.shifts._look_at(daemon.shifts._running["photos"])
                daemon.answer("blue", 20)
                daemon.answer("green", 20, failed=20)
                daemon.shifts._look_at(daemon.shifts._running["photos"])
                done = True
            except OutputError:
                pass
        after = Daemon()
        after.shifts.restore()
        newest = ShiftStore().of_endpoint("photos")[:1]
        for record in newest:
            assert record.applied
            wanted = {k: v for k, v in record.traffic.items() if v}
            assert after.traffic == (wanted, record.mirror_traffic)
            seen.add((record.status, record.percent))
            if record.status == "running":
                after.shifts.cancel("photos")
        assert after.traffic == ({"blue": 100}, {})
        if done:
            break
    assert seen >= {("running", 5), ("running", 25), ("rolled back", 0)}


def test_a_full_disk_or_a_broken_record_keeps_nothing_from_being_served(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, workspace_home: Path
) -> None:
    daemon.start()
    with monkeypatch.context() as patch:

        def full(*_: Any) -> None:
            raise OutputError("the disk is full")

        patch.setattr(EndpointStore, "save", full)
        daemon.answer("green", 20, failed=20)
        assert daemon.passes(1) == "running"
        after = Daemon()
        after.shifts.restore()
        assert after.traffic == ({"blue": 95, "green": 5}, {})
    # Once there is room, it goes back.
    daemon.shifts.look()
    assert daemon.shifts.show("photos")["status"] == "rolled back"
    assert daemon.traffic == ({"blue": 100}, {})
    [record] = (workspace_home / "endpoints" / "photos" / "shifts").iterdir()
    record.write_text("{")
    after.shifts.restore()
    with pytest.raises(OutputError, match="cannot read"):
        after.shifts.list("photos")


def test_after_a_kill_it_counts_anew(daemon: Daemon) -> None:
    daemon.start()
    daemon.answer("blue", 20)
    daemon.answer("green", 20)
    after = Daemon()
    after.now = daemon.now
    after.shifts.restore()
    assert after.passes(600) == "running"
    assert after.traffic == ({"blue": 95, "green": 5}, {})
    after.answer("blue", 20)
    after.answer("green", 20)
    after.passes(0)
    assert after.traffic == ({"blue": 75, "green": 25}, {})


def test_what_is_refused(daemon: Daemon) -> None:
    with pytest.raises(UsageError, match=r"no deployment 'gren'.*green"):
        daemon.start(to="gren")
    with pytest.raises(UsageError, match="no online endpoint 'photo'"):
        daemon.start(endpoint="photo")
    with pytest.raises(UsageError, match="has all of the traffic already"):
        daemon.start(to="blue")
    with pytest.raises(UsageError, match="has had no shift"):
        daemon.shifts.show("photos")
    daemon.start()
    with pytest.raises(UsageError, match=r"from 'blue' to 'green'.*cancel-shift"):
        daemon.start(to="old")
    for name in ("blue", "green", None):
        with pytest.raises(UsageError, match="cancel-shift"):
            daemon.shifts.check_free("photos", name)
    daemon.shifts.check_free("photos", "old")
    daemon.shifts.cancel("photos")
    record = daemon.store.endpoint("photos")
    daemon.store.save(record.changed(traffic={"blue": 50, "old": 50}))
    with pytest.raises(UsageError, match="it is shared as blue=50, old=50"):
        daemon.start()
    daemon.store.save(record.changed(traffic={"blue": 100}))
    waiting = daemon.store.deployment("photos", "green").changed(provisioning_state="Creating")
    daemon.store.save(waiting)
    with pytest.raises(UsageError, match="'green' is creating"):
        daemon.start()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"steps": [50, 25, 100]}, "rising"),
        ({"steps": [5, 50]}, "the last step is 100"),
        ({"steps": [0, 100]}, "greater than or equal to 1"),
        ({"steps": []}, "at least 1"),
        ({"every": "0s"}, "greater than or equal to 1"),
        ({"every": "soon"}, "90s"),
        ({"bounds": {"errors": "1"}}, "percentage such as 1%"),
        ({"bounds": {"latency_p95": "50%"}}, "factor such as 1.5x"),
        ({"bounds": {"latency_p95": 0.5}}, "greater than or equal to 1"),
        ({"bounds": {"error": "1%"}}, "errors"),
        ({"bounds": {}}, "at least one of errors"),
        ({"min_requests": 0}, "greater than or equal to 1"),
        ({"to": "x"}, "3 to 32"),
    ],
)
def test_documents_that_are_wrong(given: dict[str, Any], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        read_traffic_shift(Document({"endpoint": "photos", "to": "green", **given}))


def test_the_command_line_says_the_same_as_a_document(tmp_path: Path) -> None:
    path = tmp_path / "shift.yml"
    path.write_text(
        "endpoint: photos\nto: green\nsteps: [10, 100]\nevery: 5m\n"
        "bounds: {errors: 2%, latency_p95: 1.2x}\n"
    )
    options = {
        "endpoint": "photos",
        "to": "green",
        "steps": parse_steps("10,100"),
        "every": "PT5M",
        "bounds": parse_bounds("errors=2%, latency_p95=1.2x"),
    }
    assert load_traffic_shift(path) == load_traffic_shift(None, (), options)
    assert load_traffic_shift(path).bounds == ShiftBounds(errors=0.02, latency_p95=1.2)
    for wrong in ("errors", "errors=1%,errors=2%", "errors="):
        with pytest.raises(UsageError, match="expected each once"):
            parse_bounds(wrong)
    with pytest.raises(UsageError, match="percentages"):
        parse_steps("5,half")


def test_without_a_champion_to_compare_with_only_errors_are_judged() -> None:
    seen = Observed(20, 0)
    seen.times.extend([9.0] * 20)
    assert judge_step(ShiftBounds(latency_p95=1.0), 20, None, seen).verdict == "well"


ROWS = [
    {"probs": [0.1, 0.9], "labels": ["a", "b"]},
    [{"label": "b", "score": 0.9}],
    {"0": {"label": "b", "score": 0.9}},
]


@pytest.mark.parametrize("row", ROWS)
def test_answers_are_compared_whatever_their_style(row: Any) -> None:
    live = Answer(200, orjson.dumps([row, row, {"error": {"code": 400}}]))
    assert answered_labels(live.body) == ["b", "b", None]
    other = Answer(200, orjson.dumps({"predictions": [ROWS[0], {"error": {}}, {"error": {}}]}))
    assert _differences(live, other) == (3, 1)
    assert _differences(live, Answer(500, b"{}")) == (3, 3)
    assert _differences(live, Answer(200, b"[]")) == (3, 3)
    embeddings = Answer(200, orjson.dumps([{"image_features": [0.1]}]))
    assert _differences(embeddings, embeddings) is None


def test_commands(daemon: Daemon, command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    verbs = {
        "start-shift": daemon.shifts.start,
        "get-shift": daemon.shifts.show,
        "list-shifts": daemon.shifts.list,
        "cancel-shift": daemon.shifts.cancel,
    }
    monkeypatch.setattr(
        "tintype.client.online_endpoint.ask_daemon", lambda verb, **given: verbs[verb](**given)
    )
    shift = ("online-endpoint", "shift", "--name", "photos", "--to", "green")
    given = ("--steps", "10,100", "--every", "5m", "--bounds", "errors=2%", "--min-requests", "7")
    shown = command(*shift, *given)
    assert (shown["from"], shown["to"], shown["percent"]) == ("blue", "green", 10)
    assert (shown["every"], shown["bounds"]) == (300, {"errors": 0.02})
    assert shown["reason"] == "the challenger has 0 of 7 requests"
    assert "cancel-shift" in command(*shift, code=2)
    assert "rising" in command(*shift, "--steps", "50,10,100", code=2)
    assert command("online-endpoint", "show-shift", "--name", "photos")["id"] == shown["id"]
    assert command("online-endpoint", "cancel-shift", "--name", "photos")["status"] == "cancelled"

    def ends(_: float) -> None:
        daemon.answer("green", 10, failed=10)
        daemon.shifts.look()

    monkeypatch.setattr("tintype.cli.online_endpoint.time.sleep", ends)
    command(*shift, *given, "--wait", code=1)
    listed = command("online-endpoint", "list-shifts", "--name", "photos")
    assert [each["status"] for each in listed] == ["rolled back", "cancelled"]
