"""Rolling files of rows."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest

from tintype.errors import OutputError
from tintype.workspace import collected_rows
from tintype.workspace.collected import CollectedRow, collected_folder, read_collected
from tintype.workspace.collected_rows import RollingRows

NOW = datetime.datetime(2026, 5, 1, 12, 0, 50, tzinfo=datetime.UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime.datetime]:
    """What time it is: the last one."""
    moments = [NOW]

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
            return moments[-1]

    monkeypatch.setattr(collected_rows.datetime, "datetime", Clock)
    return moments


def row(number: int, **more: object) -> CollectedRow:
    return CollectedRow(NOW, str(number), 0, "pets", "blue", 1.0, **more)  # type: ignore[arg-type]


def files(folder: Path) -> list[str]:
    return sorted(path.name.rsplit("-", 2)[0] for path in folder.glob("rows/*.parquet"))


def requests(folder: Path) -> list[str]:
    return [found.request_id for _, found in read_collected(folder)]


@pytest.mark.parametrize(
    ("period", "began"),
    [
        ("minute", ["20260501T120050", "20260501T120110", "20260501T130110", "20260502T130110"]),
        ("hour", ["20260501T120050", "20260501T130110", "20260502T130110"]),
        ("day", ["20260501T120050", "20260502T130110"]),
    ],
)
def test_a_file_covers_its_period(
    workspace_home: Path, clock: list[datetime.datetime], period: str, began: list[str]
) -> None:
    folder = collected_folder("pets", "blue")
    rolling = RollingRows(folder)
    for number, seconds in enumerate((0, 5, 20, 3620, 3620 + 86_400)):
        clock.append(NOW + datetime.timedelta(seconds=seconds))
        labels = ("cat", f"dog {number}")
        rolling.add([row(number, labels=labels, probabilities=[0.5, 0.5])], period)
    assert files(folder) == began
    assert requests(folder) == list("01234")
    assert [found.labels for _, found in read_collected(folder)][-1] == ("cat", "dog 4")


def test_a_file_stays_small(workspace_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collected_rows, "_MOST_FILE_BYTES", 30_000)
    folder = collected_folder("pets", "blue")
    rolling = RollingRows(folder)
    numbers = np.random.default_rng(0).random((8, 3000), np.float32)
    grown = [rolling.add([row(n, embedding=numbers[n])], "day") for n in range(8)]
    sizes = [path.stat().st_size for path in folder.glob("rows/*.parquet")]
    assert len(sizes) == 3
    assert sum(grown) == sum(sizes)
    assert requests(folder) == list("01234567")


def test_a_file_that_was_deleted_does_not_come_back(workspace_home: Path) -> None:
    folder = collected_folder("pets", "blue")
    rolling = RollingRows(folder)
    rolling.add([row(0)], "day")
    (path,) = folder.glob("rows/*.parquet")
    path.unlink()
    rolling.add([row(1)], "day")
    assert requests(folder) == ["1"]


def test_what_could_not_be_added_leaves_the_file_as_it_was(
    workspace_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = collected_folder("pets", "blue")
    rolling = RollingRows(folder)
    rolling.add([row(0)], "day")

    def full(*_: object) -> int:
        raise OutputError("the disk is full")

    with monkeypatch.context() as disk:
        disk.setattr(collected_rows, "write_table", full)
        with pytest.raises(OutputError, match="full"):
            rolling.add([row(1)], "day")
    rolling.add([row(2)], "day")
    assert requests(folder) == ["0", "2"]
    assert len(files(folder)) == 1
