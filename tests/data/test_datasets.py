"""Hugging Face's datasets: Parquet, `save_to_disk`, and images with a `metadata` file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pictures import encoded, striped, write_class_folders, write_jsonl_rows
from pyarrow import parquet

from tintype.data import parquet as tables
from tintype.data import read_image_table
from tintype.errors import DataError

IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
FEATURES = {
    "image": {"_type": "Image"},
    "label": {"names": ["cat", "dog"], "_type": "ClassLabel"},
    "labels": {"feature": {"names": ["cat", "dog"], "_type": "ClassLabel"}, "_type": "Sequence"},
}


def pictures(count: int = 4) -> list[dict[str, Any]]:
    kinds = ("PNG", "JPEG")
    return [
        {"bytes": encoded(striped(n % 2, n), kinds[n % 2]), "path": f"{n}.any"}
        for n in range(count)
    ]


def table(labels: list[Any], *, named: bool = True, name: str = "label", **more: Any) -> pa.Table:
    """A table as `push_to_hub` writes it."""
    columns = {"image": pa.array(pictures(len(labels)), IMAGE), name: pa.array(labels)}
    made = pa.table(columns | more)
    features = {key: FEATURES[key] for key in ("image", name)} if named else {}
    info = json.dumps({"info": {"features": features}})
    return made.replace_schema_metadata({"huggingface": info}) if named else made


def save_to_disk(folder: Path, made: pa.Table) -> None:
    """As `Dataset.save_to_disk` does."""
    folder.mkdir(parents=True)
    with pa.ipc.new_stream(folder / "data-00000-of-00001.arrow", made.schema) as writer:
        writer.write_table(made)
    state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": "train"}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text(json.dumps({"features": FEATURES}))


def test_numbers_of_classes_become_their_names(tmp_path: Path, workspace_home: Path) -> None:
    path = tmp_path / "pets.parquet"
    parquet.write_table(table([0, 1, 1, 0]), path, row_group_size=3)
    read = read_image_table(path)
    assert [read.label(row) for row in range(4)] == ["cat", "dog", "dog", "cat"]
    assert read.notices == ()
    assert read.origin(2) == (str(path), 3)
    for row, given in enumerate(pictures()):
        location = Path(read.location(row))
        assert location.read_bytes() == given["bytes"]
        assert location.suffix == (".png", ".jpg")[row % 2]
        assert workspace_home in location.parents


def test_pictures_are_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pets.parquet"
    parquet.write_table(table([0, 1]), path)
    first = list(read_image_table(path).locations())
    monkeypatch.setattr(tables, "_write", None)
    assert list(read_image_table(path).locations()) == first
    monkeypatch.undo()


def test_rows_over_several_folders_of_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_IN_FOLDER", 3)
    monkeypatch.setattr(tables, "_PICTURES", 2)
    monkeypatch.setattr(tables, "_ROWS", 4)
    path = tmp_path / "pets.parquet"
    parquet.write_table(table([0, 1] * 5), path, row_group_size=7)
    read = read_image_table(path)
    assert [Path(read.location(row)).read_bytes() for row in range(10)] == [
        picture["bytes"] for picture in pictures(10)
    ]


@pytest.mark.parametrize(
    ("labels", "named", "task", "expected"),
    [
        (["a", "b"], False, None, ["a", "b"]),
        ([7, 12], False, None, ["7", "12"]),
        ([[0, 1], []], True, None, [["cat", "dog"], []]),
        ([["a"], ["a", "b"]], False, None, [["a"], ["a", "b"]]),
        ([0, 1], True, "image_classification_multilabel", [["cat"], ["dog"]]),
    ],
)
def test_labels_of_every_kind(
    tmp_path: Path, labels: list[Any], named: bool, task: Any, expected: list[Any]
) -> None:
    path = tmp_path / "pets.parquet"
    name = "labels" if isinstance(labels[0], list) else "label"
    parquet.write_table(table(labels, named=named, name=name), path)
    read = read_image_table(path, task=task)
    assert [read.label(row) for row in range(2)] == expected
    assert bool(read.notices) == (labels == [7, 12])


def test_images_as_bytes_and_as_paths(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(pictures(1)[0]["bytes"])
    path = tmp_path / "pets.parquet"
    rows = {
        "bytes": pa.array([pictures(1)[0]["bytes"]]),
        "struct": pa.array([{"bytes": None, "path": "0.png"}], IMAGE),
    }
    for image in (rows["bytes"], pa.array(["0.png"]), rows["struct"]):
        parquet.write_table(pa.table({"image": image, "label": ["x"]}), path)
        assert Path(read_image_table(path).location(0)).read_bytes() == pictures(1)[0]["bytes"]


@pytest.mark.parametrize("place", ["", "data"])
def test_splits_by_the_names_of_files(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "pets" / place
    folder.mkdir(parents=True)
    (tmp_path / "pets" / "README.md").write_text("---\n---\n")
    for number in range(2):
        parquet.write_table(table([0, 1]), folder / f"train-0000{number}-of-00002.parquet")
    parquet.write_table(table([1, 0, 1]), folder / "test-00000-of-00001.parquet")
    parquet.write_table(table([1]), folder / "unsupervised-00000-of-00001.parquet")
    read = read_image_table(tmp_path / "pets")
    assert len(read) == 4
    assert "unsupervised" in read.notices[1]
    assert len(read_image_table(tmp_path / "pets", split="test")) == 3
    for file in folder.glob("[tu][en]*.parquet"):
        file.unlink()
    read = read_image_table(tmp_path / "pets")
    assert (len(read), read.notices) == (4, ())


def test_save_to_disk(tmp_path: Path) -> None:
    save_to_disk(tmp_path / "one", table([0, 1, 1]))
    assert read_image_table(tmp_path / "one").class_counts().tolist() == [1, 2]
    for split, count in (("train", 4), ("test", 2)):
        # Without the schema's metadata: the folder has the features.
        save_to_disk(
            tmp_path / "dict" / split, table([0, 1] * (count // 2)).replace_schema_metadata({})
        )
    (tmp_path / "dict" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    read = read_image_table(tmp_path / "dict", split="test")
    assert (len(read), read.classes) == (2, ("cat", "dog"))
    save_to_disk(tmp_path / "single" / "train", table([0, 1]))
    (tmp_path / "single" / "dataset_dict.json").write_text('{"splits": ["train"]}')
    assert len(read_image_table(tmp_path / "single")) == 2


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_images_with_a_metadata_file(tmp_path: Path, name: str) -> None:
    for split in ("train", "validation"):
        folder = tmp_path / split
        (folder / "photos").mkdir(parents=True)
        (folder / "photos" / "0.png").write_bytes(encoded(striped(0, 0)))
        if name == "metadata.csv":
            (folder / name).write_text(f"file_name,caption,label\nphotos/0.png,so,{split}\n")
        else:
            write_jsonl_rows(folder / name, [{"file_name": "photos/0.png", "label": split}])
    read = read_image_table(tmp_path)
    assert read.label(0) == "train"
    assert read_image_table(tmp_path, split="validation").label(0) == "validation"
    assert read_image_table(tmp_path / "train").location(0) == read.location(0)


def test_a_metadata_file_without_labels_is_left_out(class_folders: Path) -> None:
    (class_folders / "metadata.csv").write_text("file_name,caption\nlevel/0.png,stripes\n")
    read = read_image_table(class_folders)
    assert read.classes == ("level", "upright")
    assert "has no column of labels (it has caption, file_name)" in read.notices[0]
    (class_folders / "metadata.csv").write_text("file_name,species\nlevel/0.png,zebra\n")
    assert read_image_table(class_folders, label_column="species").classes == ("zebra",)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (table([0, 2]), r"pets.parquet:2: label: 2 given; there are 2 classes"),
        (table([-1]), r":1: label: -1 given, which means that the label is not known"),
        (table([None, "a"], named=False), r":1: label: None given"),
        (
            pa.table({"image": ["0.png"], "animal": ["x"]}),
            r"label: it has no column label .*animal \(string\)",
        ),
        (pa.table({"pixels": [[1, 2]], "label": ["x"]}), r"image_url: it has no column image_url"),
        (
            pa.table({"image": [[[1], [2]]], "label": ["x"]}),
            "image: the column holds list<.*encoded images",
        ),
        (
            pa.table({"image": ["0.png"], "label": [{"bbox": [1.0], "category": 3}]}),
            "label: the column holds struct<.*Boxes",
        ),
        (
            pa.table({"image": pa.array([None], IMAGE), "label": ["x"]}),
            ":1: image: the image is empty",
        ),
        (
            pa.Table.from_arrays(
                [pa.array(["0.png"]), pa.array(["x"])] * 2, ["image", "label"] * 2
            ),
            "columns of the same name: image, label",
        ),
        (
            pa.table({"image": ["s3://a/0.png"], "label": ["x"]}),
            ":1: image: s3:// is not supported",
        ),
        (pa.table({"image": ["0.png"], "label": ["x"]}), "no image at"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, made: pa.Table, message: str) -> None:
    parquet.write_table(made, tmp_path / "pets.parquet")
    with pytest.raises(DataError, match=message):
        read_image_table(tmp_path / "pets.parquet")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            {
                "info": {
                    "features": {"label": {"_type": "ClassLabel", "names": {"0": "a", "1": "b"}}}
                }
            },
            "b",
        ),
        ({"info": {"features": {"label": {"_type": "ClassLabel", "names": ["a"]}}}}, None),
        ({"info": {"features": {"label": {"_type": "ClassLabel", "names": 3}}}}, "1"),
        ({"info": {"features": {"label": 3}}}, "1"),
        ({"info": {"features": 3}}, "1"),
        ({"info": 3}, "1"),
        (3, "1"),
    ],
)
def test_metadata_of_other_shapes(tmp_path: Path, content: Any, expected: str | None) -> None:
    path = tmp_path / "pets.parquet"
    made = table([1], named=False).replace_schema_metadata({"huggingface": json.dumps(content)})
    parquet.write_table(made, path)
    if expected is None:
        with pytest.raises(DataError, match="there are 1 classes"):
            read_image_table(path)
    else:
        assert read_image_table(path).label(0) == expected


def test_several_columns_of_one_kind(tmp_path: Path) -> None:
    made = pa.table({"image": ["0.png"], "fine": [0], "coarse": [1]})
    label = FEATURES["label"]
    info = {"info": {"features": {"fine": label, "coarse": label}}}
    made = made.replace_schema_metadata({"huggingface": json.dumps(info)})
    path = tmp_path / "pets.parquet"
    parquet.write_table(made, path)
    with pytest.raises(DataError, match=r"several columns of labels \(fine, coarse\)"):
        read_image_table(path)
    assert read_image_table(path, label_column="coarse", check_files=False).label(0) == "dog"


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_damaged_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "a.parquet":
        parquet.write_table(table([0, 1] * 20), path, compression="zstd")
    else:
        save_to_disk(tmp_path / "saved", table([0, 1] * 20))
        next((tmp_path / "saved").glob("*.arrow")).rename(path)
    content = path.read_bytes()
    for damaged in (
        b"",
        b"PAR1",
        content[: len(content) // 2],
        content[:4] + b"\xff" * 9000 + content[9004:],
    ):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="not a"):
            read_image_table(path)


def test_a_parquet_file_beside_class_folders_is_no_data(tmp_path: Path) -> None:
    root = write_class_folders(tmp_path / "root", per_class=2)
    parquet.write_table(table([0, 1, 1]), root / "embeddings.parquet")
    assert read_image_table(root).classes == ("level", "upright")
