"""The sample photos as they lie: small, licensed, and read by our own readers."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tintype.data import read_image_table

PHOTOS = Path(__file__).parents[2] / "samples" / "photos"
MEGABYTE = 1_000_000


def test_the_clothes_are_read_as_splits() -> None:
    train = read_image_table(PHOTOS / "clothing", split="train")
    test = read_image_table(PHOTOS / "clothing" / "test")
    assert train.classes == test.classes and len(train.classes) >= 6
    assert 380 <= len(train) + len(test) <= 450
    assert train.task == "image_classification"
    names = [
        {Path(table.location(row)).name for row in range(len(table))} for table in (train, test)
    ]
    assert not names[0] & names[1]


def test_the_cards_have_several_labels() -> None:
    train, test = (read_image_table(PHOTOS / "cards", split=part) for part in ("train", "test"))
    assert train.task == "image_classification_multilabel" and train.classes == test.classes
    assert set(train.classes) == {"nine", "ten", "jack", "queen", "king", "ace"}
    several = sum(len(train.label(row)) > 1 for row in range(len(train)))
    assert several > len(train) / 3


@pytest.mark.parametrize(("name", "megabytes", "side"), [("clothing", 3, 200), ("cards", 2, 240)])
def test_they_are_small_licensed_and_without_metadata(
    name: str, megabytes: float, side: int
) -> None:
    files = [path for path in (PHOTOS / name).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < megabytes * MEGABYTE
    assert (PHOTOS / name / "LICENSE").is_file()
    assert name in (PHOTOS / "README.md").read_text("utf-8")
    for path in files:
        if path.suffix == ".jpg":
            with Image.open(path) as photo:
                assert max(photo.size) == side
                assert not photo.getexif()
