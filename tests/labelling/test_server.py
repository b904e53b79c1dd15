"""The REST server: roles, sessions, CSRF, files, and the walk of a labeller."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from labelling_store import Store
from labelling_visitors import PASSWORD, Person, labelling_app
from pictures import encoded, noise, write_class_folders
from sqlalchemy import event

from tintype.errors import UsageError
from tintype.labelling.access import make_invite, set_password
from tintype.labelling.assistance.background import Assistants
from tintype.labelling.database import Database
from tintype.labelling.making import make_project
from tintype.labelling.people import ROLES, assign_role, person_named
from tintype.labelling.pictures import add_pictures
from tintype.labelling.projects import find_project
from tintype.labelling.server.answers import ActionAnswer, PageAnswer, PicturesAnswer
from tintype.labelling.suggestions import add_suggestions
from tintype.schemas.labelling_project import LabellingProjectDocument

XSS = "<img src=x onerror=alert(1)>"


@pytest.fixture
def local(store: Store, assistants: Assistants) -> Person:
    """Somebody at the machine itself."""
    return Person(labelling_app(store.database, assistants, local=True))


@pytest.fixture
def shared(store: Store, assistants: Assistants, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The application as others reach it, with an owner, a reviewer, a labeller and a stranger."""
    argon2 = pytest.importorskip("argon2")
    # As little work as it takes: what is slow on purpose is slow in tests, too.
    quick = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("tintype.labelling.access._hasher", lambda: quick)
    with store.database.writing() as connection:
        for name in (*ROLES, "stranger"):
            person = person_named(connection, name)
            set_password(connection, person, PASSWORD)
            if name in ROLES:
                assign_role(connection, store.project.id, person, name)  # type: ignore[arg-type]
    return labelling_app(store.database, assistants, local=False)


def test_the_walk_of_a_labeller(local: Person, store: Store) -> None:
    session = local.ask("GET", "/session")
    assert session["person"] and session["local"]
    (project,) = local.ask("GET", "/projects")
    assert (project["name"], project["role"]) == ("fruit", "owner")
    assert len(local.ask("GET", "/projects/fruit")["labels"]) == 3
    tasks = local.ask("POST", "/projects/fruit/tasks", {"count": 4})["pictures"]
    numbers = [task["id"] for task in tasks]
    assert len(numbers) == 4
    done = local.act("label", *numbers[:2], labels=["Apple"], how="bulk", seconds=1.5)
    assert [picture["state"] for picture in done["pictures"]] == ["labelled"] * 2
    local.act("skip", numbers[2], text="too dark")
    local.act("comment", numbers[3], text=XSS)
    shown = local.ask("GET", f"/projects/fruit/pictures/{numbers[3]}")
    assert shown["history"][0]["text"] == XSS
    chosen = local.ask("GET", f"/projects/fruit/pictures?id={numbers[2]}&id={numbers[0]}&id=999999")
    assert [one["id"] for one in chosen["pictures"]] == [numbers[2], numbers[0]]
    page = local.ask("GET", "/projects/fruit/pictures?state=labelled&label=Apple&limit=1")
    # These are not checked when they are sent.
    for model, answer in ((ActionAnswer, done), (PageAnswer, page), (PageAnswer, chosen)):
        assert model.model_validate(answer).model_dump(exclude_unset=True) == answer
    PicturesAnswer.model_validate({"pictures": tasks})
    assert len(page["pictures"]) == 1 and page["next"] == page["pictures"][0]["id"]
    rest = local.ask("GET", f"/projects/fruit/pictures?state=labelled&after={page['next']}")
    assert len(rest["pictures"]) == 1 and rest["next"] is None
    undone = local.ask("POST", "/projects/fruit/undo", {"client_id": "undo-number-1"})
    assert undone["pictures"][0]["state"] == "unlabelled"
    again = local.ask("POST", "/projects/fruit/undo", {"client_id": "undo-number-1"})
    assert again["repeated"] and store.states == {"labelled": 2, "unlabelled": 10}
    local.ask("POST", "/projects/fruit/redo", {"client_id": "redo-number-1"})
    assert store.states == {"labelled": 2, "skipped": 1, "unlabelled": 9}
    people = local.ask("GET", "/projects/fruit/people")
    assert people["people"][0]["answers"] == 3 and people["people"][0]["seconds"] == 1.5
    changed = local.ask("PATCH", "/projects/fruit", {"add_labels": [{"name": "Fig"}]})
    assert changed["labels"][-1]["name"] == "Fig"
    local.ask("PATCH", "/projects/fruit", {"remove_labels": ["Apple"]}, status=400)
    local.ask("PATCH", "/projects/fruit", {"state": "paused"})
    local.act("label", numbers[3], labels=["Pear"], status=409)


def test_reviewers_are_told_who_said_what(shared: Any, store: Store) -> None:
    first = store.ids[0]
    for name, label in (("ann", "Apple"), ("bob", "Pear")):
        store.act(name, "label", 0, labels=[label])
    store.act("cem", "skip", 0, text="too dark")
    people = {name: Person(shared, "labels.test") for name in ("reviewer", "labeller")}
    for name, person in people.items():
        person.sign_in(name)
    page = people["reviewer"].ask("GET", "/projects/fruit/pictures?limit=2")["pictures"]
    said = [
        (one["person"], one["labels"], one["skipped"], one["reason"]) for one in page[0]["answers"]
    ]
    assert said == [
        ("ann", ["Apple"], False, ""),
        ("bob", ["Pear"], False, ""),
        ("cem", [], True, "too dark"),
    ]
    assert page[1]["answers"] == []
    shown = people["reviewer"].ask("GET", f"/projects/fruit/pictures/{first}")
    assert shown["answers"] == page[0]["answers"]
    # What others said is not for who answers, too.
    for path in ("/projects/fruit/pictures?limit=2", f"/projects/fruit/pictures?id={first}"):
        (one, *_) = people["labeller"].ask("GET", path)["pictures"]
        assert one.get("answers") is None


def test_two_windows_and_old_labels(local: Person, store: Store) -> None:
    first = store.ids[0]
    local.act("label", first, labels=["Apple"], revisions={first: 0})
    local.act("label", first, labels=["Pear"], revisions={first: 0}, status=409)
    local.act("label", first, labels=["Fig"], status=404)
    local.act("label", 999_999, labels=["Pear"], status=404)
    local.act("label", first, labels=["Pear", "Plum"], status=400)
    local.act("label", first, labels=["Pear"], how="imported", status=422)
    local.act("restart", first, status=422)
    local.act("label", first, labels=["Pear"], client_id="x", status=422)
    assert store.picture(0)["labels"] == ["Apple"]


def test_suggestions_taken_in_bulk(local: Person, store: Store, assistants: Assistants) -> None:
    ids, names = store.ids, ("Apple", "Pear", "Plum")
    assistant = assistants.of("fruit")
    assert assistant is not None
    local.act("label", *ids[:10], labels_by_picture={n: [names[n % 3]] for n in ids[:10]})
    assistant.refresh()
    tasks = local.ask("POST", "/projects/fruit/tasks", {"count": 9, "order": "confidence"})
    suggested = {task["id"]: task["suggestion"]["labels"] for task in tasks["pictures"]}
    assert suggested == {number: [names[number % 3]] for number in ids[10:]}
    sure = local.ask("GET", "/projects/fruit/assistant/confident?least=0")
    assert {one["id"] for one in sure} == set(ids[10:])
    local.act("label", *ids[10:], labels_by_picture=suggested, how="suggested")
    assert store.states == {"labelled": 12} and store.picture(11)["how"] == "suggested"
    status = local.ask("GET", "/projects/fruit/assistant")
    assert status["fault"] is None and status["suggestions_from"] == "labels"
    assert local.ask("GET", "/projects/fruit/assistant/groups") is not None
    assert local.ask("GET", "/projects/fruit/assistant/likely-errors") is not None
    local.ask("GET", "/projects/fruit/assistant/similar/999999", status=404)
    # What was imported is shown before what a model thinks.
    with store.database.writing() as connection:
        add_suggestions(connection, "imported", [(ids[0], [store.label("Plum")], None)])
    shown = local.ask("GET", f"/projects/fruit/pictures/{ids[0]}")
    assert shown["suggestion"] == {"labels": ["Plum"], "confidence": None, "source": "imported"}


def test_files_go_out_and_come_in(local: Person, store: Store, tmp_path: Path) -> None:
    local.act("label", store.ids[0], labels=["Apple"], how="suggested")
    local.ask("GET", "/projects/fruit/export?how=bulk", status=400)
    answer = local.http.get("/api/projects/fruit/export?format=coco")
    assert answer.headers["content-disposition"] == 'attachment; filename="fruit-coco.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        coco = archive.read("annotations.json")
        assert sorted(archive.namelist()) == ["annotations.json", "labelling.yaml"]
    assert str(tmp_path) not in coco.decode()
    local.act("clear", store.ids[0])

    def upload(kind: str, content: bytes, more: str = "") -> Any:
        headers = {"x-csrf-token": local.csrf, "content-type": "application/octet-stream"}
        path = f"/api/projects/fruit/import?kind={kind}{more}"
        return local.http.post(path, content=content, headers=headers)

    assert upload("json", coco).json()["labelled"] == 1
    assert store.picture(0)["labels"] == ["Apple"] and store.picture(0)["how"] == "imported"
    wrong = upload("csv", b"image,label\n1.jpg,Apple\n2.jpg,Fig\n")
    message = wrong.json()["error"]["message"]
    assert wrong.status_code == 400 and message.startswith("labels.csv:3: label: the project has")
    assert store.states == {"labelled": 1, "unlabelled": 11}
    # Nothing of this machine comes in by a name.
    secret = upload("csv", b"image,label\n/etc/passwd,Apple\n")
    assert secret.status_code == 400 and "has no picture /etc/passwd" in secret.text
    added = upload("csv", b"image,label\n/etc/passwd,Apple\n", "&missing_pictures=add")
    assert added.status_code == 422
    assert upload("zip", b"PK").status_code == 422


@pytest.fixture
def photos(database: Database, tmp_path: Path) -> Path:
    folder = write_class_folders(tmp_path / "photos", per_class=1)
    (folder / "script.svg.png").write_text(
        "<svg onload=alert(1) xmlns='http://www.w3.org/2000/svg'/>"
    )
    (folder / "wide.tiff").write_bytes(encoded(noise(20, 40), "TIFF"))
    document = LabellingProjectDocument(name="files", data=str(folder), labels=[{"name": "a"}])
    make_project(database, document)
    return folder


def test_pictures_are_shown_and_nothing_else(local: Person, photos: Path, tmp_path: Path) -> None:
    page = local.ask("GET", "/projects/files/pictures")["pictures"]
    by_name = {picture["name"]: picture["id"] for picture in page}
    # Where they lie is told to nobody who asks for pictures.
    assert str(tmp_path) not in json.dumps(page)
    kinds = {}
    for name, number in by_name.items():
        for what in ("image", "thumbnail?side=128"):
            answer = local.http.get(f"/api/projects/files/pictures/{number}/{what}")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            kinds[name, what[:5]] = (answer.status_code, answer.headers["content-type"])
    assert kinds["upright/0.png", "image"] == (200, "image/png")
    assert kinds["wide.tiff", "image"] == kinds["wide.tiff", "thumb"] == (200, "image/jpeg")
    assert kinds["script.svg.png", "image"] == (404, "application/json")
    number = by_name["level/0.png"]
    (photos / "level" / "0.png").unlink()
    (photos / "level" / "0.png").symlink_to("/etc/passwd")
    answer = local.http.get(f"/api/projects/files/pictures/{number}/image")
    assert answer.status_code == 404 and "root:" not in answer.text
    for wrong in ("../../etc/passwd", "%2e%2e%2fx", "1/../../files", "-1", "1e3"):
        answer = local.http.get(f"/api/projects/files/pictures/{wrong}/image")
        assert answer.status_code in (404, 422), wrong
    # A picture of another project is none of this one's.
    answer = local.http.get(f"/api/projects/fruit/pictures/{number}/image")
    assert answer.status_code == 404
    answer = local.http.get(f"/api/projects/files/pictures/{number}/thumbnail?side=9999")
    assert answer.status_code == 400


def test_urls_of_pictures_reach_no_private_address(
    local: Person, store: Store, database: Database
) -> None:
    with database.writing() as connection:
        place = "http://127.0.0.1:1/latest/meta-data"
        add_pictures(connection, store.project, [(place, "x")])
    answer = local.http.get(f"/api/projects/fruit/pictures/{store.ids[-1]}/image")
    assert answer.status_code == 404 and "127.0.0.1" not in answer.text


def test_markup_in_names_comes_back_as_json(database: Database, assistants: Assistants) -> None:
    Store(database, name="hostile", labels=[XSS.replace("/", "")])
    person = Person(labelling_app(database, assistants, local=True))
    assert person.ask("GET", "/projects/hostile")["labels"][0]["name"] == XSS
    person.ask("GET", "/projects/%3Cscript%3E", status=404)
    person.ask("GET", f"/projects/hostile/pictures?label={XSS}x", status=400)


def test_another_site_cannot_act(local: Person, store: Store) -> None:
    path = "/api/projects/fruit/actions"
    body = {"client_id": "client-1", "kind": "flag", "pictures": store.ids[:1]}
    with_token = {"x-csrf-token": local.csrf}
    for headers in (
        {},
        {"x-csrf-token": "0" * 64},
        {**with_token, "origin": "https://evil.test"},
        {**with_token, "origin": "null"},
        {**with_token, "sec-fetch-site": "cross-site"},
    ):
        answer = local.http.post(path, json=body, headers=headers)
        assert answer.status_code == 403, headers
        assert "access-control-allow-origin" not in answer.headers
    assert not store.picture(0)["flagged"]
    # A page under a name that leads here (DNS rebinding).
    answer = local.http.get("/api/projects", headers={"host": "evil.test"})
    assert answer.status_code == 421
    same = {**with_token, "origin": "http://localhost", "sec-fetch-site": "same-origin"}
    assert local.http.post(path, json=body, headers=same).status_code == 200
    large = local.http.post(path, content=b"x" * (9 * 1024 * 1024), headers=with_token)
    assert large.status_code == 413
    hook = local.http.post("/api/label-studio/fruit/webhook", content="{}")
    assert hook.status_code == 415


def test_the_page_is_served_to_everybody(shared: Any) -> None:
    person = Person(shared, "labels.test")
    page = person.http.get("/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    again = person.http.get("/", headers={"if-none-match": page.headers["etag"]})
    assert again.status_code == 304 and not again.content
    script = person.http.get("/labelling/main.js")
    assert script.headers["content-type"].startswith("text/javascript")
    for wrong in ("/labelling/none.js", "/labelling/..%2fplayground.py", "/vendor/README.md", "/x"):
        answer = person.http.get(wrong)
        assert answer.status_code == 404 and answer.json()["error"]["code"] == 404, wrong


def test_nobody_gets_in_without_signing_in(shared: Any) -> None:
    person = Person(shared, "labels.test")
    routes = shared.app.routes
    paths = [(method, path) for path, method in _operations(person)]
    assert len(paths) > 20 and routes
    open_to_all = {("get", "/api/session"), ("post", "/api/session"), ("delete", "/api/session")}
    for method, path in paths:
        if (method, path) in open_to_all or path == "/api/invites":
            continue
        filled = path.replace("{name}", "fruit").replace("{number}", "1").replace("{person}", "x")
        answer = person.http.request(
            method,
            filled,
            headers={"x-csrf-token": person.csrf, "content-type": "application/json"},
            content=b"{}",
        )
        assert answer.status_code == 401, (method, path, answer.text)


def _operations(person: Person) -> list[tuple[str, str]]:
    document = person.http.get("/openapi.json").json()
    return [(path, method) for path, methods in document["paths"].items() for method in methods]


# What the least role is, by route; everything else is a labeller's.
NEEDS = {
    "reviewer": [("GET", "/people"), ("GET", "/assistant/likely-errors")],
    "owner": [
        ("PATCH", ""),
        ("POST", "/refresh"),
        ("POST", "/import?kind=csv"),
        ("POST", "/invites"),
        ("GET", "/members"),
        ("PUT", "/members/x"),
        ("DELETE", "/members/x"),
    ],
}


def test_roles_are_checked_on_the_server(shared: Any, store: Store) -> None:
    bodies = {"PATCH": {}, "PUT": {"role": "labeller"}, "POST": {"person": "x"}}
    for name in ("labeller", "reviewer"):
        person = Person(shared, "labels.test")
        person.sign_in(name)
        for needed, routes in NEEDS.items():
            if needed == name:
                continue
            for method, path in routes:
                status = 403 if ROLES.index(name) > ROLES.index(needed) else 200  # type: ignore[arg-type]
                person.ask(method, f"/projects/fruit{path}", bodies.get(method), status=status)
        shown = person.ask("GET", "/projects/fruit")
        assert "members" not in shown and "data" not in shown and shown["role"] == name
        first = store.ids[0]
        person.act("label", first, labels=["Apple"])
        person.act("accept", first, status=403 if name == "labeller" else 200)
    stranger = Person(shared, "labels.test")
    stranger.sign_in("stranger")
    assert stranger.ask("GET", "/projects") == []
    # Neither there nor not there.
    there = stranger.ask("GET", "/projects/fruit", status=404)
    nowhere = stranger.ask("GET", "/projects/fruits", status=404)
    assert there["error"]["message"].replace("fruit", "fruits") == nowhere["error"]["message"]


def test_passwords_and_sessions(shared: Any) -> None:
    person = Person(shared, "labels.test")
    for name, password in (("labeller", "wrong"), ("nobody", PASSWORD), ("import", "")):
        assert person.sign_in(name, password, status=401)["error"]["message"] == (
            "name or password is wrong"
        )
    old = person.csrf
    person.sign_in("labeller")
    cookie = next(iter(person.http.cookies.jar))
    assert cookie.has_nonstandard_attr("HttpOnly") and cookie.get_nonstandard_attr("SameSite")
    assert person.csrf != old
    assert person.ask("GET", "/session")["person"] == "labeller"
    stolen = cookie.value
    person.ask("DELETE", "/session")
    answer = person.http.get("/api/projects", headers={"cookie": f"tintype_session={stolen}"})
    assert answer.status_code == 401
    another = Person(shared, "labels.test")
    for _ in range(10):
        another.sign_in("owner", "guess", status=401)
    another.sign_in("owner", PASSWORD, status=429)


def test_an_invitation_is_used_once(shared: Any, store: Store) -> None:
    owner = Person(shared, "labels.test")
    owner.sign_in("owner")
    body = {"person": "new one", "role": "labeller"}
    token = owner.ask("POST", "/projects/fruit/invites", body)["token"]
    guest = Person(shared, "labels.test")
    guest.ask("POST", "/invites", {"token": token, "password": "short"}, status=400)
    joined = guest.ask("POST", "/invites", {"token": token, "password": PASSWORD})
    guest.csrf = joined["csrf"]
    assert joined["person"] == "new one"
    assert [one["role"] for one in guest.ask("GET", "/projects")] == ["labeller"]
    Person(shared, "labels.test").ask("POST", "/invites", {"token": token}, status=403)
    Person(shared, "labels.test").sign_in("new one")
    owner.ask("DELETE", "/projects/fruit/members/new one")
    assert guest.ask("GET", "/projects") == []
    # Secrets are kept as digests only.
    with store.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT token FROM invites").scalars().all()
        hashes = connection.exec_driver_sql("SELECT password FROM people").scalars().all()
    assert token not in rows and all(one is None or one.startswith("$argon2id$") for one in hashes)
    with pytest.raises(UsageError), store.database.writing() as connection:
        set_password(connection, 1, "x")
    with store.database.writing() as connection:
        project = find_project(connection, "fruit")
        assert make_invite(connection, project.id, "a", "labeller") not in rows


def test_who_invites_a_name_does_not_become_them(shared: Any, store: Store) -> None:
    owner = Person(shared, "labels.test")
    owner.sign_in("owner")
    token = owner.ask("POST", "/projects/fruit/invites", {"person": "stranger"})["token"]
    thief = Person(shared, "labels.test")
    body = {"token": token, "password": "of the thief's choice"}
    refused = thief.ask("POST", "/invites", body, status=409)
    assert "sign in as them" in refused["error"]["message"]
    owner.ask("POST", "/invites", body, status=409)
    # The invitation is not used up by that; nor does it change a password.
    stranger = Person(shared, "labels.test")
    stranger.sign_in("stranger")
    stranger.csrf = stranger.ask("POST", "/invites", body)["csrf"]
    assert [one["role"] for one in stranger.ask("GET", "/projects")] == ["labeller"]
    Person(shared, "labels.test").sign_in("stranger")


def test_a_project_keeps_its_owner(shared: Any) -> None:
    owner = Person(shared, "labels.test")
    owner.sign_in("owner")
    owner.ask("DELETE", "/projects/fruit/members/owner", status=409)
    owner.ask("PUT", "/projects/fruit/members/owner", {"role": "labeller"}, status=409)
    missing = owner.ask("DELETE", "/projects/fruit/members/nobody", status=400)
    assert "there is no person 'nobody'" in missing["error"]["message"]


def test_labels_are_safe_when_the_disk_is_full(local: Person, store: Store) -> None:
    engine = store.database.engine
    event.listen(
        engine,
        "connect",
        # No more pages than there are.
        lambda connection, _: connection.execute("PRAGMA max_page_count = 1").close(),
    )
    engine.dispose()
    statuses = set()
    for number in range(60):
        body = {
            "client_id": f"full-disk-{number}",
            "kind": "comment",
            "pictures": store.ids,
            "text": "x" * 9000,
        }
        answer = local.http.post(
            "/api/projects/fruit/actions", json=body, headers={"x-csrf-token": local.csrf}
        )
        statuses.add(answer.status_code)
        if answer.status_code == 503:
            assert "full" in answer.json()["error"]["message"]
            assert str(store.database.engine.url.database) not in answer.text
    assert statuses <= {200, 503} and 503 in statuses


def test_label_studio_asks_for_predictions(
    local: Person, store: Store, assistants: Assistants
) -> None:
    ids, names = store.ids, ("Apple", "Pear", "Plum")
    local.act("label", *ids[:10], labels_by_picture={n: [names[n % 3]] for n in ids[:10]})
    assistant = assistants.of("fruit")
    assert assistant is not None
    assistant.refresh()
    prefix = "/label-studio/fruit"
    assert local.ask("GET", f"{prefix}/health")["status"] == "UP"
    assert local.ask("POST", f"{prefix}/setup", {"project": "1"})["model_version"]
    config = '<View><Image name="img" value="$image"/><Choices name="kind" toName="img"/></View>'
    tasks = [
        {"id": 1, "data": {"image": "/data/upload/3/0a1b2c3d-10.jpg"}},
        {"id": 2, "data": {"image": "/data/local-files/?d=somewhere/11.jpg"}},
        {"id": 3, "data": {"image": "https://elsewhere.test/none.jpg"}},
    ]
    found = local.ask("POST", f"{prefix}/predict", {"tasks": tasks, "label_config": config})
    first, second, third = found["results"]
    assert first["result"] == [
        {
            "from_name": "kind",
            "to_name": "img",
            "type": "choices",
            "value": {"choices": [names[ids[10] % 3]]},
        }
    ]
    assert second["score"] > 0 and third["result"] == []
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><View>&a;</View>'
    local.ask("POST", f"{prefix}/predict", {"tasks": tasks[:1], "label_config": bomb})
    event = {
        "action": "ANNOTATION_CREATED",
        "task": tasks[0],
        "annotation": {"result": first["result"]},
    }
    assert local.ask("POST", f"{prefix}/webhook", event)["status"] == "ok"
    assert store.picture(10)["person"] == "label-studio"
    assert (
        local.ask("POST", f"{prefix}/webhook", {"action": "PROJECT_UPDATED"})["status"] == "ignored"
    )
    event["annotation"] = {"result": [{"value": {"choices": ["Fig"]}}]}
    local.ask("POST", f"{prefix}/webhook", event, status=404)
    assert local.ask("POST", f"{prefix}/train", {})["status"] == "ok"


def test_label_studio_says_who_it_is(shared: Any) -> None:
    person = Person(shared, "labels.test")

    def health(user: str, password: str = PASSWORD) -> int:
        given = base64.b64encode(f"{user}:{password}".encode()).decode()
        answer = person.http.get(
            "/api/label-studio/fruit/health", headers={"authorization": f"Basic {given}"}
        )
        return int(answer.status_code)

    assert health("reviewer") == 200
    assert health("labeller") == 403
    assert health("reviewer", "wrong") == 401
    bad = person.http.get("/api/label-studio/fruit/health", headers={"authorization": "Basic %%%"})
    assert bad.status_code == 401


def test_all_routes_are_documented(local: Person) -> None:
    document = local.http.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        assert path.startswith("/api/")
        for method, told in methods.items():
            assert told.get("description"), (method, path)
            assert set(told["responses"]) == {"200", "4XX", "422", "503"}
    assert re.match(r"3\.1", document["openapi"])
    assert local.http.get("/docs").status_code == 404
