"""What an instance records of requests."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pictures import encoded, noise

from tintype.endpoints.online.calls import Answer, ScoreCall
from tintype.endpoints.online.instances import collecting
from tintype.endpoints.online.instances.collecting import Collecting
from tintype.endpoints.online.instances.scoring_service import ScoringService
from tintype.errors import OutputError
from tintype.images.decode import decode_image
from tintype.schemas.data_collector import DataCollector
from tintype.scoring import Scorer
from tintype.workspace.collected import CollectedRow, collected_folder, read_collected

IMAGES = [encoded(noise(50, 60, seed=n), kind) for n, kind in enumerate(("PNG", "JPEG", "WEBP"))]


@pytest.fixture
def scorer(model_folder: Path) -> Scorer:
    return Scorer.load(model_folder, batch_size=8)


@pytest.fixture(autouse=True)
def home(workspace_home: Path) -> Iterator[None]:
    yield


def collector(**given: Any) -> DataCollector:
    both = {"model_inputs": {"enabled": "True"}, "model_outputs": {"enabled": "true"}}
    return DataCollector.model_validate({"collections": both, **given})


def ask(service: ScoringService, images: list[bytes], **more: Any) -> Answer:
    cells = [base64.b64encode(image).decode() for image in images]
    body = json.dumps({"input_data": cells}).encode()
    return asyncio.run(service.answer(ScoreCall(body, request_id="asked", **more)))


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


def test_a_disk_that_is_full_or_slow_costs_samples_and_no_answers(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> str:
        raise OutputError("the disk is full")

    monkeypatch.setattr(collecting, "write_picture", full)
    made = Collecting(collector(), "pets", "blue")
    service = ScoringService(scorer, collecting=made)
    assert [ask(service, IMAGES).status for _ in range(3)] == [200] * 3
    service.close()
    assert made.dropped == 3
    assert "the disk is full" in caplog.text
    assert "3 samples were dropped" in caplog.text

    monkeypatch.setattr(collecting, "_MOST_BYTES", 10)
    made = Collecting(collector(), "pets", "green")
    service = ScoringService(scorer, collecting=made)
    assert ask(service, IMAGES).status == 200
    service.close()
    assert made.dropped == 1
    assert not collected_folder("pets", "green").exists()
