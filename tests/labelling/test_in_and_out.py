"""Projects made of data, labels in and labels out, by the command line."""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from labelling_store import Store
from pictures import encoded, noise, write_class_folders, write_jsonl_rows

from tintype.client import Client
from tintype.data import read_image_table
from tintype.errors import DataError, UsageError
from tintype.labelling.database import Database
from tintype.labelling.suggestions import suggestions_for
from tintype.workspace.collected import CollectedRow, collected_folder, write_picture, write_rows

Command = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    return write_class_folders(tmp_path / "photos", per_class=3)


def opened(database: Database, name: str) -> Store:
    store = Store.__new__(Store)
    store.database, store.name = database, name
    return store


def labels_of(table: Any) -> dict[str, Any]:
    return {
        Path(table.location(row)).name + Path(table.location(row)).parent.name: table.label(row)
        for row in range(len(table))
    }


def test_a_folder_to_labels_to_a_data_asset(
    command: Command, database: Database, folders: Path, tmp_path: Path
) -> None:
    made = command(
        "label", "create", "--name", "stripes", "--data", folders, "--label", "Upright",
        "--label", "Line/Level",
    )  # fmt: skip
    assert made["pictures"]["total"] == made["pictures"]["unlabelled"] == 6
    assert [label["key"] for label in made["labels"]] == ["1", "2"]
    assert [label["name"] for label in made["labels"]] == ["Upright", "Line/Level"]
    store = opened(database, "stripes")
    store.act("ann", "label", 0, 1, labels=["Line/Level"], how="bulk")
    store.act("bob", "label", 3, labels=["Upright"])
    store.act("bob", "skip", 4)
    export = ("label", "export", "--name", "stripes", "--path", tmp_path / "out")
    shown = command(*export, "--register", "stripes-labels")
    assert shown["pictures"] == 3 and shown["data_asset"] == "azureml:stripes-labels:1"
    table = read_image_table(tmp_path / "out")
    assert sorted(labels_of(table).values()) == ["Line/Level", "Line/Level", "Upright"]
    asset = Client().data.get("stripes-labels")
    assert asset.properties["labelling_project"] == "stripes"
    assert command(*export, "--how", "bulk")["pictures"] == 2
    assert command(*export, "--person", "bob")["pictures"] == 1
    assert "no person 'bop'. Did you mean 'bob'" in command(*export, "--person", "bop", code=2)
    assert "no labelled picture" in command(*export, "--how", "changed", code=2)
    listed = command("label", "list")
    assert (listed[0]["labelled"], listed[0]["skipped"]) == (3, 1)


def test_a_document(command: Command, folders: Path, tmp_path: Path) -> None:
    document = tmp_path / "project.yml"
    document.write_text(
        "name: two\ndata: photos\ntask: image_classification_multilabel\n"
        "labels:\n- Apple\n- {name: Pear, key: p, colour: '#AABBCC', description: green}\n"
        "labellers: {least: 2, most: 3}\n"
    )
    made = command("label", "create", "--file", document)
    assert made["labels"][1] == {
        "name": "Pear",
        "colour": "#aabbcc",
        "key": "p",
        "description": "green",
    }
    assert made["labellers"] == {"least": 2, "most": 3}
    for wrong, told in (
        ("labels: [Apple, Apple]", "stands twice"),
        ("labels: ['a//b']", "levels are written as"),
        ('labels: ["a\\x01b"]', "control character"),
        ("labels: [a/b/c/d/e/f/g]", "6 at most"),
        ("labellers: {least: 3, most: 2}", "less than least"),
        ("label: [x]", "Did you mean 'labels'"),
    ):
        document.write_text(f"name: wrong\ndata: photos\n{wrong}\n")
        message = command("label", "create", "--file", document, code=2)
        assert any(part in message for part in told.split("|")), message
        assert "project.yml:" in message


@pytest.mark.parametrize(("kind", "state"), [("final", "labelled"), ("suggestions", "unlabelled")])
def test_labels_that_data_have(
    command: Command, database: Database, folders: Path, kind: str, state: str
) -> None:
    create = ("label", "create", "--data", folders, "--existing-labels", kind)
    made = command(*create, "--name", "own")
    assert [label["name"] for label in made["labels"]] == ["level", "upright"]
    assert made["pictures"][state] == 6
    store = opened(database, "own")
    with database.reading() as connection:
        suggested = suggestions_for(connection, store.ids)
    assert len(suggested) == (6 if kind == "suggestions" else 0)
    # Labels that were named must be all of them.
    message = command(*create, "--name", "less", "--label", "level", code=2)
    assert "has no label 'upright'" in message
    # And what failed is not there.
    assert [project["name"] for project in command("label", "list")] == ["own"]


def test_a_project_needs_labels_and_pictures(command: Command, folders: Path) -> None:
    create = ("label", "create", "--name", "none")
    assert "has no labels" in command(*create, "--data", folders, code=2)
    assert "no such file" in command(*create, "--data", folders / "x", "--label", "a", code=2)
    (folders / "empty").mkdir()
    assert "nothing in it" in command(*create, "--data", folders / "empty", "--label", "a", code=2)
    assert command("label", "list") == []


def test_pictures_that_come_and_go(command: Command, database: Database, folders: Path) -> None:
    command("label", "create", "--name", "live", "--data", folders, "--label", "a")
    (folders / "upright" / "new.png").write_bytes(encoded(noise(8, 8)))
    (folders / "level" / "0.png").unlink()
    assert command("label", "refresh", "--name", "live") == {
        "added": 1,
        "missing": 1,
        "changed": 0,
    }
    assert command("label", "show", "--name", "live")["faults"] == {"missing": 1}
    command("label", "update", "--name", "live", "--state", "archived")
    assert "is archived" in command("label", "refresh", "--name", "live", code=2)
    assert command("label", "list") == []
    assert len(command("label", "list", "--include-archived")) == 1


@pytest.mark.parametrize("task", ["image_classification", "image_classification_multilabel"])
@pytest.mark.parametrize(
    ("form", "file"),
    [
        ("mltable", ""),
        ("csv", "labels.csv"),
        ("coco", "annotations.json"),
        ("azure", ""),
        ("azure", "coco.json"),
        ("label-studio", "tasks.json"),
        ("hugging-face", "train"),
    ],
)
def test_what_goes_out_comes_in_again(
    command: Command,
    database: Database,
    folders: Path,
    tmp_path: Path,
    form: str,
    file: str,
    task: str,
) -> None:
    create = ("label", "create", "--data", folders, "--task", task)
    command(*create, "--name", "one", "--label", "a b", "--label", 'Say "c"/d, <e>')
    store = opened(database, "one")
    store.act("ann", "label", 0, 1, labels=["a b"])
    several = task.endswith("multilabel")
    both = ["a b", 'Say "c"/d, <e>'] if several else ['Say "c"/d, <e>']
    store.act("ann", "label", 4, labels=both)
    command("label", "export", "--name", "one", "--path", tmp_path / "out", "--format", form)
    path = tmp_path / "out" / file
    command(*create, "--name", "two", "--label", "a b", "--label", 'Say "c"/d, <e>')
    if form == "hugging-face":
        # Its pictures are copies under names of their own: a project of the export itself.
        table = read_image_table(path)
        assert sorted(map(str, labels_of(table).values())) == sorted(
            map(str, [["a b"], ["a b"], both] if several else ["a b", "a b", both[0]])
        )
        return
    report = command("label", "import", "--name", "two", "--path", path)
    assert report["labelled"] == 3
    other = opened(database, "two")
    for place in range(6):
        assert other.picture(place)["labels"] == store.picture(place)["labels"], place
    assert other.picture(0)["how"] == "imported"


def test_label_studio_predictions_are_suggestions(
    command: Command, database: Database, folders: Path, tmp_path: Path
) -> None:
    command("label", "create", "--name", "ls", "--data", folders, "--label", "a", "--label", "b")
    result = [{"from_name": "c", "to_name": "i", "type": "choices", "value": {"choices": ["b"]}}]
    export = tmp_path / "tasks.json"
    task = {
        "data": {"image": "/data/local-files/?d=level/1.png"},
        "predictions": [{"result": result, "score": 0.75}],
    }
    export.write_text(json.dumps([task]))
    report = command("label", "import", "--name", "ls", "--path", export, "--as", "suggestions")
    assert report["suggested"] == 1
    store = opened(database, "ls")
    with database.reading() as connection:
        found = suggestions_for(connection, store.ids)
    assert found == {store.ids[1]: [("imported", (store.label("b"),), 0.75)]}
    # They go back as they came.
    command("label", "export", "--name", "ls", "--path", tmp_path / "x", "--format", "label-studio")
    tasks = json.loads((tmp_path / "x" / "tasks.json").read_text())
    assert len(tasks) == 6
    (suggested,) = [task for task in tasks if task["predictions"]]
    assert suggested["predictions"][0]["score"] == 0.75 and not suggested["annotations"]


def test_imports_that_cannot_be_used(
    command: Command, database: Database, folders: Path, tmp_path: Path
) -> None:
    command("label", "create", "--name", "p", "--data", folders, "--label", "a", "--label", "b")
    rows = [
        {"image_url": str(folders / "level" / "0.png"), "label": "a"},
        {"image_url": str(folders / "level" / "1.png"), "label": "c"},
    ]
    path = write_jsonl_rows(tmp_path / "labels.jsonl", rows)
    run = ("label", "import", "--name", "p", "--path", path)
    message = command(*run, code=2)
    assert "labels.jsonl:2: label: the project has no label 'c'" in message
    assert command(*run, "--add-unknown-labels")["added_labels"] == ["c"]
    rows[1] = {"image_url": "elsewhere/x.png", "label": "b"}
    write_jsonl_rows(path, rows)
    message = command(*run, code=2)
    assert "labels.jsonl:2: image: project 'p' has no picture" in message
    # All or none.
    assert opened(database, "p").states == {"labelled": 2, "unlabelled": 4}
    assert command(*run, "--missing-pictures", "skip")["skipped"] == 1
    with pytest.raises(DataError, match="expected a non-empty string"):
        Client().labels.import_("p", write_jsonl_rows(path, [{**rows[0], "label": ["a", "b"]}]))


def test_new_labels_and_what_becomes_of_answers(command: Command, database: Database) -> None:
    for choice, states in (
        ("continue", {"labelled": 2, "skipped": 1, "unlabelled": 9}),
        ("start-over", {"unlabelled": 12}),
        ("keep-as-suggestions", {"unlabelled": 12}),
    ):
        store = Store(database, name=choice)
        store.act("ann", "label", 0, 1, labels=["Pear"])
        store.act("ann", "skip", 2)
        command(
            "label", "update", "--name", choice, "--add-label", "Fig", "--existing-answers", choice
        )
        assert store.states == states
        assert [label.name for label in store.project.labels][-1] == "Fig"
        with database.reading() as connection:
            kept = suggestions_for(connection, store.ids)
        assert len(kept) == (2 if choice == "keep-as-suggestions" else 0)
    with pytest.raises(UsageError, match="already"):
        Client().labels.update("continue", add_labels=["Fig"])


def test_csv_names_who_when_and_how(database: Database, tmp_path: Path) -> None:
    store = Store(database)
    store.act("ann", "label", 0, labels=["Pear"], how="suggested")
    Client().labels.export("fruit", tmp_path / "out", format="csv")
    with (tmp_path / "out" / "labels.csv").open() as file:
        (row,) = list(csv.DictReader(file))
    assert (row["image_url"], row["label"]) == ("https://pictures.test/fruit/0.jpg", "Pear")
    assert (row["how"], row["labelled_by"]) == ("suggested", "ann") and row["labelled_at"]


def test_an_output_of_a_batch(command: Command, database: Database, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path / "batch" / "predictions"
    folder.mkdir(parents=True)
    (folder.parent / "summary.json").write_text("{}")
    columns = {
        "image": ["https://a.test/1.jpg", "https://a.test/2.jpg"],
        "label": ["cat", None],
        "score": [0.5, None],
    }
    pq.write_table(pa.table(columns), folder / "part-0.parquet")
    create = ("label", "create", "--data", folder.parent)
    made = command(*create, "--name", "b", "--existing-labels", "suggestions")
    assert made["pictures"]["total"] == 2 and [one["name"] for one in made["labels"]] == ["cat"]
    assert command(*create, "--name", "c", "--label", "x")["pictures"]["total"] == 2


def test_an_output_of_a_batch_in_lines_and_one_without_places(
    command: Command, database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "batch"
    rows = [{"image": "https://a.test/1.jpg", "label": "cat", "score": 0.5}, {"file_name": "x.jpg"}]
    (folder / "predictions").mkdir(parents=True)
    lines = write_jsonl_rows(folder / "predictions" / "part-0.jsonl", rows[:1])
    (folder / "summary.json").write_text("{}")
    create = ("label", "create", "--data", folder, "--existing-labels", "suggestions")
    assert command(*create, "--name", "b")["pictures"]["total"] == 1
    write_jsonl_rows(lines, rows)
    told = command(*create, "--name", "c", code=2)
    assert "part-0.jsonl:2: image: the picture was sent inline" in told


def test_people_and_roles(command: Command, database: Database) -> None:
    Store(database)
    assign = ("label", "assign", "--name", "fruit", "--person", "ann")
    assert command(*assign)["role"] == "labeller"
    command(*assign, "--role", "reviewer")
    assert command("label", "show", "--name", "fruit")["members"] == {"ann": "reviewer"}
    command(*assign, "--role", "none")
    assert command("label", "show", "--name", "fruit")["members"] == {}
    assert len(command(*assign, "--invite")["invite"]) > 40


def record(deployment: str, *answers: tuple[int, str | None, float | None]) -> None:
    """As an instance of endpoint pets does: pictures by number, with what was answered."""
    folder = collected_folder("pets", deployment)
    rows = [
        CollectedRow(
            datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC),
            f"request-{place}",
            0,
            "pets",
            deployment,
            10.0,
            write_picture(folder, encoded(noise(20, 30, seed=number), "PNG"), ".png"),
            label,
            score,
        )
        for place, (number, label, score) in enumerate(answers)
    ]
    write_rows(folder, rows, 1)


def test_pictures_that_an_endpoint_recorded(command: Command, database: Database) -> None:
    make = ("label", "create", "--label", "cat", "--label", "dog", "--name")
    assert "nothing was recorded" in command(*make, "x", "--data", "endpoint:pets", code=2)
    assert "endpoint:NAME" in command(*make, "x", "--data", "endpoint:../pets", code=2)
    # The first came twice: what was answered last counts.
    record("blue", (1, "dog", 0.6), (2, "dog", 0.9), (1, "cat", 0.7))
    record("green", (3, None, None))
    one = command(*make, "blue", "--data", "endpoint:pets/blue", "--existing-labels", "suggestions")
    assert one["pictures"]["unlabelled"] == 2
    store = opened(database, "blue")
    with database.reading() as connection:
        found = suggestions_for(connection, [store.picture(place)["id"] for place in range(2)])
    names = {label["name"] for label in one["labels"]}
    assert names == {"cat", "dog"}
    assert sorted(kept[0][2] for kept in found.values()) == pytest.approx([0.7, 0.9])
    # A picture for which no answer was recorded is one to label.
    all_of_it = command(*make, "all", "--data", "endpoint:pets", "--existing-labels", "suggestions")
    assert all_of_it["pictures"]["unlabelled"] == 3
    both = command(*make, "both", "--data", "endpoint:pets")
    assert both["pictures"]["unlabelled"] == 3
    # What comes later comes in by a refresh.
    record("yellow", (4, "dog", 0.5))
    assert command("label", "refresh", "--name", "both")["added"] == 1
