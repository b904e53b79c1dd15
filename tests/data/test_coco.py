"""COCO documents, as the format's own and Azure's labelling projects write them."""

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
    for number in range(3):
        folder = tmp_path / "images" if number == 2 else tmp_path
        (folder / f"{number}.png").write_bytes(encoded(striped(number % 2, number)))
    return tmp_path


def coco(folder: Path, pairs: list[tuple[Any, Any]], **given: Any) -> Path:
    document = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 32, "height": 32} for n in range(3)],
        "annotations": [
            {"id": n, "image_id": image, "category_id": category}
            for n, (image, category) in enumerate(pairs)
        ],
        "categories": [
            {"id": 1, "name": "cat"},
            {"id": 2, "name": "dog"},
            {"id": 3, "name": "eel"},
        ],
    }
    path = folder / "annotations.json"
    path.write_text(json.dumps(document | given))
    return path


def test_one_category_each_is_multiclass(images: Path) -> None:
    table = read_image_table(coco(images, [(0, 1), (1, 2), (1, 2), (2, 1)]))
    assert table.task == "image_classification"
    assert [table.label(row) for row in range(3)] == ["cat", "dog", "cat"]
    assert table.location(2) == str(images / "images" / "2.png")


def test_several_categories_are_multilabel(images: Path) -> None:
    path = coco(images, [(0, 1), (0, 2), (1, 2)])
    table = read_image_table(path)
    assert table.task == "image_classification_multilabel"
    assert table.targets().tolist() == [[1, 1], [0, 1], [0, 0]]
    assert table.notices == (f"{path}: 1 of 3 images have no label: rows without labels",)
    with pytest.raises(DataError, match=r"json: images.0: the image has 2 labels \(cat, dog\)"):
        read_image_table(path, task="image_classification")


def test_the_task_that_is_asked_for_counts(images: Path) -> None:
    path = coco(images, [(0, 1), (1, 2)])
    assert len(read_image_table(path)) == 2
    table = read_image_table(path, task="image_classification_multilabel")
    assert table.targets().tolist() == [[1, 0], [0, 1], [0, 0]]


def test_azures_export(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINTYPE_DATASTORES", json.dumps({"blob": str(images)}))
    given = [
        {"id": 1, "file_name": "blob/0.png", "coco_url": "AmlDatastore://blob/0.png"},
        {"id": 2, "absolute_url": "https://account.blob.core.windows.net/pictures/1.png"},
        {"id": 3, "file_name": "images\\2.png"},
    ]
    path = coco(images, [(1, 1), (2, 2), (3, 1)], images=given)
    assert list(read_image_table(path).locations()) == [
        str(images / "0.png"),
        "https://account.blob.core.windows.net/pictures/1.png",
        str(images / "images" / "2.png"),
    ]
    monkeypatch.delenv("TINTYPE_DATASTORES")
    with pytest.raises(DataError, match=r"images.0.coco_url: datastore 'blob' has no local folder"):
        read_image_table(path)


def test_boxes_are_passed_over_and_said(images: Path) -> None:
    path = coco(images, [], annotations=[{"image_id": 0, "category_id": 1, "bbox": [1, 2, 3, 4]}])
    assert "boxes and outlines are passed over" in read_image_table(path).notices[0]


@pytest.mark.parametrize(
    ("pairs", "given", "message"),
    [
        ([(9, 1)], {}, "annotations.0.image_id: there is no image with id 9"),
        ([(0, 9)], {}, "annotations.0.category_id: there is no category with id 9"),
        ([(0, [1])], {}, r"annotations.0.category_id: \[1\] given"),
        ([], {}, "none of its 3 images has a label"),
        ([], {"images": {}}, "images: expected a list"),
        ([], {"images": [{"id": 1}, {"id": 1}]}, "images.1.id: the id 1 stands twice"),
        ([], {"images": [3]}, "images.0: expected an object"),
        ([(0, 1)], {"images": [{"id": 0}]}, "images.0: the image has none of file_name"),
        (
            [(0, 1)],
            {"images": [{"id": 0, "file_name": "x.png"}]},
            r"images.0: no image at .*x\.png",
        ),
        ([(0, 1)], {"categories": [{"id": 1}]}, "categories.0.name: None given"),
    ],
)
def test_what_does_not_fit_is_named(images: Path, pairs: Any, given: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_image_table(coco(images, pairs, **given))
