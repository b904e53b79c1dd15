"""Class folders: links that lead back up, to themselves, to nowhere, and to folders elsewhere."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from pictures import encoded, striped, write_class_folders

from tintype.data import read_image_table
from tintype.data.folders import read_folder_rows
from tintype.errors import DataError


@pytest.mark.parametrize("target", ["..", "../..", "../../pictures/level", "."])
def test_a_link_that_leads_back_up_is_passed_over(tmp_path: Path, target: str) -> None:
    root = write_class_folders(tmp_path / "pictures", per_class=2)
    (root / "level" / "deep").mkdir()
    (root / "level" / "deep" / "0.png").write_bytes(encoded(striped(1, 9)))
    (root / "level" / "deep" / "up").symlink_to(target)
    table = read_image_table(root)
    assert table.classes == ("level", "upright")
    assert table.class_counts().tolist() == [3, 2]


def test_a_class_that_is_a_link_to_the_root_is_passed_over(tmp_path: Path) -> None:
    root = write_class_folders(tmp_path / "pictures", per_class=2)
    (root / "all").symlink_to(root)
    assert read_image_table(root).classes == ("level", "upright")


def test_links_to_folders_elsewhere_are_followed(tmp_path: Path) -> None:
    store = write_class_folders(tmp_path / "store", per_class=3)
    root = tmp_path / "root"
    (root / "b").mkdir(parents=True)
    (root / "a").symlink_to(store / "level")
    (root / "b" / "more").symlink_to(store / "upright")
    table = read_image_table(root)
    assert table.class_counts().tolist() == [3, 3]
    assert table.location(0) == str(root / "a" / "0.png")


def test_folders_that_link_to_each_other_end_soon(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for number in range(12):
        (root / "a" / str(number)).mkdir(parents=True)
        (root / "a" / str(number) / "0.png").write_bytes(encoded(striped(0, number)))
    for number in range(12):
        for other in range(12):
            (root / "a" / str(number) / f"to{other}").symlink_to(root / "a" / str(other))
    rows = list(read_folder_rows(root))
    # Each by its own name, and each at most once by a link.
    assert 12 <= len(rows) <= 24


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    root = write_class_folders(tmp_path / "pictures", per_class=2)
    (root / "circle").symlink_to(root / "circle")
    (root / "gone").symlink_to(root / "nowhere")
    (root / "level" / "circle").symlink_to(root / "level" / "circle")
    assert len(read_image_table(root)) == 4
    (root / "level" / "circle.png").symlink_to(root / "level" / "circle.png")
    with pytest.raises(DataError, match=r"no image at .*circle\.png"):
        read_image_table(root)


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_class_folders(tmp_path / "pictures", per_class=2)
    scandir = os.scandir

    def refuse(folder: str) -> object:
        if str(folder).endswith("upright"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr("tintype.data.folders.os.scandir", refuse)
    with pytest.raises(DataError, match="upright: cannot be read: Permission denied"):
        read_image_table(root)


def test_many_pictures_are_listed_quickly(tmp_path: Path) -> None:
    folder = tmp_path / "root" / "class"
    folder.mkdir(parents=True)
    for number in range(20_000):
        (folder / f"{number}.png").touch()
    start = time.thread_time()
    assert sum(1 for _ in read_folder_rows(tmp_path / "root")) == 20_000
    assert time.thread_time() - start < 2
