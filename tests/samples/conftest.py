"""What the samples are run on: a few of the real photos, and a small checkpoint of each family."""

from __future__ import annotations

import csv
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkpoints import write_checkpoint, write_clip
from commands import TINTYPE
from sample_runs import run_and_say

PHOTOS = Path(__file__).parents[2] / "samples" / "photos"

OF_EACH_CLASS, CARDS = {"train": 4, "test": 2}, {"train": 20, "test": 6}


@pytest.fixture(scope="session")
def clothes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of clothes in class folders of train/ and test/."""
    folder = tmp_path_factory.mktemp("clothes")
    for split, count in OF_EACH_CLASS.items():
        for name in sorted(path.name for path in (PHOTOS / "clothing" / split).iterdir()):
            (folder / split / name).mkdir(parents=True)
            for photo in sorted((PHOTOS / "clothing" / split / name).iterdir())[:count]:
                shutil.copy(photo, folder / split / name)
    return folder


@pytest.fixture(scope="session")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of playing cards with several labels each, in train/ and test/."""
    folder = tmp_path_factory.mktemp("cards")
    for split, count in CARDS.items():
        (folder / split / "images").mkdir(parents=True)
        with (PHOTOS / "cards" / split / "labels.csv").open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        # Evenly chosen: neighbours show the same cards.
        kept = rows[:: len(rows) // count][:count]
        for name, _ in kept:
            shutil.copy(PHOTOS / "cards" / split / name, folder / split / name)
        with (folder / split / "labels.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *kept])
    return folder


@pytest.fixture
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A small checkpoint of the family that the test's parameter names."""
    family = request.param
    if family == "clip":
        return write_clip(tmp_path / "clip")
    return write_checkpoint(tmp_path / family, family)


@pytest.fixture
def ended_daemon(workspace_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After the test no daemon serves its workspace, whatever the sample did; that it ended it itself
    is what the test asks."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    yield
    run_and_say(TINTYPE, "down", code=None)
