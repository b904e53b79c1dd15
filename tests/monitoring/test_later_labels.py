"""Labels that came later: found by request or by picture, and refused where they are of nothing that was collected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from monitored import NAMES, Watched, picture

from tintype.errors import DataError, UsageError
from tintype.monitoring.later_labels import match_labels, refuse_unknown
from tintype.monitoring.watched import find_watched
from tintype.monitoring.watching import run_monitor
from tintype.workspace.collected import CollectedRow
from tintype.workspace.monitors import MonitorStore


@pytest.fixture
def watched(workspace_home: Path, model_folder: Path, tmp_path: Path) -> Watched:
    watched = Watched(model_folder, tmp_path)
    watched.baseline(range(60))
    return watched


def wrong(label: str | None) -> str:
    return NAMES[(NAMES.index(str(label)) + 1) % 3]


def by_request(path: Path, rows: list[CollectedRow], wrongs: int = 0) -> Path:
    lines = [
        {
            "request_id": row.request_id,
            "row": row.row,
            "label": wrong(row.label) if place < wrongs else row.label,
        }
        for place, row in enumerate(rows)
    ]
    if path.suffix == ".csv":
        cells = [",".join(map(str, line.values())) for line in lines]
        path.write_text("\n".join(["request_id,row,label", *cells]) + "\n")
    else:
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_by_request(watched: Watched, vit_checkpoint: Path, tmp_path: Path, ending: str) -> None:
    found = find_watched(watched.monitor(vit_checkpoint))
    rows = watched.collect([picture(seed) for seed in range(100, 110)])
    matched = match_labels(by_request(tmp_path / f"labels{ending}", rows, wrongs=3), found)
    assert matched.unknown == []
    assert [each.right for each in matched.labels.values()] == [False] * 3 + [True] * 7
    assert set(matched.labels) == {(row.request_id, 0) for row in rows}


def test_by_picture(watched: Watched, vit_checkpoint: Path, tmp_path: Path) -> None:
    found = find_watched(watched.monitor(vit_checkpoint))
    watched.collect([picture(7), picture(8), picture(7)])
    for label, seed in (("can", 7), ("jug", 8), ("jug", 9)):
        (tmp_path / "later" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "later" / label / f"{seed}.png").write_bytes(picture(seed))
    matched = match_labels(tmp_path / "later", found)
    # The same picture was asked about twice.
    assert sorted(each.labels[0] for each in matched.labels.values()) == ["can", "can", "jug"]
    (unknown,) = matched.unknown
    assert unknown.endswith("9.png")
    with pytest.raises(DataError, match=r"1 labels are of pictures.*9\.png.*--ignore-unknown"):
        refuse_unknown(matched, found)


def test_what_is_wrong_with_a_file_is_said(
    watched: Watched, vit_checkpoint: Path, tmp_path: Path
) -> None:
    found = find_watched(watched.monitor(vit_checkpoint))
    watched.collect([picture(7)])
    file = tmp_path / "labels.csv"

    def refused(content: str) -> str:
        file.write_text(content)
        with pytest.raises(DataError) as caught:
            match_labels(file, found)
        return str(caught.value)

    assert f"{file}:3: label" in refused("request_id,row,label\na,0,can\nb,0,\n")
    assert "expected the picture's place" in refused("request_id,row,label\na,first,can\n")
    assert "its labels are can, carton, jug" in refused("request_id,row,label\na,0,bottle\n")
    assert "there are no labels" in refused("request_id,row,label\n")
    broken = tmp_path / "labels.jsonl"
    broken.write_text('{"request_id": "a", "label": "can"}\n{"request_id"\n')
    with pytest.raises(DataError, match=f"{broken}:2: not JSON"):
        match_labels(broken, found)


def test_small_copies_cannot_be_found_by_their_bytes(
    workspace_home: Path, model_folder: Path, vit_checkpoint: Path, tmp_path: Path
) -> None:
    both = {"collections": {"model_inputs": {"enabled": True}, "model_outputs": {"enabled": True}}}
    watched = Watched(model_folder, tmp_path, {**both, "picture": "thumbnail"})
    watched.baseline(range(60))
    found = find_watched(watched.monitor(vit_checkpoint))
    with pytest.raises(UsageError, match="name them by request_id"):
        match_labels(tmp_path / "baseline", found)


def test_accuracy_that_fell_is_an_alarm_once(
    watched: Watched, vit_checkpoint: Path, tmp_path: Path
) -> None:
    store = MonitorStore()
    found = find_watched(watched.monitor(vit_checkpoint, signals=["accuracy"]))
    rows = watched.collect([picture(seed) for seed in range(100, 160)])
    labels = match_labels(by_request(tmp_path / "labels.csv", rows, wrongs=30), found).labels
    store.add_labels("watch", labels)
    assert store.labels("watch") == labels
    window = run_monitor(store, "watch")
    assert window["accuracy"]["value"] == 0.5
    assert window["baseline_accuracy"]["value"] == 1.0
    assert [test["name"] for test in window["tests"] if test["drifted"]] == ["accuracy"]
    # The next window has no new labels.
    watched.collect([picture(seed) for seed in range(200, 240)])
    assert run_monitor(store, "watch")["accuracy"] is None
