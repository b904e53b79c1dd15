from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, striped, write_class_folders, write_jsonl_rows

from tintype.data import read_image_table
from tintype.errors import DataError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.png").write_bytes(encoded(striped(number % 2, number)))
    return folder


def jsonl(images: Path, rows: list[dict[str, object]], name: str = "rows.jsonl") -> Path:
    return write_jsonl_rows(images / name, rows)


def test_multiclass_jsonl(images: Path) -> None:
    table = read_image_table(
        jsonl(images, [{"image_url": f"{n}.png", "label": "ba"[n % 2]} for n in range(4)])
    )
    assert table.task == "image_classification"
    assert table.classes == ("a", "b")
    assert table.targets().tolist() == [1, 0, 1, 0]
    assert table.label(0) == "b"
    assert table.location(3) == str(images / "3.png")
    assert table.origin(2) == (str(images / "rows.jsonl"), 3)


def test_multilabel_jsonl_keeps_rows_without_labels(images: Path) -> None:
    rows = [["x", "y"], [], ["y", "y"]]
    table = read_image_table(
        jsonl(images, [{"image_url": f"{n}.png", "label": row} for n, row in enumerate(rows)])
    )
    assert table.task == "image_classification_multilabel"
    assert table.targets().tolist() == [[1, 1], [0, 0], [0, 1]]
    assert table.label(1) == []
    assert table.class_counts().tolist() == [1, 2]
    assert table.select(np.array([2, 0])).targets().tolist() == [[0, 1], [1, 1]]


def test_references_of_every_kind(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINTYPE_DATASTORES", json.dumps({"blob": str(images)}))
    (images / "a b.png").write_bytes((images / "0.png").read_bytes())
    references = [
        "0.png",
        "./1.png",
        str(images / "2.png"),
        f"file://{images}/a%20b.png",
        "https://example.com/photo.jpg",
        "azureml://datastores/blob/paths/3.png",
        "azureml://subscriptions/s/resourcegroups/r/workspaces/w/datastores/blob/paths/4.png",
    ]
    table = read_image_table(
        jsonl(images, [{"image_url": text, "label": "x"} for text in references])
    )
    assert [Path(p).name for p in table.locations()] == [
        "0.png",
        "1.png",
        "2.png",
        "a b.png",
        "photo.jpg",
        "3.png",
        "4.png",
    ]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("azureml://datastores/other/paths/1.png", "TINTYPE_DATASTORES"),
        ("s3://bucket/1.png", "s3:// is not supported"),
        ("missing.png", "no image at"),
        ("", "expected a path or URL"),
        (7, "7 given"),
    ],
)
def test_bad_references_name_file_line_and_field(
    images: Path, reference: object, message: str
) -> None:
    path = jsonl(
        images, [{"image_url": "0.png", "label": "x"}, {"image_url": reference, "label": "x"}]
    )
    with pytest.raises(DataError, match=message) as caught:
        read_image_table(path)
    assert str(caught.value).startswith(f"{path}:2: image_url: ")


@pytest.mark.parametrize(
    ("task", "label"),
    [
        ("image_classification", 3.5),
        ("image_classification", ""),
        ("image_classification", ["x"]),
        ("image_classification", None),
        ("image_classification_multilabel", "x"),
        ("image_classification_multilabel", ["x", {}]),
        ("image_classification_multilabel", ["x", 0.5]),
        ("image_classification_multilabel", [""]),
    ],
)
def test_labels_of_the_wrong_type(images: Path, task: str, label: object) -> None:
    path = jsonl(images, [{"image_url": "0.png", "label": label}])
    with pytest.raises(DataError) as caught:
        read_image_table(path, task=task)  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"{path}:1: label: ")


def test_numbers_and_booleans_are_labels_and_said_once(images: Path) -> None:
    labels = [7, 10, "7", 7.0, True]
    table = read_image_table(
        jsonl(images, [{"image_url": f"{n}.png", "label": label} for n, label in enumerate(labels)])
    )
    assert table.classes == ("10", "7", "true")
    assert [table.label(row) for row in range(5)] == ["7", "10", "7", "7", "true"]
    (notice,) = table.notices
    assert notice.endswith(
        'rows.jsonl:1: label: labels that are numbers or booleans are taken as text, 7 as "7"'
    )
    table = read_image_table(
        jsonl(
            images,
            [{"image_url": "0.png", "label": ["x", 3, False]}, {"image_url": "1.png", "label": []}],
        )
    )
    assert table.label(0) == ["x", "3", "false"]
    assert len(table.notices) == 1


def test_fractions_are_no_labels(images: Path) -> None:
    path = jsonl(images, [{"image_url": "0.png", "label": 0.25}])
    with pytest.raises(DataError, match=r":1: label: 0\.25 given; a number that is not whole"):
        read_image_table(path)


def test_types_may_not_change_between_rows(images: Path) -> None:
    rows: list[dict[str, object]] = [
        {"image_url": "0.png", "label": "x"},
        {"image_url": "1.png", "label": ["x"]},
    ]
    with pytest.raises(DataError, match=r"rows.jsonl:2: label"):
        read_image_table(jsonl(images, rows))


def test_a_missing_key_is_named_with_what_is_near(images: Path) -> None:
    path = jsonl(images, [{"image_url": "0.png", "lable": "x"}])
    with pytest.raises(DataError, match=r":1: label: .*Did you mean 'lable'"):
        read_image_table(path)


def test_jsonl_with_mark_crlf_blank_lines_and_no_last_newline(images: Path) -> None:
    path = images / "rows.jsonl"
    first, second = (json.dumps({"image_url": f"{n}.png", "label": "ü, b"}) for n in (0, 1))
    path.write_bytes(b"\xef\xbb\xbf" + first.encode() + b"\r\n\r\n" + second.encode())
    table = read_image_table(path)
    assert len(table) == 2
    assert table.classes == ("ü, b",)
    assert table.origin(1)[1] == 3


def test_broken_json_names_its_line(images: Path) -> None:
    path = images / "rows.jsonl"
    path.write_text('{"image_url": "0.png", "label": "x"}\n{"image_url": \n')
    with pytest.raises(DataError, match=r"rows.jsonl:2: not valid JSON"):
        read_image_table(path)


def mltable(images: Path, text: str) -> Path:
    (images / "MLTable").write_text(text)
    return images


def test_mltable_with_transformations(images: Path) -> None:
    jsonl(images, [{"image_url": f"{n}.png", "label": "ab"[n % 2], "width": n} for n in range(6)])
    (images / "rows.jsonl").open("a").write("not json\n")
    table = read_image_table(
        mltable(
            images,
            """
paths:
  - file: ./rows.jsonl
transformations:
  - read_json_lines: {encoding: utf8, invalid_lines: drop, include_path_column: false}
  - convert_column_types: [{columns: image_url, column_type: stream_info}]
  - filter: 'col("width") >= 1 and not col("width") == 3'
  - keep_columns: [image_url, label]
  - skip: 1
  - take: 2
""",
        )
    )
    assert [Path(p).name for p in table.locations()] == ["2.png", "4.png"]


@pytest.mark.parametrize("entry", ["pattern: ./*.jsonl", "folder: ."])
def test_mltable_of_several_files(images: Path, entry: str) -> None:
    for name in ("a", "b"):
        jsonl(images, [{"image_url": "0.png", "label": name}], f"{name}.jsonl")
    table = read_image_table(
        mltable(images, f"paths: [{{{entry}}}]\ntransformations: [read_json_lines]\n")
    )
    assert table.classes == ("a", "b")
    assert Path(table.origin(1)[0]).name == "b.jsonl"


def test_random_sample_is_seeded(images: Path) -> None:
    jsonl(images, [{"image_url": f"{n % 6}.png", "label": str(n)} for n in range(200)])
    text = "paths: [{file: rows.jsonl}]\ntransformations: [{take_random_sample: {probability: 0.3, seed: 5}}]"
    first, second = (read_image_table(mltable(images, text)).classes for _ in range(2))
    assert first == second
    assert 30 < len(first) < 90


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("paths: [{file: no.jsonl}]", "MLTable:1: paths.0.file: nothing at"),
        ("paths: []", "expected a list"),
        ("path: [{file: rows.jsonl}]", "Did you mean 'paths'"),
        (
            "paths: [{file: rows.jsonl}]\ntransformations:\n- read_parquet: {}",
            "MLTable:3: .*does not apply",
        ),
        ("paths: [{file: rows.jsonl}]\ntransformations:\n- tke: 3", "Did you mean 'take'"),
        (
            "paths: [{file: rows.jsonl}]\ntransformations:\n- filter: '__import__(\"os\")'",
            "not supported",
        ),
        (
            "paths: [{file: rows.jsonl}]\ntransformations:\n- read_json_lines: {invalid_lines: skip}",
            "error or drop",
        ),
        ("paths: [", "not valid YAML"),
    ],
)
def test_bad_mltables(images: Path, text: str, message: str) -> None:
    jsonl(images, [{"image_url": "0.png", "label": "x"}])
    with pytest.raises(DataError if "YAML" not in message else Exception, match=message):
        read_image_table(mltable(images, text))


def test_a_folder_with_jsonl_but_no_mltable_says_so(images: Path) -> None:
    jsonl(images, [{"image_url": "0.png", "label": "x"}])
    jsonl(images, [{"image_url": "1.png", "label": "x"}], "others.jsonl")
    with pytest.raises(DataError, match="none named MLTable"):
        read_image_table(images)


@pytest.mark.parametrize("name", ["rows.jsonl", "labels.csv"])
def test_the_only_file_of_labels_in_a_folder_is_read(images: Path, name: str) -> None:
    (images / "images").mkdir()
    if name == "labels.csv":
        (images / name).write_text("filename,label\n0.png,x\n")
    else:
        jsonl(images, [{"image_url": "0.png", "label": "x"}])
    assert read_image_table(images).origin(0) == (str(images / name), 1 + (name == "labels.csv"))


def test_class_folders(tmp_path: Path) -> None:
    root = write_class_folders(tmp_path / "root", per_class=2)
    (root / "upright" / "nested").mkdir()
    (root / "upright" / "nested" / "DEEP.JPG").write_bytes(encoded(striped(0, 9), "JPEG"))
    (root / "upright" / "notes.txt").write_text("not an image")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "1.png").write_bytes(b"")
    table = read_image_table(root)
    assert table.classes == ("level", "upright")
    assert table.class_counts().tolist() == [2, 3]


def test_csv_with_labels_is_multilabel(images: Path) -> None:
    (images / "images").mkdir()
    (images / "images" / "z.png").write_bytes(b"x")
    path = images / "labels.csv"
    path.write_text("filename,labels\n0.png,a b\n\nz.png,b\n")
    table = read_image_table(path)
    assert table.task == "image_classification_multilabel"
    assert table.targets().tolist() == [[1, 1], [0, 1]]
    assert table.location(1) == str(images / "images" / "z.png")
    assert table.origin(1)[1] == 4


def test_csv_with_label_is_multiclass(images: Path) -> None:
    path = images / "labels.csv"
    path.write_text('filename,label\n0.png,"milk bottle, full"\n1.png,can\n')
    assert read_image_table(path).classes == ("can", "milk bottle, full")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "the header is a, b"),
        ("filename,label\n0.png\n", "labels.csv:2: 1 cells"),
        ("filename,label\n,x\n", "labels.csv:2: filename: the cell is empty"),
        ("filename,label\n", "no rows"),
        ("", "the header is empty"),
    ],
)
def test_bad_csv(images: Path, text: str, message: str) -> None:
    path = images / "labels.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_image_table(path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        read_image_table(tmp_path / "nowhere")


def test_memory_stays_flat_over_many_rows(images: Path) -> None:
    path = images / "many.jsonl"
    with path.open("w") as file:
        for number in range(200_000):
            file.write(f'{{"image_url": "{number % 6}.png", "label": "class {number % 37}"}}\n')
    script = (
        "import resource, sys, time, numpy\n"
        "base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "from tintype.data import read_image_table, check_training_table\n"
        "start = time.perf_counter()\n"
        f"table = read_image_table({str(path)!r}); check_training_table(table)\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(len(table), (peak - base) / 1024, time.perf_counter() - start)\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    rows, mebibytes, seconds = map(float, output.split())
    assert rows == 200_000
    # A fifth of a million rows: well under a fifth of 300 MB above what the imports take.
    assert mebibytes < 100
    assert seconds < 15


def test_real_multilabel_csv(playing_cards: Path) -> None:
    table = read_image_table(playing_cards / "labels.csv")
    assert len(table) == 363
    assert table.classes == ("ace", "jack", "king", "nine", "queen", "ten")
    assert np.bincount(table.targets().sum(1).astype(int)).tolist() == [0, 227, 72, 46, 18]
