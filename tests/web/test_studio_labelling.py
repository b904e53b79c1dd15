"""Labelling as a part of the studio: projects made of its tables, the labeller's routes below /label, who may do what,
and data assets of labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pictures import write_class_folders
from studio_visitors import PASSWORD, Visitor

from tintype.labelling.access import set_password
from tintype.labelling.allowed_folders import AllowedFolders
from tintype.labelling.assistance.assistants_apart import AssistantsApart
from tintype.labelling.database import open_database
from tintype.labelling.people import assign_role, person_named
from tintype.labelling.projects import find_project
from tintype.studio.app import create_studio_app, studio_behind
from tintype.studio.people import People
from tintype.studio.watch import check_topics
from tintype.workspace.data_assets import DataAssetStore

NEW = {"name": "stripes", "data": "folder:photos", "labels": ["Level", "Upright"]}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four pictures of two kinds."""
    return write_class_folders(tmp_path / "photos", per_class=2)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Projects that assistants were asked to open; none of them begins here."""
    asked: list[str] = []
    of = AssistantsApart.of

    def noted(self: AssistantsApart, name: str) -> Any:
        asked.append(name)
        return of(self, name)

    monkeypatch.setattr(AssistantsApart, "of", noted)
    monkeypatch.setattr(AssistantsApart, "_is_there", lambda *_: False)
    return asked


@pytest.fixture
def local(workspace_home: Path, photos: Path, begun: list[str]) -> Iterator[Visitor]:
    guard = create_studio_app(folders=AllowedFolders([photos]))
    yield Visitor(guard)
    studio_behind(guard).end_streams()
    studio_behind(guard).labelling.close()


@pytest.fixture
def shared(
    workspace_home: Path, photos: Path, begun: list[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A studio beyond this machine, for ada; bob has a password for labelling alone."""
    argon2 = pytest.importorskip("argon2")
    # As little work as it takes: what is slow on purpose is slow in tests, too.
    quick = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("tintype.labelling.access._hasher", lambda: quick)
    people = People(["ada"])
    people.give_password("ada", PASSWORD)
    with open_database().writing() as connection:
        set_password(connection, person_named(connection, "bob"), PASSWORD)
    guard = create_studio_app(people, AllowedFolders([photos]))
    yield guard
    studio_behind(guard).end_streams()
    studio_behind(guard).labelling.close()


def label_all(visitor: Visitor, name: str) -> None:
    """As the page does: level pictures by the first key, upright ones by the second."""
    found = visitor.ask("POST", f"/projects/{name}/tasks", {"count": 9}, below="/label")
    for picture in found["pictures"]:
        label = "Level" if "level" in picture["name"] else "Upright"
        body = {"kind": "label", "pictures": [picture["id"]], "labels": [label]}
        body["client_id"] = f"test-{name}-{picture['id']}"
        visitor.ask("POST", f"/projects/{name}/actions", body, below="/label")


def test_a_project_from_a_table_to_a_data_asset(local: Visitor, begun: list[str]) -> None:
    made = local.ask("POST", "/labelling/projects", NEW)
    assert made["pictures"]["total"] == 4 and made["role"] == "owner"
    assert begun == [], "an assistant begins before a project is opened"
    (line,) = local.ask("GET", "/labelling/projects")
    assert (line["name"], line["role"], line["pictures"]["unlabelled"]) == ("stripes", "owner", 4)
    early = local.refusal(
        "POST", "/labelling/projects/stripes/data-assets", 400, {"name": "stripes"}
    )
    assert "no labelled picture" in early

    assert local.ask("GET", "/session", below="/label")["in_studio"]
    label_all(local, "stripes")
    assert begun and set(begun) == {"stripes"}
    exported = local.ask("POST", "/labelling/projects/stripes/data-assets", {"name": "lines"})
    assert exported == {
        "data_asset": "azureml:lines:1",
        "pictures": 4,
        "labels": {"Level": 2, "Upright": 2},
    }
    again = local.ask("POST", "/labelling/projects/stripes/data-assets", {"name": "lines"})
    assert again["data_asset"] == "azureml:lines:2"
    shown = local.ask("GET", "/labelling/projects/stripes")
    assert [asset["id"] for asset in shown["data_assets"]] == ["azureml:lines:2", "azureml:lines:1"]
    assert shown["labelled"] == {"Level": 2, "Upright": 2}
    # And back from the data asset.
    assert local.ask("GET", "/table?of=asset:lines:1")["labelling_project"] == "stripes"
    first, second = (DataAssetStore().get("lines", version).path for version in "12")
    assert first != second and (Path(first) / "MLTable").is_file()


def test_pictures_that_come_to_the_folder_are_found(local: Visitor, photos: Path) -> None:
    local.ask("POST", "/labelling/projects", {**NEW, "data": "folder:photos/level"})
    (photos / "level" / "0.png").rename(photos / "level" / "later.png")
    found = local.ask("POST", "/projects/stripes/refresh", below="/label")
    assert (found["added"], found["missing"]) == (1, 1)


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"data": "folder:secret"}, 404, "no 'secret'"),
        ({"data": "folder:photos/../x"}, 404, "photos"),
        ({"data": "/etc"}, 404, "asset:NAME:VERSION"),
        ({"name": "../x"}, 422, "letters"),
        ({"labels": []}, 400, "no labels"),
        ({"model": "/etc/passwd"}, 422, "model"),
    ],
)
def test_what_no_project_is_made_of(
    local: Visitor, change: dict[str, Any], status: int, told: str
) -> None:
    assert told in local.refusal("POST", "/labelling/projects", status, {**NEW, **change})
    assert local.ask("GET", "/labelling/projects") == []


def test_a_project_that_is_not_there(local: Visitor) -> None:
    local.ask("POST", "/labelling/projects", NEW)
    assert "'stripes'" in local.refusal("GET", "/labelling/projects/strips", 404)
    body = {"name": "lines"}
    assert local.refusal("POST", "/labelling/projects/strips/data-assets", 404, body)
    hostile = {"name": "../lines"}
    assert local.refusal("POST", "/labelling/projects/stripes/data-assets", 422, hostile)
    assert "stripes" in local.refusal("POST", "/labelling/projects", 400, NEW)


def test_its_page_lies_below_the_prefix(local: Visitor) -> None:
    page = local.http.get("/label/")
    assert page.status_code == 200 and "labelling/main.js" in page.text
    for name in ("labelling/main.js", "shared/api.js", "components/colours.css"):
        assert local.http.get(f"/label/{name}").status_code == 200, name
    assert local.http.get("/label/studio/main.js").status_code == 404
    paths = local.ask("GET", "/openapi.json")["paths"]
    assert {"/label/api/projects/{name}/tasks", "/api/labelling/projects/{name}"} <= paths.keys()


def test_one_token_guards_both(local: Visitor) -> None:
    local.ask("POST", "/labelling/projects", NEW)
    local.csrf = "0" * 64
    refused = local.refusal("POST", "/projects/stripes/tasks", 403, {"count": 1}, below="/label")
    assert "x-csrf-token" in refused
    # Label Studio says who it is by itself, and sends no token.
    answer = local.http.post("/label/api/label-studio/stripes/setup", json={})
    assert answer.status_code != 403


def test_changes_are_told(local: Visitor) -> None:
    watch = studio_behind(local.http.app).watch  # type: ignore[arg-type]
    check_topics(["labelling"])
    assert "labelling" not in watch._look({"labelling"})
    local.ask("POST", "/labelling/projects", NEW)
    assert watch._look({"labelling"})["labelling"] == {"list"}
    assert "labelling" not in watch._look({"labelling"})
    label_all(local, "stripes")
    assert watch._look({"labelling"})["labelling"] == {"list"}


def test_roles_beyond_this_machine(shared: Any) -> None:
    ada, bob = Visitor(shared, "studio.example"), Visitor(shared, "studio.example")
    ada.sign_in("ada")
    ada.ask("POST", "/labelling/projects", NEW)
    # Signed in once, for both; whoever makes a project owns it.
    assert ada.ask("GET", "/projects/stripes", below="/label")["role"] == "owner"

    bob.refusal("GET", "/projects/stripes", 401, below="/label")
    bob.sign_in("bob", below="/label")
    bob.refusal("GET", "/projects/stripes", 404, below="/label")
    with open_database().writing() as connection:
        project = find_project(connection, "stripes")
        assign_role(connection, project.id, person_named(connection, "bob"), "labeller")
    label_all(bob, "stripes")
    bob.refusal("POST", "/projects/stripes/refresh", 403, below="/label")
    # A labeller of the same server gets nothing of the studio.
    for path in ("/jobs", "/labelling/projects", "/labelling/projects/stripes"):
        assert "sign in first" in bob.refusal("GET", path, 401)
    body = {"name": "lines"}
    bob.refusal("POST", "/labelling/projects/stripes/data-assets", 401, body)
    ada.ask("POST", "/labelling/projects/stripes/data-assets", body)


def test_who_is_no_member_is_told_so(shared: Any) -> None:
    ada = Visitor(shared, "studio.example")
    ada.sign_in("ada")
    ada.ask("POST", "/labelling/projects", NEW)
    with open_database().writing() as connection:
        project = find_project(connection, "stripes")
        assign_role(connection, project.id, person_named(connection, "ada"), None)
    (line,) = ada.ask("GET", "/labelling/projects")
    assert line["role"] is None
    ada.refusal("GET", "/projects/stripes", 404, below="/label")


def test_two_doors_have_one_count_of_wrong_passwords(shared: Any) -> None:
    stranger = Visitor(shared, "studio.example")
    for number in range(10):
        stranger.sign_in("ada", "wrong", 401, below="/label" if number % 2 else "")
    for below in ("", "/label"):
        body = {"name": "ada", "password": PASSWORD}
        assert "too many" in stranger.refusal("POST", "/session", 429, body, below=below)
