"""Projects made over HTTP: of allowed folders alone, by owners alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from labelling_store import Store
from labelling_visitors import PASSWORD, Person, labelling_app
from pictures import encoded, striped, write_class_folders

from tintype.errors import DataError, UsageError
from tintype.labelling.access import set_password
from tintype.labelling.allowed_folders import AllowedFolders
from tintype.labelling.assistance.background import Assistants
from tintype.labelling.database import Database
from tintype.labelling.making import refresh_project
from tintype.labelling.people import assign_role, person_named

LABELS = {"labels": ["a", "b"]}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder that is allowed, beside one that is not."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "private.png").write_bytes(encoded(striped(0, 0)))
    return write_class_folders(tmp_path / "photos", per_class=2)


@pytest.fixture
def local(store: Store, assistants: Assistants, photos: Path) -> Person:
    folders = AllowedFolders([photos])
    return Person(labelling_app(store.database, assistants, local=True, folders=folders))


def names_of(person: Person) -> list[str]:
    return [project["name"] for project in person.ask("GET", "/projects")]


def test_a_project_of_an_allowed_folder(local: Person, store: Store, photos: Path) -> None:
    folders = local.ask("GET", "/folders")["folders"]
    assert folders == ["photos", "photos/level", "photos/upright"]
    made = local.ask("POST", "/projects", {"name": "new", "data": "photos", **LABELS})
    assert (made["name"], made["role"]) == ("new", "owner")
    shown = local.ask("GET", "/projects/new")
    assert shown["pictures"]["total"] == 4 and [one["name"] for one in shown["labels"]] == [
        "a",
        "b",
    ]
    local.ask("POST", "/projects", {"name": "half", "data": "photos/level", **LABELS})
    assert local.ask("GET", "/projects/half")["pictures"]["total"] == 2
    again = local.ask("POST", "/projects", {"name": "new", "data": "photos", **LABELS}, status=400)
    assert "names are used once" in again["error"]["message"]
    nothing = local.ask("POST", "/projects", {"name": "x", "data": "photos"}, status=400)
    assert "has no labels" in nothing["error"]["message"]
    assert names_of(local) == ["fruit", "half", "new"]


def test_labels_that_the_folders_say(local: Person) -> None:
    body = {"name": "new", "data": "photos", "existing_labels": "suggestions"}
    local.ask("POST", "/projects", body)
    picture = local.ask("GET", "/projects/new/pictures")["pictures"][0]
    assert picture["state"] == "unlabelled" and picture["suggestion"]["source"] == "imported"


@pytest.mark.parametrize(
    "data",
    [
        "/etc",
        "photos/../secret",
        "photos/../../etc/passwd",
        "photos//etc",
        "photos/out",
        "secret",
        "..",
        "",
        "file:///etc",
        "azureml:anything@latest",
        "photos/\u0000",
        "photos/nowhere",
    ],
)
def test_nothing_else_is_read(local: Person, photos: Path, data: str) -> None:
    (photos / "out").symlink_to(photos.parent / "secret")
    answer = local.ask("POST", "/projects", {"name": "new", "data": data, **LABELS}, status=404)
    assert "in the folders that are allowed (photos)" in answer["error"]["message"]
    assert str(photos.parent) not in answer["error"]["message"]
    assert names_of(local) == ["fruit"]


@pytest.mark.parametrize("kind", ["link", "csv", "jsonl"])
def test_pictures_that_lie_outside_are_refused(local: Person, photos: Path, kind: str) -> None:
    secret = photos.parent / "secret" / "private.png"
    data = "photos/level"
    if kind == "link":
        (photos / "level" / "link.png").symlink_to(secret)
    elif kind == "csv":
        (photos / "list.csv").write_text(f"image,label\nlevel/0.png,a\n{secret},a\n")
        data = "photos/list.csv"
    else:
        rows = [
            {"image_url": "level/0.png", "label": "a"},
            {"image_url": str(secret), "label": "a"},
        ]
        (photos / "list.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        data = "photos/list.jsonl"
    body: dict[str, Any] = {"name": "new", "data": data, **LABELS}
    message = local.ask("POST", "/projects", body, status=400)["error"]["message"]
    assert "lies outside of the folder that is allowed" in message
    assert str(photos.parent) not in message
    assert kind == "link" or message.startswith(f"photos/list.{kind}:")
    assert names_of(local) == ["fruit"]


def test_pictures_that_come_later_are_looked_at_too(
    local: Person, photos: Path, database: Database
) -> None:
    local.ask("POST", "/projects", {"name": "new", "data": "photos", **LABELS})
    (photos / "level" / "more.png").write_bytes(encoded(striped(1, 5)))
    assert local.ask("POST", "/projects/new/refresh")["added"] == 1
    (photos / "level" / "link.png").symlink_to(photos.parent / "secret" / "private.png")
    with pytest.raises(DataError, match="lies outside"):
        refresh_project(database, "new", "ann")
    assert local.ask("POST", "/projects/new/refresh", status=400)
    assert local.ask("GET", "/projects/new")["pictures"]["total"] == 5


def test_no_folder_no_project(store: Store, assistants: Assistants) -> None:
    person = Person(labelling_app(store.database, assistants, local=True))
    assert person.ask("GET", "/folders")["folders"] == []
    answer = person.ask("POST", "/projects", {"name": "new", "data": "x", **LABELS}, status=403)
    assert "--data FOLDER" in answer["error"]["message"]


def test_what_no_request_may_say(local: Person) -> None:
    body = {"name": "new", "data": "photos", **LABELS}
    for more in (
        {"model": "/etc/passwd"},
        {"zero_shot_model": "x"},
        {"name": "../x"},
        {"labels": 3},
    ):
        local.ask("POST", "/projects", {**body, **more}, status=422)
    without = local.http.post("/api/projects", json=body)
    assert without.status_code == 403 and names_of(local) == ["fruit"]


def test_owners_alone_make_projects(
    store: Store, assistants: Assistants, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    argon2 = pytest.importorskip("argon2")
    quick = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("tintype.labelling.access._hasher", lambda: quick)
    with store.database.writing() as connection:
        for name in ("owner", "reviewer", "stranger"):
            number = person_named(connection, name)
            set_password(connection, number, PASSWORD)
            if name != "stranger":
                assign_role(connection, store.project.id, number, name)  # type: ignore[arg-type]
    app = labelling_app(store.database, assistants, local=False, folders=AllowedFolders([photos]))
    body = {"name": "new", "data": "photos", **LABELS}
    for name in ("reviewer", "stranger"):
        person = Person(app, "labels.test")
        person.sign_in(name)
        person.ask("GET", "/folders", status=403)
        person.ask("POST", "/projects", body, status=403)
    owner = Person(app, "labels.test")
    owner.sign_in("owner")
    owner.ask("POST", "/projects", body)
    assert owner.ask("GET", "/projects/new")["role"] == "owner"
    reviewer = Person(app, "labels.test")
    reviewer.sign_in("reviewer")
    reviewer.ask("GET", "/projects/new", status=404)


def test_folders_that_cannot_be_allowed(tmp_path: Path) -> None:
    for parent in "ab":
        (tmp_path / parent / "photos").mkdir(parents=True)
    with pytest.raises(UsageError, match="no such folder"):
        AllowedFolders([tmp_path / "none"])
    with pytest.raises(UsageError, match="another folder is called 'photos'"):
        AllowedFolders([tmp_path / "a" / "photos", tmp_path / "b" / "photos"])
