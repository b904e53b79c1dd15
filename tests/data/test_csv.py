"""CSV files as other programs write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pictures import encoded, striped

from tintype.data import read_image_table
from tintype.errors import DataError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(encoded(striped(number % 2, number)))
    return tmp_path


def written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "filename;label\n0.png;a, b\n1.png;c\n"),
        ("labels.csv", "filename\tlabel\n0.png\ta, b\n1.png\tc\n"),
        ("labels.tsv", "\ufefffilename\tlabel\r\n0.png\ta, b\r\n1.png\tc\r\n"),
        ("labels.csv", '"Image";"Label"\n"0.png";"a, b"\n"1.png";"c"\n'),
        ("labels.csv", 'width,image_url,category\n3,0.png,"a, b"\n3,1.png,c\n'),
        ("labels.csv", 'filename,class\n0.png,"a, b"\n1.png,c\n'),
    ],
)
def test_the_header_says_what_separates(images: Path, name: str, text: str) -> None:
    table = read_image_table(written(images / name, text))
    assert table.classes == ("a, b", "c")
    assert table.task == "image_classification"


def test_semicolons_in_data_do_not_count(images: Path) -> None:
    path = written(images / "labels.csv", "filename,label\n0.png,a;b;c\n1.png,d;e;f\n")
    assert read_image_table(path).classes == ("a;b;c", "d;e;f")


ROBOFLOW = "filename, cat, on a sofa\n0.png, 1, 0\n1.png, 1, 1\n2.png, 0, 0\n"


def test_roboflow_is_multilabel(images: Path) -> None:
    table = read_image_table(written(images / "_classes.csv", ROBOFLOW))
    assert table.task == "image_classification_multilabel"
    assert table.classes == ("cat", "on a sofa")
    assert table.targets().tolist() == [[1, 0], [1, 1], [0, 0]]


def test_roboflow_is_multiclass_where_asked_for(images: Path) -> None:
    path = written(images / "_classes.csv", "filename, cat, dog\n0.png, 1, 0\n1.png, 0, 1\n")
    table = read_image_table(path, task="image_classification")
    assert [table.label(row) for row in range(2)] == ["cat", "dog"]
    written(path, ROBOFLOW)
    with pytest.raises(DataError, match=r"_classes.csv:3: 2 columns hold 1; expected exactly one"):
        read_image_table(path, task="image_classification")


def test_roboflow_is_found_in_folders_and_splits(images: Path) -> None:
    written(images / "_classes.csv", ROBOFLOW)
    assert len(read_image_table(images)) == 3
    root = images / "root"
    for split in ("train", "valid"):
        (root / split).mkdir(parents=True)
        (root / split / "0.png").write_bytes((images / "0.png").read_bytes())
        written(root / split / "_classes.csv", f"filename, cat\n0.png, {int(split == 'train')}\n")
    assert read_image_table(root).targets().tolist() == [[1]]
    assert read_image_table(root, split="test").label(0) == []


def test_azures_labelling_export(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINTYPE_DATASTORES", json.dumps({"workspaceblobstore": str(images)}))
    text = "image_url,label,label_confidence\nAmlDatastore://workspaceblobstore/0.png,{},{}\n"
    path = written(images / "export.csv", text.format("can", "1.0"))
    table = read_image_table(path)
    assert (table.location(0), table.label(0)) == (str(images / "0.png"), "can")
    for labels in ('"[""a b"", ""c""]"', "\"['a b', 'c']\""):
        table = read_image_table(written(path, text.format(labels, '"[1.0, 1.0]"')))
        assert table.label(0) == ["a b", "c"]
    written(path, text.format('"[""a b""]"', "[1.0]"))
    assert read_image_table(path, task="image_classification").label(0) == "a b"
    with pytest.raises(DataError, match="is not a list of labels"):
        read_image_table(written(path, text.format("[a", "1")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "filename,width\n0.png,640\n",
            r"labels.csv:2: width: '640' given; without a column named",
        ),
        ("filename\n0.png\n", "expected a column named labels"),
        ("filename,class,xmin\n0.png,a,3\n", "xmin is of boxes"),
        ("filename,a\n0.png,\n", "labels.csv:2: a: '' given"),
    ],
)
def test_what_is_no_labels_is_said(images: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_image_table(written(images / "labels.csv", text))
