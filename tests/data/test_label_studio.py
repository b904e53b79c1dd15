"""Label Studio's exports, and what `.json` files can be beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pictures import encoded, striped

from tintype.data import read_image_table
from tintype.errors import DataError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "upload" / "3").mkdir(parents=True)
    for number, name in enumerate(("upload/3/0a1b2c3d-a.png", "images/b.png", "c.png")):
        (tmp_path / name).write_bytes(encoded(striped(number % 2, number)))
    return tmp_path


def annotation(*choices: str, name: str = "choice", **given: Any) -> dict[str, Any]:
    part = {"from_name": name, "to_name": "image", "type": "choices"}
    result = [{**part, "value": {"choices": list(choices)}}] if choices else []
    return {"result": result, "was_cancelled": False, **given}


def task(image: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {"id": 1, "data": {"image": image}, "annotations": list(annotations)}


def written(images: Path, document: Any) -> Path:
    path = images / "export.json"
    path.write_text(json.dumps(document))
    return path


UPLOADED = "/data/upload/3/0a1b2c3d-a.png"
LOCAL = "/data/local-files/?d=storage/pictures/b.png"


def test_tasks_with_annotations(images: Path) -> None:
    path = written(
        images,
        [
            task(UPLOADED, annotation("cat")),
            task(LOCAL, annotation("dog", was_cancelled=True), annotation("cat")),
            task("c.png", annotation("dog")),
            task("c.png", annotation("dog", was_cancelled=True)),
            task("https://example.com/d.png"),
        ],
    )
    table = read_image_table(path)
    assert table.task == "image_classification"
    assert [table.label(row) for row in range(3)] == ["cat", "cat", "dog"]
    assert list(table.locations()) == [
        str(images / "upload" / "3" / "0a1b2c3d-a.png"),
        str(images / "images" / "b.png"),
        str(images / "c.png"),
    ]
    assert table.notices == (f"{path}: 2 of 5 tasks have no annotation: left out",)


def test_several_choices_are_multilabel(images: Path) -> None:
    path = written(images, [task(UPLOADED, annotation("cat", "dog")), task(LOCAL, annotation())])
    table = read_image_table(path)
    assert table.targets().tolist() == [[1, 1], [0, 0]]


def test_of_several_annotations_ground_truth_or_the_last_counts(images: Path) -> None:
    path = written(
        images,
        [
            task(UPLOADED, annotation("cat"), annotation("dog")),
            task(LOCAL, annotation("cat", ground_truth=True), annotation("dog")),
        ],
    )
    table = read_image_table(path)
    assert [table.label(row) for row in range(2)] == ["dog", "cat"]
    assert "2 tasks have several annotations" in table.notices[0]


def test_one_of_several_questions_is_named(images: Path) -> None:
    both = annotation("cat")
    both["result"] += annotation("sharp", name="quality")["result"]
    path = written(images, [task(UPLOADED, both)])
    with pytest.raises(DataError, match=r"several questions \(choice, quality\)"):
        read_image_table(path)
    assert read_image_table(path, label_column="quality").label(0) == "sharp"


def test_json_min(images: Path) -> None:
    own = {"annotator": 1, "annotation_id": 7, "lead_time": 2.5, "created_at": "2026-01-01"}
    path = written(
        images,
        [
            {"image": UPLOADED, "id": 1, "choice": "cat", **own},
            {"image": LOCAL, "id": 2, "choice": {"choices": ["cat", "dog"]}, **own},
            {"image": "c.png", "id": 3, **own},
            {"image": UPLOADED, "id": 1, "choice": "dog", **own},
        ],
    )
    table = read_image_table(path)
    assert table.task == "image_classification_multilabel"
    assert [table.label(row) for row in range(2)] == [["dog"], ["cat", "dog"]]
    assert len(table) == 2
    assert len(table.notices) == 2


def test_uploads_are_found_by_the_name_they_had(images: Path) -> None:
    path = written(images, [task("/data/upload/9/ffffffff-c.png", annotation("cat"))])
    assert read_image_table(path).location(0) == str(images / "c.png")
    path = written(images, [task("/data/upload/9/ffffffff-x.png", annotation("cat"))])
    with pytest.raises(DataError, match=r"0.data.image: no image at .*upload/9/ffffffff-x\.png"):
        read_image_table(path)


def test_json_lines_under_this_ending(images: Path) -> None:
    path = images / "rows.json"
    path.write_text('{"image_url": "c.png", "label": "x"}\n{"image_url": "c.png", "label": "y"}\n')
    assert read_image_table(path).classes == ("x", "y")
    path.write_text('{"image_url": "c.png", "label": "x"}\n')
    assert len(read_image_table(path)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "a list of nothing; expected COCO"),
        ('{"a": 1}', "an object with a; expected COCO"),
        ('[{"a": 1}]', "a list of objects with a; expected COCO"),
        ("3", "a int; expected COCO"),
        ('[{"data": {"text": "x"}}]', "0: no image in it"),
        ('[{"image": "c.png"}, 3]', "1: expected an object"),
        ('[{"image": "c.png"}]', "has a label"),
        (
            '[{"data": {"image": "c.png"}, "annotations": [{"result": [{"value": 3}, 4]}, 5]}]',
            "has a label",
        ),
        ('[{"data": {"image": "c.png"}, "annotations": 3}]', "has a label"),
    ],
)
def test_what_was_expected_is_said(images: Path, text: str, message: str) -> None:
    path = images / "export.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_image_table(path)
