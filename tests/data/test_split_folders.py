"""Folders that hold splits, read alone and by jobs."""

from __future__ import annotations

from pathlib import Path

import pytest
from pictures import encoded, striped, write_class_folders

from tintype.client import Client
from tintype.data import read_image_table
from tintype.errors import DataError, UsageError
from tintype.jobs.tables import load_tables
from tintype.schemas.job_parts import DataInput, JobData


@pytest.fixture
def split(tmp_path: Path) -> Path:
    root = tmp_path / "split"
    for number, name in enumerate(("Training", "valid", "test")):
        write_class_folders(root / name, per_class=6 - number)
    return root


def job_data(path: Path, **given: object) -> JobData:
    keys: dict[str, object] = {
        "task": "image_classification",
        "training": DataInput(path=str(path)),
        "validation": None,
        "test": None,
        "label_column": "label",
        "image_column": "image_url",
        "ignore_data_errors": False,
    }
    return JobData.model_validate(keys | given)


@pytest.mark.parametrize(("name", "images"), [("train", 12), ("validation", 10), ("test", 8)])
def test_one_split_is_read(split: Path, name: str, images: int) -> None:
    table = read_image_table(split, split=name)  # type: ignore[arg-type]
    assert table.classes == ("level", "upright")
    assert len(table) == images
    (notice,) = table.notices
    assert "Training/, valid/, test/" in notice


def test_a_split_that_is_not_there_is_replaced_and_said(split: Path) -> None:
    (split / "test").rename(split / ".test")
    table = read_image_table(split, split="test")
    assert len(table) == 10
    assert "valid/ is read, for there is none for test" in table.notices[0]


def test_a_split_of_another_name_is_refused(split: Path) -> None:
    with pytest.raises(UsageError, match="'val': expected one of train, validation, test"):
        read_image_table(split, split="val")  # type: ignore[arg-type]


def test_a_job_takes_what_its_document_does_not_name(split: Path) -> None:
    tables = load_tables(job_data(split))
    assert tables.validation is not None
    assert tables.test is not None
    assert [len(tables.train), len(tables.validation), len(tables.test)] == [12, 10, 8]
    notice, *copies = tables.notices
    assert notice.endswith("training_data Training/, validation_data valid/, test_data test/")
    # The pictures of this fixture are the same in every split.
    assert len(copies) == 2
    assert "10 of 10 images of validation_data are nearly the same" in copies[0]


def test_what_a_document_names_is_taken_from_there(split: Path, tmp_path: Path) -> None:
    other = write_class_folders(tmp_path / "other", per_class=3)
    tables = load_tables(job_data(split, validation=DataInput(path=str(other)), test_share=0.25))
    assert tables.validation is not None
    assert tables.test is not None
    assert len(tables.validation) == 6
    assert len(tables.train) + len(tables.test) == 12
    assert tables.notices[0].endswith("taken so: training_data Training/")


def test_the_folder_can_be_named_for_validation_too(split: Path, class_folders: Path) -> None:
    tables = load_tables(job_data(class_folders, validation=DataInput(path=str(split))))
    assert tables.validation is not None
    assert len(tables.validation) == 10
    assert tables.test is None
    assert "valid/ is read" in tables.notices[0]


def test_validation_labels_are_held_against_training(split: Path) -> None:
    (split / "valid" / "upright").rename(split / "valid" / "uprigth")
    with pytest.raises(DataError, match=r"'uprigth' is not among .* Did you mean 'upright'"):
        load_tables(job_data(split))


def test_what_lies_beside_splits_or_has_no_labels_is_left_out(split: Path) -> None:
    write_class_folders(split / "extra", per_class=1)
    (split / "val").mkdir()
    table = read_image_table(split)
    assert len(table) == 12
    assert "val/ and extra/ beside the splits: left out" in table.notices[1]
    images = split / "test"
    for name in ("level", "upright"):
        for path in (images / name).iterdir():
            path.rename(images / f"{name}{path.name}")
        (images / name).rmdir()
    table = read_image_table(split, split="test")
    assert len(table) == 10
    assert "test/" in table.notices[1]


def test_classes_that_are_called_train_and_test_stay_classes(tmp_path: Path) -> None:
    for kind, name in enumerate(("train", "test")):
        (tmp_path / "root" / name).mkdir(parents=True)
        for number in range(3):
            path = tmp_path / "root" / name / f"{number}.png"
            path.write_bytes(encoded(striped(kind, number)))
    table = read_image_table(tmp_path / "root")
    assert table.classes == ("test", "train")
    (notice,) = table.notices
    assert "no class folders, so they are classes" in notice


def test_splits_of_images_with_a_file_of_labels(tmp_path: Path) -> None:
    for split in ("train", "test"):
        folder = tmp_path / "root" / split
        folder.mkdir(parents=True)
        (folder / "0.png").write_bytes(encoded(striped(0, 0)))
        (folder / "labels.csv").write_text(f"filename,label\n0.png,{split}\n")
    assert read_image_table(tmp_path / "root").classes == ("train",)
    assert read_image_table(tmp_path / "root", split="test").classes == ("test",)


def test_a_class_called_train_among_others_is_a_class(class_folders: Path) -> None:
    (class_folders / "level").rename(class_folders / "train")
    table = read_image_table(class_folders)
    assert table.classes == ("train", "upright")
    assert table.notices == ()


def test_checking_looks_at_every_split(split: Path) -> None:
    (split / "test" / "level" / "0.png").write_bytes(b"no picture")
    report = Client().data.check(split)
    assert report["splits"] == {"train": 12, "validation": 10, "test": 8}
    assert [bad["image"] for bad in report["unreadable_images"]] == [
        str(split / "test" / "level" / "0.png")
    ]
