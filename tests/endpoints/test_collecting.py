"""What an instance records of requests."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from checkpoints import write_clip
from pictures import encoded, noise

from tintype.endpoints.online.calls import Answer, ScoreCall
from tintype.endpoints.online.collecting import collecting, collector_link
from tintype.endpoints.online.collecting.collecting import Collecting
from tintype.endpoints.online.frames import frame_head, receive_header
from tintype.endpoints.online.instances.model_service import open_service
from tintype.endpoints.online.instances.scoring_service import ScoringService
from tintype.endpoints.online.runtime_folder import collector_socket
from tintype.errors import UsageError
from tintype.images.decode import decode_image
from tintype.schemas.data_collector import DataCollector
from tintype.scoring import Scorer
from tintype.scoring.results import Prediction
from tintype.workspace.collected import CollectedRow, collected_folder, read_collected

PROGRAM = "tintype.endpoints.online.collecting.process"

IMAGES = [encoded(noise(50, 60, seed=n), kind) for n, kind in enumerate(("PNG", "JPEG", "WEBP"))]


@pytest.fixture
def scorer(model_folder: Path) -> Scorer:
    return Scorer.load(model_folder, batch_size=8)


@pytest.fixture(autouse=True)
def home(workspace_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A machine that runs many tests takes its time.
    monkeypatch.setattr(collecting, "_CLOSE_SECONDS", 60.0)
    monkeypatch.setattr(collector_link, "_HELLO_SECONDS", 30.0)


def collector(**given: Any) -> DataCollector:
    both = {"model_inputs": {"enabled": "True"}, "model_outputs": {"enabled": "true"}}
    return DataCollector.model_validate({"collections": both, **given})


def ask(service: ScoringService, images: list[bytes], **more: Any) -> Answer:
    cells = [base64.b64encode(image).decode() for image in images]
    body = json.dumps({"input_data": cells}).encode()
    return asyncio.run(service.answer(ScoreCall(body, request_id="asked", **more)))


def record(made: Collecting, request_id: str) -> None:
    """One request about one picture."""
    sample = made.sample(request_id)
    assert sample is not None
    assert sample.pictures is not None
    sample.pictures[0] = IMAGES[1]
    sample.predictions = {0: Prediction(np.array([0.25, 0.75], np.float32), ("cat", "dog"))}
    made.record(sample, [0])


def recorded(scorer: Scorer, images: list[bytes], **given: Any) -> list[CollectedRow]:
    """What is kept of one call with these images."""
    service = ScoringService(scorer, collecting=Collecting(collector(**given), "pets", "blue"))
    assert ask(service, images).status == 200
    service.close()
    return [row for _, row in read_collected(collected_folder("pets"))]


def test_pictures_and_answers(scorer: Scorer) -> None:
    rows = recorded(scorer, IMAGES)
    expected = scorer.predict(IMAGES)
    folder = collected_folder("pets", "blue")
    assert [row.row for row in rows] == [0, 1, 2]
    for row, image, prediction in zip(rows, IMAGES, expected, strict=True):
        assert (row.request_id, row.endpoint, row.deployment) == ("asked", "pets", "blue")
        assert row.picture is not None
        assert (folder / row.picture).read_bytes() == image
        assert row.labels == prediction.labels
        assert row.probabilities == pytest.approx(prediction.probs.tolist(), abs=1e-5)
        assert row.label == prediction.top(1)[0][0]
        assert row.latency_ms > 0
    assert [Path(row.picture or "").suffix for row in rows] == [".png", ".jpg", ".webp"]


def test_pictures_that_are_kept_small(scorer: Scorer) -> None:
    large = encoded(noise(900, 1200), "PNG")
    (row,) = recorded(scorer, [large], picture="thumbnail")
    kept = (collected_folder("pets", "blue") / str(row.picture)).read_bytes()
    assert decode_image(kept).shape == (384, 512, 3)


@pytest.mark.parametrize(
    ("given", "pictures", "answers"),
    [
        ({"picture": "none"}, False, True),
        ({"collections": {"model_inputs": {"enabled": True}}}, True, False),
        ({"collections": {"model_outputs": {"enabled": True}}}, False, True),
        (
            {
                "collections": {
                    "model_inputs": {"enabled": True, "sampling_rate": 1},
                    "model_outputs": {"enabled": True, "sampling_rate": 0},
                }
            },
            True,
            False,
        ),
    ],
)
def test_what_is_asked_for(
    scorer: Scorer, given: dict[str, Any], pictures: bool, answers: bool
) -> None:
    (row,) = recorded(scorer, IMAGES[:1], **given)
    assert (row.picture is not None, row.label is not None) == (pictures, answers)


def test_a_share_of_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Collecting(collector(sampling_rate=0.25), "pets", "blue")
    drawn = iter([0.1, 0.3, 0.24, 0.9])
    monkeypatch.setattr(collecting.random, "random", lambda: next(drawn))
    assert [found.sample("") is not None for _ in range(4)] == [True, False, True, False]
    found.close()


def test_rows_that_were_skipped_are_not_recorded(scorer: Scorer) -> None:
    service = ScoringService(scorer, collecting=Collecting(collector(), "pets", "blue"))
    assert ask(service, [IMAGES[0], b"no picture", IMAGES[1]], on_row_error="skip").status == 200
    # Refused altogether: nothing was answered.
    assert ask(service, [b"no picture"]).status == 422
    service.close()
    rows = [row for _, row in read_collected(collected_folder("pets"))]
    assert [(row.row, row.label is not None) for row in rows] == [(0, True), (2, True)]


def test_a_disk_that_is_full_costs_samples_and_no_answers(
    scorer: Scorer, caplog: pytest.LogCaptureFixture, workspace_home: Path
) -> None:
    # Where rows and pictures belong, nothing can be written: as on a disk that is full, to whoever writes.
    (workspace_home / "collected").write_text("no folder")
    made = Collecting(collector(), "pets", "blue")
    service = ScoringService(scorer, collecting=made)
    assert [ask(service, IMAGES).status for _ in range(3)] == [200] * 3
    service.close()
    assert (made.recorded, made.dropped) == (0, 3)
    assert service.collected == {"recorded": 0, "dropped": 3}
    assert "cannot write" in caplog.text
    assert "samples were dropped" in caplog.text


def test_what_there_is_no_room_for_is_dropped(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "_MOST_BYTES", 10)
    made = Collecting(collector(), "pets", "green")
    service = ScoringService(scorer, collecting=made)
    assert ask(service, IMAGES).status == 200
    service.close()
    assert (made.recorded, made.dropped) == (0, 1)
    assert not collected_folder("pets", "green").exists()


def test_features_are_recorded_where_answers_are_made_of_them(tmp_path: Path) -> None:
    clip = Scorer.load(write_clip(tmp_path / "clip"), labels=("cat", "dog"))
    rows = recorded(clip, IMAGES[:2], embedding=True)
    expected = Scorer.load(tmp_path / "clip", task="embeddings").predict(IMAGES[:2])
    for row, features in zip(rows, expected, strict=True):
        assert row.embedding == pytest.approx(features.features.tolist(), abs=1e-4)
        assert row.labels == ("cat", "dog")


def test_features_that_would_take_a_second_pass_are_refused(model_folder: Path) -> None:
    settings = {"scoring": {}, "style": "probs", "on_row_error": "fail", "max_waiting": 8}
    specification = {
        "model": str(model_folder),
        "settings": settings,
        "endpoint": "pets",
        "deployment": "blue",
        "collector": collector(embedding=True).model_dump(mode="json", exclude_none=True),
    }
    with pytest.raises(UsageError, match="no features with its answers"):
        open_service(specification)


def wait_for(what: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def process_that_writes() -> psutil.Process:
    wait_for(collector_socket().exists)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(collector_socket()))
        return psutil.Process(receive_header(connection)["pid"])


def test_one_process_writes_for_all_instances_and_ends_after_them() -> None:
    made = [Collecting(collector(), "pets", name) for name in ("blue", "blue", "green")]
    for number, each in enumerate(made):
        record(each, f"request-{number}")
    writer = process_that_writes()
    assert (writer.nice(), writer.cmdline()[-1]) == (19, PROGRAM)
    assert not [m.path for m in writer.memory_maps() if "torch" in m.path]
    for each in made:
        each.close()
    assert [each.recorded for each in made] == [1, 1, 1]
    found = [
        (row.deployment, row.request_id) for _, row in read_collected(collected_folder("pets"))
    ]
    assert sorted(found) == [("blue", "request-0"), ("blue", "request-1"), ("green", "request-2")]
    assert len(list(collected_folder("pets", "blue").glob("rows/*"))) == 1, "a file for both"
    wait_for(lambda: not writer.is_running() or writer.status() == psutil.STATUS_ZOMBIE)
    assert not collector_socket().exists()


def test_a_writer_that_is_killed_costs_what_it_had_and_is_started_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = Collecting(collector(), "pets", "blue")
    record(made, "first")
    wait_for(lambda: list(collected_folder("pets", "blue").glob("pictures/*/*")))
    killed = process_that_writes()
    killed.kill()
    said = "ended with status -9; 1 samples that it had were not written"
    wait_for(lambda: said in caplog.text)
    assert (made.recorded, made.dropped) == (0, 1)
    # It is not started again in a tight loop.
    time.sleep(collecting._AGAIN_SECONDS + 0.2)
    record(made, "second")
    made.close()
    assert (made.recorded, made.dropped) == (1, 1)
    rows = [row for _, row in read_collected(collected_folder("pets"))]
    assert [row.request_id for row in rows] == ["second"]


def test_what_a_killed_instance_handed_over_is_written(workspace_home: Path) -> None:
    script = f"""
import sys, time
sys.path[:0] = {[str(Path(__file__).parent), *sys.path]!r}
from test_collecting import collector, record
from tintype.endpoints.online.collecting.collecting import Collecting
made = Collecting(collector(), "pets", "blue")
for number in range(20):
    record(made, str(number))
while made._samples:
    time.sleep(0.01)
print("handed over", flush=True)
while True:
    record(made, "more")
    time.sleep(0.001)
"""
    instance = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert instance.stdout is not None
    assert instance.stdout.readline() == "handed over\n"
    time.sleep(0.5)
    instance.kill()
    instance.wait()
    writer = process_that_writes()
    wait_for(lambda: not writer.is_running())
    rows = [row for _, row in read_collected(collected_folder("pets"))]
    assert {str(number) for number in range(20)} <= {row.request_id for row in rows}
    assert all(row.picture and row.probabilities for row in rows), "none is half"


def test_a_writer_that_takes_nothing_holds_nobody_up(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "_CLOSE_SECONDS", 0.5)
    made = Collecting(collector(), "pets", "blue")
    record(made, "first")
    wait_for(lambda: made._link.is_open)
    writer = process_that_writes()
    writer.suspend()
    service = ScoringService(scorer, collecting=made)
    began = time.monotonic()
    assert ask(service, IMAGES).status == 200
    service.close()
    assert time.monotonic() - began < 10
    assert (made.recorded, made.dropped) == (0, 2)
    writer.kill()


def test_files_are_whole_whenever_the_writer_is_killed() -> None:
    """Read all the while, and after every kill -9 in the middle of writing."""
    for kill in range(4):
        made = Collecting(collector(), "pets", "blue")
        for number in range(100):
            record(made, f"{kill}-{number}")
        wait_for(lambda made=made: not made._samples)
        writer = process_that_writes()
        made._link._socket.sendall(frame_head({"kind": "write"}, 0))  # type: ignore[union-attr]
        time.sleep(0.002 * kill)
        writer.kill()
        made.close()
        assert made.recorded + made.dropped == 100
        for folder, row in read_collected(collected_folder("pets")):
            assert (folder / str(row.picture)).read_bytes() == IMAGES[1]
