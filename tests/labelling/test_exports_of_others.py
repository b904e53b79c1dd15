"""Exports of Label Studio and of Azure's labelling projects, in the shape in which they really come.

Written anew after public ones: of Label Studio, HumanSignal/label-studio-converter's test data (its keys, none
of its content), and docs/source/guide/export.md and tests/test_suites/samples/previous_export.json of
HumanSignal/label-studio (a single task); of Azure, MicrosoftLearning's image-classification/training-images/training_labels.json and
Azure's documentation of JSON lines.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from labelling_store import Store

from tintype.client import Client
from tintype.errors import DataError
from tintype.labelling.database import Database
from tintype.labelling.pictures import add_pictures
from tintype.labelling.suggestions import suggestions_for

NAMES = ("IMG_0001.jpg", "IMG_0002.jpg", "IMG 0003.jpg", "nested/IMG_0004.jpg")


@pytest.fixture
def fruit(database: Database, tmp_path: Path) -> Store:
    """A project of four pictures on this disk."""
    made = Store(database, count=0)
    add_files(made, tmp_path)
    return made


def add_files(store: Store, tmp_path: Path) -> None:
    for name in NAMES:
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"never read")
    with store.database.writing() as connection:
        places = [(str(tmp_path / "pictures" / name), name) for name in NAMES]
        add_pictures(connection, store.project, places)


def written(tmp_path: Path, name: str, content: object) -> Path:
    path = tmp_path / "download" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def imported(path: Path, **given: Any) -> Any:
    return Client().labels.import_("fruit", path, **given)


def labels_of(store: Store) -> dict[str, list[str]]:
    pictures = [store.picture(place) for place in range(len(NAMES))]
    return {one["name"]: one["labels"] for one in pictures if one["state"] == "labelled"}


def ls_result(*choices: str, origin: str = "manual") -> dict[str, Any]:
    return {
        "value": {"choices": list(choices)},
        "id": "kQ3vX_81aB",
        "from_name": "choice",
        "to_name": "image",
        "type": "choices",
        "origin": origin,
    }


def ls_task(number: int, image: str, *choices: str, **more: Any) -> dict[str, Any]:
    """A task as Label Studio's "JSON" export writes it, with everything that it has beside the answer."""
    annotation = {
        "id": 70 + number,
        "completed_by": {"id": 1, "email": "ann@example.org", "first_name": "", "last_name": ""},
        "result": [ls_result(*choices)] if choices else [],
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2024-05-02T09:31:12.401772Z",
        "updated_at": "2024-05-02T09:31:12.401801Z",
        "draft_created_at": None,
        "lead_time": 3.204,
        "prediction": {},
        "result_count": 1,
        "unique_id": "5f6ea1f8-4b7f-4d0a-9d35-1a35cb0a9f4e",
        "import_id": None,
        "last_action": None,
        "bulk_created": False,
        "task": number,
        "project": 3,
        "updated_by": 1,
        "parent_prediction": None,
        "parent_annotation": None,
        "last_created_by": None,
    }
    return {
        "id": number,
        "annotations": [annotation | more.pop("annotation", {})],
        "file_upload": "0a1b2c3d-IMG_0001.jpg",
        "drafts": [],
        "predictions": more.pop("predictions", []),
        "data": {"image": image},
        "meta": {},
        "created_at": "2024-05-02T09:29:55.031205Z",
        "updated_at": "2024-05-02T09:31:12.430511Z",
        "allow_skip": True,
        "inner_id": number,
        "total_annotations": 1,
        "cancelled_annotations": 0,
        "total_predictions": 0,
        "comment_count": 0,
        "unresolved_comment_count": 0,
        "last_comment_updated_at": None,
        "project": 3,
        "updated_by": 1,
        "comment_authors": [],
        **more,
    }


def test_label_studio_json(fruit: Store, tmp_path: Path) -> None:
    skipped = {"was_cancelled": True}
    export = [
        ls_task(1, "/data/upload/3/0a1b2c3d-IMG_0001.jpg", "Apple"),
        ls_task(2, "/data/local-files/?d=pictures/IMG_0002.jpg", "Pear"),
        ls_task(3, "https://bucket.example.org/fruit/IMG%200003.jpg", "Plum"),
        ls_task(4, "/data/local-files/?d=nested/IMG_0004.jpg", "Apple", annotation=skipped),
    ]
    report = imported(written(tmp_path, "project-3-at-2024-05-02-09-35-8f2c1d7e.json", export))
    assert (report.labelled, report.skipped) == (3, 0)
    assert labels_of(fruit) == {NAMES[0]: ["Apple"], NAMES[1]: ["Pear"], NAMES[2]: ["Plum"]}
    assert fruit.picture(0)["how"] == "imported"


def test_a_single_task_of_label_studio(fruit: Store, tmp_path: Path) -> None:
    """As its server gives one, and a bucket keeps each."""
    task = ls_task(2, "/data/local-files/?d=pictures/IMG_0002.jpg", "Pear")
    assert imported(written(tmp_path, "2.json", task)).labelled == 1
    assert labels_of(fruit) == {"IMG_0002.jpg": ["Pear"]}


def test_label_studio_json_min(fruit: Store, tmp_path: Path) -> None:
    export = [
        {
            "image": f"/data/upload/3/{number:08x}-{name}",
            "id": number,
            "choice": choice,
            "annotator": 1,
            "annotation_id": 40 + number,
            "created_at": "2024-05-02T09:31:12.401772Z",
            "updated_at": "2024-05-02T09:31:12.401801Z",
            "lead_time": 2.951,
        }
        for number, (name, choice) in enumerate(zip(NAMES[:2], ("Apple", "Plum"), strict=True))
    ]
    assert imported(written(tmp_path, "min.json", export)).labelled == 2
    assert labels_of(fruit) == {NAMES[0]: ["Apple"], NAMES[1]: ["Plum"]}


CSV_HEADER = "image,id,choice,annotator,annotation_id,created_at,updated_at,lead_time\n"
CSV_REST = "1,41,2024-05-02T09:31:12.401772Z,2024-05-02T09:31:12.401801Z,2.951\n"


def test_label_studio_csv(fruit: Store, tmp_path: Path) -> None:
    lines = [
        f"/data/upload/3/0a1b2c3d-{NAMES[0]},1,Apple,{CSV_REST}",
        f"/data/local-files/?d=pictures/{NAMES[1]},2,Plum,{CSV_REST}",
        # Nobody has answered.
        f"/data/upload/3/0a1b2c3f-IMG_0004.jpg,4,,{CSV_REST}",
    ]
    path = written(tmp_path, "project-3-at-2024-05-02.csv", CSV_HEADER + "".join(lines))
    assert imported(path).labelled == 2
    assert labels_of(fruit) == {NAMES[0]: ["Apple"], NAMES[1]: ["Plum"]}


def test_label_studio_csv_with_several_labels(database: Database, tmp_path: Path) -> None:
    store = Store(database, count=0, task="image_classification_multilabel")
    add_files(store, tmp_path)
    several = '"{""choices"": [""Apple"", ""Plum""]}"'
    lines = [
        f"/data/upload/3/0a1b2c3d-{NAMES[0]},1,{several},{CSV_REST}",
        f"/data/upload/3/0a1b2c3e-{NAMES[1]},2,Pear,{CSV_REST}",
    ]
    path = written(tmp_path, "several.csv", CSV_HEADER + "".join(lines))
    assert imported(path).labelled == 2
    assert labels_of(store) == {NAMES[0]: ["Apple", "Plum"], NAMES[1]: ["Pear"]}


@pytest.mark.parametrize("bucket", ["s3://fruit", "gs://fruit/2024", "azure-blob://fruit"])
def test_label_studio_with_pictures_in_a_bucket(fruit: Store, tmp_path: Path, bucket: str) -> None:
    export = [
        ls_task(1, f"{bucket}/{NAMES[3]}", "Apple"),
        ls_task(2, f"{bucket}/{NAMES[1]}", "Pear"),
    ]
    assert imported(written(tmp_path, "bucket.json", export)).labelled == 2
    assert labels_of(fruit) == {NAMES[3]: ["Apple"], NAMES[1]: ["Pear"]}


@pytest.mark.parametrize("kind", ["taxonomy", "choices"])
def test_label_studio_in_levels(database: Database, tmp_path: Path, kind: str) -> None:
    store = Store(database, count=0, labels=["Pome/Apple", "Pome/Pear", "Plum"])
    add_files(store, tmp_path)
    given = {NAMES[0]: [["Pome", "Apple"]], NAMES[1]: [["Plum"]]}
    export = []
    for number, (name, chosen) in enumerate(given.items(), 1):
        result = {**ls_result(), "type": kind, "value": {kind: chosen}}
        annotation = {"result": [result]}
        export.append(ls_task(number, f"/data/upload/3/0a1b2c3d-{name}", annotation=annotation))
    assert imported(written(tmp_path, "levels.json", export)).labelled == 2
    assert labels_of(store) == {NAMES[0]: ["Pome/Apple"], NAMES[1]: ["Plum"]}


def test_label_studio_before_version_1(fruit: Store, tmp_path: Path) -> None:
    completion = {
        "id": 1001,
        "lead_time": 3.1,
        "created_at": 1587000000,
        "result": [ls_result("Pear")],
    }
    export = [
        {"id": 0, "data": {"image": f"/data/{NAMES[0]}?d=/srv/fruit"}, "completions": [completion]}
    ]
    assert imported(written(tmp_path, "completions.json", export)).labelled == 1
    assert labels_of(fruit) == {NAMES[0]: ["Pear"]}


def test_label_studio_predictions(fruit: Store, tmp_path: Path) -> None:
    prediction = {
        "id": 12,
        "model_version": "resnet-2024-04",
        "created_ago": "1 day, 3 hours",
        "result": [ls_result("Pear", origin="prediction")],
        "score": 0.8125,
        "cluster": None,
        "neighbors": None,
        "mislabeling": 0.0,
        "created_at": "2024-05-01T06:31:12.401772Z",
        "updated_at": "2024-05-01T06:31:12.401801Z",
        "task": 1,
        "project": 3,
    }
    unanswered = ls_task(1, "/data/upload/3/0a1b2c3d-IMG_0001.jpg", predictions=[prediction])
    export = [{**unanswered, "annotations": [], "total_annotations": 0}]
    report = imported(written(tmp_path, "tasks.json", export), import_as="suggestions")
    assert report.suggested == 1 and labels_of(fruit) == {}
    with fruit.database.reading() as connection:
        kept = suggestions_for(connection, fruit.ids)
    assert kept == {fruit.ids[0]: [("imported", (fruit.label("Pear"),), 0.8125)]}


def test_label_studio_with_a_label_that_the_project_has_not(fruit: Store, tmp_path: Path) -> None:
    export = [
        ls_task(1, "/data/upload/3/0a1b2c3d-IMG_0001.jpg", "Apple"),
        ls_task(2, "/data/upload/3/0a1b2c3e-IMG_0002.jpg", "Quince"),
    ]
    path = written(tmp_path, "tasks.json", export)
    with pytest.raises(DataError, match=r"tasks\.json.*no label 'Quince'"):
        imported(path)
    assert labels_of(fruit) == {}
    report = imported(path, add_unknown_labels=True)
    assert report.added_labels == ("Quince",) and labels_of(fruit)[NAMES[1]] == ["Quince"]


def azure_coco(*rows: tuple[str, tuple[int, ...]]) -> dict[str, Any]:
    """What Azure's labelling projects wrote; classification has an area and no box."""
    images, annotations = [], []
    for number, (name, categories) in enumerate(rows, 1):
        images.append(
            {
                "id": number,
                "width": 1024,
                "height": 768,
                "file_name": name,
                "coco_url": f"AmlDatastore://fruitstore/{name}",
                "absolute_url": f"https://account.blob.core.windows.net/fruit/{name}",
                "date_captured": "2023-12-07T22:52:56.1086527Z",
            }
        )
        for category in categories:
            at = len(annotations) + 1
            annotations.append({"id": at, "category_id": category, "image_id": number, "area": 0.0})
    names = enumerate(("Apple", "Pear", "Plum"), 1)
    categories_ = [{"id": number, "name": name} for number, name in names]
    return {"images": images, "annotations": annotations, "categories": categories_}


def test_azure_coco(fruit: Store, tmp_path: Path) -> None:
    export = azure_coco((NAMES[0], (1,)), (NAMES[1], (3,)), (NAMES[3], (2,)))
    assert imported(written(tmp_path, "training_labels.json", export)).labelled == 3
    assert labels_of(fruit) == {NAMES[0]: ["Apple"], NAMES[1]: ["Plum"], NAMES[3]: ["Pear"]}


def test_azure_coco_with_several_labels(database: Database, tmp_path: Path) -> None:
    store = Store(database, count=0, task="image_classification_multilabel")
    add_files(store, tmp_path)
    export = azure_coco((NAMES[0], (1, 3)), (NAMES[1], (2,)))
    assert imported(written(tmp_path, "labels.json", export)).labelled == 2
    assert labels_of(store) == {NAMES[0]: ["Apple", "Plum"], NAMES[1]: ["Pear"]}


@pytest.mark.parametrize(
    "place",
    [
        "AmlDatastore://fruitstore/{}",
        "azureml://subscriptions/0000/resourcegroups/rg/workspaces/ws/datastores/fruitstore/paths/{}",
    ],
)
def test_azure_json_lines(fruit: Store, tmp_path: Path, place: str) -> None:
    lines = [
        {
            "image_url": place.format(name),
            "image_details": {"format": "jpg", "width": "1024px", "height": "768px"},
            "label": label,
            "label_confidence": 1.0,
        }
        for name, label in ((NAMES[0], "Pear"), (NAMES[3], "Apple"))
    ]
    content = "".join(f"{json.dumps(line)}\n" for line in lines)
    assert imported(written(tmp_path, "labeledDatapoints.jsonl", content)).labelled == 2
    assert labels_of(fruit) == {NAMES[0]: ["Pear"], NAMES[3]: ["Apple"]}


def test_azure_json_lines_with_several_labels(database: Database, tmp_path: Path) -> None:
    store = Store(database, count=0, task="image_classification_multilabel")
    add_files(store, tmp_path)
    lines = [
        {
            "image_url": f"AmlDatastore://fruitstore/2023/{name}",
            "label": labels,
            "label_confidence": sure,
        }
        for name, labels, sure in (
            (NAMES[0], ["Pear", "Plum"], [1.0, 1.0]),
            (NAMES[3], ["Apple"], [0.75]),
        )
    ]
    content = "".join(f"{json.dumps(line)}\n" for line in lines)
    assert imported(written(tmp_path, "labeledDatapoints.jsonl", content)).labelled == 2
    assert labels_of(store) == {NAMES[0]: ["Pear", "Plum"], NAMES[3]: ["Apple"]}


def test_an_export_of_more_pictures_than_the_project_has(fruit: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "coco.json", azure_coco((NAMES[0], (1,)), ("elsewhere.jpg", (2,))))
    with pytest.raises(DataError, match="elsewhere"):
        imported(path)
    assert labels_of(fruit) == {}
    report = imported(path, missing_pictures="skip")
    assert (report.labelled, report.skipped) == (1, 1)


def test_pictures_that_are_added_have_to_lie_somewhere(fruit: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "coco.json", azure_coco((NAMES[0], (1,)), ("elsewhere.jpg", (2,))))
    with pytest.raises(DataError, match="datastore 'fruitstore' has no local folder"):
        imported(path, missing_pictures="add")
    assert labels_of(fruit) == {}
