"""Samples of a deployment become files, and what is too much of them goes."""

from __future__ import annotations

import datetime
import errno
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, noise

from tintype.endpoints.online.collecting import recorder
from tintype.endpoints.online.collecting.recorder import Keeping, Recorder
from tintype.endpoints.online.collecting.sample import Sample, sample_of, sample_parts
from tintype.scoring.results import Prediction
from tintype.workspace.collected import collected_folder, read_collected

LABELS = ("cat", "dog")


@pytest.fixture(autouse=True)
def home(workspace_home: Path) -> Path:
    return workspace_home


def sample(number: int, picture: bytes | None = None) -> Sample:
    content = encoded(noise(40, 60, seed=number), "PNG") if picture is None else picture
    return Sample(
        f"request-{number}",
        pictures={0: content},
        predictions={0: Prediction(np.array([0.25, 0.75], np.float32), LABELS)},
        rows=[0],
        latency_ms=2.5,
        answered=datetime.datetime.now(datetime.UTC),
    )


def a_recorder(**given: object) -> Recorder:
    keeping = {"picture": "original", "period": "hour", "keep_days": 30, "keep_bytes": 10**9}
    return Recorder("pets", "blue", Keeping(**{**keeping, **given}))  # type: ignore[arg-type]


Settled = list[tuple[int, int, str | None]]


def taken(found: Recorder, *samples: Sample) -> Settled:
    """What becomes of samples, as far as it is known."""
    settled: Settled = []
    for each in samples:
        found.take(each, lambda *outcome: settled.append((*map(int, outcome[:2]), outcome[2])))  # type: ignore[arg-type]
    return settled


def requests() -> list[str]:
    return [row.request_id for _, row in read_collected(collected_folder("pets"))]


def test_a_sample_is_in_a_frame_what_it_was() -> None:
    """Rows in any mixture: some have a picture, some an answer, some features."""
    first, second = np.array([0.5, 0.5], np.float32), np.array([1.0, 2.0, 3.0], np.float32)
    given = Sample(
        "käse",
        pictures={0: b"picture", 3: b""},
        predictions={1: Prediction(first, LABELS), 3: Prediction(first[::-1], LABELS)},
        embeddings={3: second},
        rows=[0, 1, 3],
        latency_ms=2.5,
        answered=datetime.datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=datetime.UTC),
    )
    header, parts = sample_parts(given)
    found = sample_of(header, b"".join(parts), LABELS)
    assert (found.request_id, found.answered, found.latency_ms) == ("käse", given.answered, 2.5)
    assert (found.pictures, found.rows) == (given.pictures, [0, 1, 3])
    assert found.predictions is not None
    assert {row: one.probs.tolist() for row, one in found.predictions.items()} == {
        1: [0.5, 0.5],
        3: [0.5, 0.5],
    }
    assert found.embeddings is not None
    assert {row: one.tolist() for row, one in found.embeddings.items()} == {3: [1.0, 2.0, 3.0]}
    assert found.labels == LABELS


def test_rows_are_written_when_they_have_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    found = a_recorder()
    settled = taken(found, sample(1), sample(2))
    found.write_due()
    assert settled == []
    found.write()
    assert settled == [(1, 0, None)] * 2
    monkeypatch.setattr(recorder, "_WRITE_SECONDS", 0.0)
    settled = taken(found, sample(3))
    found.write_due()
    assert settled == [(1, 0, None)]
    monkeypatch.setattr(recorder, "_WRITE_ROWS", 2)
    assert taken(found, sample(4), sample(5)) == [(1, 0, None)] * 2, "so many are enough"
    assert requests() == [f"request-{number}" for number in range(1, 6)]


def test_rows_of_many_numbers_do_not_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "_WRITE_BYTES", 16)
    assert len(taken(a_recorder(), sample(1), sample(2))) == 2


def test_a_disk_that_is_full_drops_samples_until_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = a_recorder()

    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = taken(found, sample(1))
    with monkeypatch.context() as disk:
        disk.setattr(tempfile, "mkstemp", full)
        ((recorded, dropped, fault),) = taken(found, sample(2))
        found.write()
        assert (recorded, dropped) == (0, 1)
        assert "No space left on device" in str(fault)
        assert before[0][:2] == (0, 1), "its rows could not be written"
    after = taken(found, sample(3))
    found.write()
    assert after == [(1, 0, None)]
    assert requests() == ["request-3"]
    assert not list(collected_folder("pets", "blue").glob("**/.*"))


def test_bytes_are_kept_in_bounds_while_they_come() -> None:
    size = len(encoded(noise(40, 60, seed=0), "PNG"))
    found = a_recorder(keep_bytes=20 * size)
    pictures = collected_folder("pets", "blue") / "pictures"
    for number in range(60):
        taken(found, sample(number))
        found.write_due()
        kept = sum(path.stat().st_size for path in pictures.glob("*/*"))
        # A tenth more may have come since the last look.
        assert kept <= 23 * size
    assert kept > 15 * size


def test_days_are_kept_in_bounds() -> None:
    found = a_recorder(keep_days=2)
    taken(found, sample(1))
    found.write()
    old = time.time() - 3 * 86_400
    for path in collected_folder("pets", "blue").glob("**/*.*"):
        os.utime(path, (old, old))
    taken(found, sample(2))
    found.write_due()
    found.write()
    assert requests() == ["request-2"]
    assert len(list(collected_folder("pets", "blue").glob("pictures/*/*"))) == 1


def test_what_is_no_picture_is_not_kept_as_one() -> None:
    found = a_recorder(picture="thumbnail")
    settled = taken(found, sample(1, b"no picture"))
    found.write()
    assert settled == [(1, 0, None)]
    ((_, row),) = read_collected(collected_folder("pets"))
    assert (row.picture, row.label) == (None, "dog")
