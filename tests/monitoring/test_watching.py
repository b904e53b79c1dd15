"""A monitor run over collected pictures: what it finds, what it keeps, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import monitored
import pytest
from monitored import Watched, picture
from pictures import encoded, noise
from report_pages import data_of

from tintype.errors import DataError, OutputError, UsageError
from tintype.files import locked_folder
from tintype.monitoring import alarms
from tintype.monitoring.watching import check_monitor, notices_of, run_monitor
from tintype.workspace.endpoints import EndpointStore
from tintype.workspace.monitors import MonitorStore

BASELINE = range(120)
SAME = range(1_000, 1_080)
LIGHTER = range(2_000, 2_060)


@pytest.fixture
def watched(workspace_home: Path, model_folder: Path, tmp_path: Path) -> Watched:
    watched = Watched(model_folder, tmp_path)
    watched.baseline(BASELINE)
    return watched


@pytest.fixture
def store(watched: Watched) -> MonitorStore:
    return MonitorStore()


def lighter(watched: Watched) -> None:
    watched.collect([picture(seed, light=70) for seed in LIGHTER])


def test_the_same_is_no_drift_and_lighter_pictures_are(
    watched: Watched, store: MonitorStore, vit_checkpoint: Path
) -> None:
    monitor = watched.monitor(vit_checkpoint)
    check_monitor(monitor)
    watched.collect([picture(seed) for seed in SAME])
    same = run_monitor(store, "watch")
    assert (same["outcome"], same["alarms"], same["number"]) == ("no drift", [], 1)
    assert (same["rows"], same["different"], same["repeated"]) == (80, 80, 0)
    assert set(same["estimates"]) == {"atc", "doc"}
    lighter(watched)
    window = run_monitor(store, "watch")
    assert (window["outcome"], window["rows"], window["number"]) == ("drift", 60, 2)
    counted = {test["name"] for test in window["tests"] if test["drifted"]}
    assert {"mmd", "auc", "brightness"} <= counted
    assert window["start"] > same["end"]
    (brightness,) = (test for test in window["tests"] if test["name"] == "brightness")
    assert brightness["window"] > brightness["baseline"] + 40
    assert any(alarm.startswith("image_statistics: brightness p = ") for alarm in window["alarms"])
    first = window["drifted"][0]
    assert Path(first["picture"]).is_file()
    assert first["request_id"].startswith("request-")
    kept = store.get("watch")
    assert (kept.alarms, kept.last_window) == (1, window)
    page = data_of((store.folder("watch") / "report.html").read_text("utf-8"))
    assert [each["alarms"] > 0 for each in page["windows"]] == [False, True]
    assert all(
        shown["picture"].startswith("data:image/webp") for shown in page["pictures"]["drifted"]
    )
    # Nothing new has come: nothing is tested twice.
    assert run_monitor(store, "watch")["outcome"] == "waiting"
    assert len(store.windows("watch")) == 2


def test_a_burst_is_no_drift(watched: Watched, store: MonitorStore, vit_checkpoint: Path) -> None:
    watched.monitor(vit_checkpoint)
    scene = noise(64, 64, seed=3)
    burst = [encoded(scene, "JPEG", quality=60 + number) for number in range(30)]
    watched.collect([picture(seed) for seed in SAME] + burst)
    found = run_monitor(store, "watch")
    assert found["repeated"] == 29
    assert found["outcome"] == "no drift", found["alarms"]


def test_what_a_burst_leaves_may_be_too_few(
    watched: Watched, store: MonitorStore, vit_checkpoint: Path
) -> None:
    watched.monitor(vit_checkpoint)
    watched.collect([picture(5)] * 100)
    found = run_monitor(store, "watch")
    assert found["outcome"] == "waiting"
    assert found["reason"].startswith("of 100 pictures 1 are different")
    assert store.get("watch").last_window is None


def test_answers_alone(watched: Watched, store: MonitorStore, vit_checkpoint: Path) -> None:
    watched.monitor(vit_checkpoint, signals=["label_drift", "confidence_drift"])
    watched.collect([picture(seed) for seed in SAME], pictures=False)
    found = run_monitor(store, "watch")
    assert [test["name"] for test in found["tests"]] == ["chi_square", "confidence"]
    assert found["different"] == 80
    assert sum(label["window"] for label in found["labels"]) == pytest.approx(1.0)


def test_a_baseline_of_an_earlier_time(
    watched: Watched, store: MonitorStore, vit_checkpoint: Path
) -> None:
    watched.collect([picture(seed) for seed in BASELINE])
    end = watched.moment.isoformat()
    monitor = watched.monitor(
        vit_checkpoint, baseline={"window": {"start": monitored.START.isoformat(), "end": end}}
    )
    check_monitor(monitor)
    lighter(watched)
    # The first window is all that was collected since.
    found = run_monitor(store, "watch")
    assert (found["outcome"], found["rows"]) == ("drift", len(LIGHTER))
    assert "accuracy is not estimated: the baseline has no labels" in found["notices"]


def test_small_copies_are_compared_with_small_copies(
    workspace_home: Path, model_folder: Path, vit_checkpoint: Path, tmp_path: Path
) -> None:
    watched = Watched(model_folder, tmp_path, {**monitored.BOTH, "picture": "thumbnail"})
    watched.baseline(BASELINE)
    watched.monitor(vit_checkpoint)
    watched.collect([picture(seed) for seed in SAME])
    run_monitor(MonitorStore(), "watch")
    copies = list((MonitorStore().folder("watch") / "baseline-pictures").glob("*.jpg"))
    assert len(copies) == len(BASELINE)


def test_a_baseline_with_other_classes(watched: Watched, vit_checkpoint: Path) -> None:
    (watched.folder / "baseline" / "bottle").mkdir()
    (watched.folder / "baseline" / "bottle" / "1.png").write_bytes(picture(1))
    monitor = watched.monitor(vit_checkpoint)
    with pytest.raises(DataError, match=r"'bottle' is not among.*pets/blue: can, carton, jug"):
        check_monitor(monitor)
    with pytest.raises(DataError, match="no such file or folder"):
        check_monitor(watched.monitor(vit_checkpoint, baseline="gone"))
    few = {"window": {"start": "2020-01-01", "end": "2020-01-02"}}
    with pytest.raises(UsageError, match="collected 0 pictures in that time"):
        check_monitor(watched.monitor(vit_checkpoint, baseline=few))


def test_an_endpoint_that_is_gone(
    watched: Watched, store: MonitorStore, vit_checkpoint: Path
) -> None:
    watched.monitor(vit_checkpoint)
    EndpointStore().delete_endpoint("pets")
    with pytest.raises(UsageError, match=r"no online endpoint 'pets'.*monitor delete --name watch"):
        run_monitor(store, "watch")
    assert "no online endpoint" in str(store.get("watch").last_error)


def test_which_deployment_must_be_said(
    watched: Watched, store: MonitorStore, vit_checkpoint: Path
) -> None:
    records = EndpointStore()
    records.save(records.deployment("pets", "blue").changed(name="green"))
    with pytest.raises(UsageError, match=r"2 deployments \(blue, green\); name one"):
        check_monitor(watched.monitor(vit_checkpoint))


def test_a_deployment_that_collects_nothing(
    workspace_home: Path, model_folder: Path, vit_checkpoint: Path, tmp_path: Path
) -> None:
    watched = Watched(model_folder, tmp_path, {})
    watched.baseline(BASELINE)
    with pytest.raises(UsageError, match=r"collects nothing.*model_inputs.enabled=true"):
        check_monitor(watched.monitor(vit_checkpoint))


def test_two_monitors_on_one_window_are_told_of(
    watched: Watched, store: MonitorStore, vit_checkpoint: Path
) -> None:
    watched.monitor(vit_checkpoint)
    second = watched.monitor(vit_checkpoint, name="second")
    (notice,) = notices_of(store, second)
    assert notice.startswith("monitor 'watch' watches the same pictures")
    watched.collect([picture(seed) for seed in SAME])
    # Each has windows of its own.
    assert [run_monitor(store, name)["number"] for name in ("watch", "second")] == [1, 1]


def test_a_monitor_that_runs_is_not_run_twice(
    watched: Watched, store: MonitorStore, vit_checkpoint: Path
) -> None:
    watched.monitor(vit_checkpoint)
    with locked_folder(store.folder("watch")), pytest.raises(OutputError, match="another job"):
        run_monitor(store, "watch")


def test_answers_of_another_model_are_left_out(
    watched: Watched, store: MonitorStore, vit_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.monitor(vit_checkpoint)
    watched.collect([picture(seed) for seed in SAME])
    monkeypatch.setattr(watched, "answer", lambda content: ("bottle", 0.9))
    watched.collect([picture(seed) for seed in range(3_000, 3_010)])
    found = run_monitor(store, "watch")
    assert found["notices"][0].startswith("10 answers are labels that the baseline's model")
    assert {label["label"] for label in found["labels"]} <= set(monitored.NAMES)


def test_an_alarm_is_posted_and_a_failure_of_that_is_told(
    watched: Watched, store: MonitorStore, vit_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted: list[dict[str, Any]] = []

    def post(url: str, content: bytes, **more: Any) -> bytes:
        posted.append({"url": url, **json.loads(content)})
        return b""

    monkeypatch.setattr(alarms, "post", post)
    watched.monitor(vit_checkpoint, alarm={"webhook": "https://example.com/hook"})
    watched.collect([picture(seed) for seed in SAME])
    run_monitor(store, "watch")
    assert posted == []
    lighter(watched)
    found = run_monitor(store, "watch")
    (message,) = posted
    assert (message["url"], message["monitor"]) == ("https://example.com/hook", "watch")
    assert message["alarms"] == found["alarms"]
    assert message["text"].startswith("monitor watch: ")
    monkeypatch.undo()


def test_a_webhook_to_a_private_address(
    watched: Watched, store: MonitorStore, vit_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarms, "_WAITS", ())
    watched.monitor(vit_checkpoint, alarm={"webhook": "http://127.0.0.1:9/hook"})
    lighter(watched)
    found = run_monitor(store, "watch")
    assert found["outcome"] == "drift"
    assert "not a public address; TINTYPE_PRIVATE_WEBHOOKS=true" in str(
        store.get("watch").last_error
    )


def test_accuracy_below_a_bound_is_an_alarm(
    watched: Watched, store: MonitorStore, vit_checkpoint: Path
) -> None:
    # Half of the baseline's labels are wrong: the model is right half the time.
    root = watched.folder / "baseline"
    for path in sorted(root.glob("*/*.png"))[::2]:
        other = monitored.NAMES[(monitored.NAMES.index(path.parent.name) + 1) % 3]
        (root / other).mkdir(exist_ok=True)
        path.rename(root / other / f"moved-{path.name}")
    watched.monitor(vit_checkpoint, signals=["estimated_accuracy"], alarm={"accuracy_below": 0.9})
    watched.collect([picture(seed) for seed in SAME])
    found = run_monitor(store, "watch")
    (alarm,) = found["alarms"]
    assert alarm.startswith("estimated_accuracy: 0.")
    assert alarm.endswith("is below 0.9")
