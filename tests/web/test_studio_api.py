"""The studio's routes, without a browser: what they answer, and whom and what they refuse."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import urllib.parse
from pathlib import Path
from typing import Any

import pytest
from studio_runs import make_pipeline, make_run, make_sweep
from studio_visitors import PASSWORD, Visitor

from tintype.studio.app import create_studio_app
from tintype.studio.people import People
from tintype.studio.watch import Watch
from tintype.web.page_files import PAGE_HEADERS
from tintype.web.studio import STUDIO_PAGE
from tintype.workspace.run_index import RunIndex


@pytest.fixture
def visitor(workspace_home: Path) -> Visitor:
    """Who sits at this machine."""
    return Visitor(create_studio_app())


# Pages of runs --------------------------------------------------------------------------------------


def test_the_list_and_one_run(visitor: Visitor, workspace_home: Path) -> None:
    make_run(workspace_home, "first", display_name="<b>First</b>", metrics={"accuracy": 0.5})
    make_run(workspace_home, "second", status="Failed", error="no picture", metrics={})
    page = visitor.ask("GET", "/jobs?sort=score")
    assert [run["name"] for run in page["runs"]] == ["first", "second"]
    assert page["runs"][0]["score"] == {"name": "accuracy", "value": 0.5}
    assert page["statuses"] == {"Completed": 1, "Failed": 1}
    run = visitor.ask("GET", "/jobs/second")
    assert run["error"] == "no picture" and run["can"] == ["resume", "archive"]
    assert "model_name: tintype/resnet-small" in run["yaml"] and "\nname:" not in run["yaml"]
    assert visitor.ask("POST", "/jobs/second/archive")["archived"] is True
    assert visitor.ask("GET", "/jobs")["total"] == 1
    assert visitor.ask("POST", "/jobs/second/restore")["archived"] is False
    assert "no job named 'thrid'" in visitor.refusal("GET", "/jobs/thrid", 404)
    assert "there is nothing to cancel" in visitor.refusal("POST", "/jobs/first/cancel", 409)
    assert "nothing to resume" in visitor.refusal("POST", "/jobs/first/resume", 409)


def test_home_tells_what_works_and_what_has_failed(visitor: Visitor, workspace_home: Path) -> None:
    make_run(workspace_home, "good", registered_model="photos:1")
    make_run(workspace_home, "bad", status="Failed", error="no picture")
    make_run(
        workspace_home,
        "old",
        status="Failed",
        ended_at="2001-01-01T00:00:00+00:00",
        error="long ago",
    )
    home = visitor.ask("GET", "/home")
    assert [run["name"] for run in home["failed"]] == ["bad"]
    assert [run["registered_model"] for run in home["models"]] == ["photos:1"]
    assert home["active"] == [] and home["runs"] == 3 and home["disk"]["free_bytes"] > 0


def test_the_log_is_read_in_pieces(visitor: Visitor, workspace_home: Path) -> None:
    run = make_run(workspace_home, "one")
    assert visitor.ask("GET", "/jobs/one/log") == {"text": "", "start": 0, "end": 0, "size": 0}
    run.log.write_bytes(b"first\n\xff\n")
    piece = visitor.ask("GET", "/jobs/one/log")
    assert piece == {"text": "first\n\ufffd\n", "start": 0, "end": 8, "size": 8}
    with run.log.open("a") as stream:
        stream.write("second\n")
    assert visitor.ask("GET", "/jobs/one/log?start=8")["text"] == "second\n"
    # A log of megabytes is opened at its end, and read on in whole lines.
    run.log.write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert visitor.ask("GET", "/jobs/one/log")["text"].endswith("line 99999\n")
    first = visitor.ask("GET", "/jobs/one/log?start=0")
    assert first["text"].endswith("\n") and first["end"] < first["size"]
    # Written anew: what was read before says nothing.
    run.log.write_text("anew\n")
    assert visitor.ask("GET", f"/jobs/one/log?start={first['end']}")["text"] == "anew\n"


def test_trials_and_graph(visitor: Visitor, workspace_home: Path) -> None:
    make_sweep(workspace_home, "sweep", 3)
    make_pipeline(workspace_home, "pipe")
    trials = visitor.ask("GET", "/jobs/sweep/trials")
    assert [trial["metric"] for trial in trials["trials"]] == [0.5, 0.51, None]
    assert trials["max_trials"] == 20 and trials["best_trial"] == 1
    steps = visitor.ask("GET", "/jobs/pipe/graph")["steps"]
    assert {step["name"]: step["column"] for step in steps} == {
        "train": 0,
        "evaluate": 1,
        "register": 2,
    }
    assert "is not a sweep" in visitor.refusal("GET", "/jobs/pipe/trials", 404)
    assert visitor.ask("GET", "/jobs/sweep")["parts"] == ["trials"]
    assert visitor.ask("GET", "/jobs/sweep")["reports"] == []
    report = workspace_home / "runs" / "sweep" / "outputs" / "evaluation" / "evaluation.html"
    report.parent.mkdir(parents=True)
    report.write_text("<p>told")
    found = visitor.ask("GET", "/jobs/sweep")["reports"]
    assert found == ["outputs/evaluation/evaluation.html"]
    (workspace_home / "runs" / "sweep" / "sweep.json").write_text("{")
    assert "cannot be read" in visitor.refusal("GET", "/jobs/sweep/trials", 503)


def test_a_run_deleted_by_hand_is_missing_and_nothing_else(
    visitor: Visitor, workspace_home: Path
) -> None:
    run = make_sweep(workspace_home, "gone", 2)
    make_run(workspace_home, "child", parent="gone")
    make_run(workspace_home, "stays")
    assert visitor.ask("GET", "/jobs")["total"] == 2
    shutil.rmtree(run.folder)
    for path in ("", "/log", "/trials", "/metrics", "/files"):
        assert "no job named 'gone'" in visitor.refusal("GET", f"/jobs/gone{path}", 404)
    assert [one["name"] for one in visitor.ask("GET", "/jobs")["runs"]] == ["stays"]
    assert visitor.ask("GET", "/jobs/child")["parents"] == ["gone"]
    (workspace_home / "runs" / "stays" / "job.json").unlink()
    assert visitor.ask("GET", "/jobs/stays")["document"] == {}


# Files ------------------------------------------------------------------------------------------------


def test_files_of_a_run_and_of_nothing_else(visitor: Visitor, workspace_home: Path) -> None:
    run = make_run(workspace_home, "one")
    other = make_run(workspace_home, "other")
    outputs = run.outputs
    outputs.mkdir()
    (outputs / "report.html").write_text("<script>alert(1)</script>")
    (outputs / "weights.safetensors").write_bytes(b"1234")
    (run.folder / "secret.txt").write_text("not an output")
    (workspace_home / "secret.txt").write_text("of the workspace")
    other.named_outputs.mkdir()
    (other.named_outputs / "scores.csv").write_text("a,b\n")
    os.symlink("../../other/named-outputs/scores.csv", outputs / "linked.csv")
    os.symlink("/etc/passwd", outputs / "passwd")
    os.symlink("../../../secret.txt", outputs / "climbs")
    os.symlink("../run.json", outputs / "record")

    top = visitor.ask("GET", "/jobs/one/files")["files"]
    assert [file["path"] for file in top] == ["outputs", "job.json"]
    listed = {
        file["name"]: file for file in visitor.ask("GET", "/jobs/one/files?path=outputs")["files"]
    }
    assert listed["weights.safetensors"]["bytes"] == 4 and listed["report.html"]["shown"]

    def content(path: str, **query: Any) -> Any:
        quoted = urllib.parse.quote(path, safe="/")
        return visitor.http.get(f"/api/jobs/one/files/content/{quoted}", params=query)

    page = content("outputs/report.html")
    assert page.text == "<script>alert(1)</script>"
    # Whatever it runs has no origin, and no way to ask for anything.
    assert page.headers["content-security-policy"].startswith(
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'"
    )
    assert "allow-same-origin" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert (
        content("outputs/weights.safetensors")
        .headers["content-disposition"]
        .startswith("attachment")
    )
    assert (
        content("outputs/report.html", download=True)
        .headers["content-disposition"]
        .startswith("att")
    )
    assert content("outputs/linked.csv").text == "a,b\n"
    for path in (
        "outputs/passwd",
        "outputs/climbs",
        "outputs/record",
        "outputs/../secret.txt",
        "../other/named-outputs/scores.csv",
        "secret.txt",
        "run.json",
        "/etc/passwd",
        "outputs//passwd",
        "outputs/\0",
        ".lock",
    ):
        answer = content(path)
        assert answer.status_code == 404, path
        for content_of_others in ("not an output", "of the workspace", "root:"):
            assert content_of_others not in answer.text, path
    assert visitor.refusal("GET", "/jobs/one/files?path=outputs/nothing", 404)


# New jobs ---------------------------------------------------------------------------------------------


def test_a_document_is_checked_and_errors_have_their_lines(visitor: Visitor) -> None:
    text = "type: finetuning\ntask: image_clasification\nmodel_name: x\ntraining_data: {path: y}\nfoo: 1\n"
    answer = visitor.ask("POST", "/job-check", {"yaml": text})
    lines = {problem["line"]: problem for problem in answer["problems"]}
    assert set(lines) == {2, 5}
    assert lines[5]["field"] == "foo" and lines[5]["message"] == "unknown key."
    assert "expected 'image_classification'" in lines[2]["message"]
    for wrong in ("", "a: [", "- a", "type: finetuning\ntype: batch\n", "a: &x 1\nb: *x\n"):
        problems = visitor.ask("POST", "/job-check", {"yaml": wrong})["problems"]
        assert len(problems) == 1, wrong
    good = "type: batch\nmodel: a/b\ninput: ./photos\n"
    assert visitor.ask("POST", "/job-check", {"yaml": good}) == {
        "problems": [],
        "type": "batch",
        "notices": [],
    }


def test_a_job_is_submitted_whole_or_not_at_all(
    visitor: Visitor, class_folders: Path, no_workers: None
) -> None:
    text = (
        "type: finetuning\nname: made\ntask: image_classification\nmodel_name: tintype/resnet-small\n"
        f"training_data: {{path: {class_folders}}}\n"
    )
    run = visitor.ask("POST", "/jobs", {"yaml": text}, status=201)
    assert run["name"] == "made" and run["status"] in ("Starting", "Failed")
    assert "a job named 'made' exists" in visitor.refusal("POST", "/jobs", 400, {"yaml": text})
    nowhere = text.replace(str(class_folders), "/nowhere").replace("made", "other")
    assert "/nowhere" in visitor.refusal("POST", "/jobs", 400, {"yaml": nowhere})
    assert "line 6" in visitor.refusal("POST", "/jobs", 400, {"yaml": f"{text}foo: 1\n"})
    assert visitor.ask("GET", "/jobs")["total"] == 1


def test_choices_begin_with_what_needs_no_network(visitor: Visitor) -> None:
    choices = visitor.ask("GET", "/job-choices")
    assert choices["models"][0].startswith("tintype/") and len(choices["models"]) > 10


# Other pages ------------------------------------------------------------------------------------------


def test_empty_workspaces_answer_and_make_nothing(visitor: Visitor, workspace_home: Path) -> None:
    assert visitor.ask("GET", "/data") == []
    assert visitor.ask("GET", "/endpoints") == {"endpoints": [], "daemon": False}
    assert visitor.ask("GET", "/labelling/projects") == []
    assert not (workspace_home / "labelling").exists()


def test_the_document_of_all_routes(visitor: Visitor) -> None:
    document = visitor.ask("GET", "/openapi.json")
    assert {"/api/jobs", "/api/jobs/{name}", "/api/events", "/api/home"} <= document["paths"].keys()
    for path, verbs in document["paths"].items():
        for verb in verbs.values():
            assert verb["description"], path


# The page ---------------------------------------------------------------------------------------------


def test_every_address_of_a_page_is_the_page(visitor: Visitor) -> None:
    for path in ("/", "/jobs", "/jobs/some-run?tab=log", "/models/a/b", "/new-job", "/labelling"):
        answer = visitor.http.get(path)
        assert answer.status_code == 200 and answer.text.startswith("<!doctype html>")
        assert answer.headers["content-security-policy"] == PAGE_HEADERS["content-security-policy"]
    script = visitor.http.get("/studio/main.js")
    assert script.headers["content-type"].startswith("text/javascript")
    again = visitor.http.get("/studio/main.js", headers={"if-none-match": script.headers["etag"]})
    assert again.status_code == 304
    for path in ("/studio/../guard.py", "/web/guard.py", "/studio", "/nothing", "/%2e%2e/guard.py"):
        assert visitor.http.get(path).status_code == 404, path


def test_the_app_is_small() -> None:
    files = [STUDIO_PAGE.file(name) for name in STUDIO_PAGE.names() if "marked" not in name]
    assert sum(len(file.compressed) for file in files if file is not None) < 300_000


# Who may ----------------------------------------------------------------------------------------------


def test_other_hosts_sites_and_requests_without_a_token_are_refused(visitor: Visitor) -> None:
    ask = visitor.http.request
    assert ask("GET", "/api/jobs", headers={"host": "evil.example"}).status_code == 421
    token = {"x-csrf-token": visitor.csrf}
    body = {"yaml": "a: 1"}
    assert ask("POST", "/api/job-check", json=body).status_code == 403
    for foreign in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        answer = ask("POST", "/api/job-check", json=body, headers={**token, **foreign})
        assert answer.status_code == 403, foreign
    assert ask("POST", "/api/job-check", json=body, headers=token).status_code == 200


def test_beyond_this_machine_only_who_is_named_gets_in(workspace_home: Path) -> None:
    people = People(["ada"])
    people.give_password("ada", PASSWORD)
    other = People(["bob"])
    other.give_password("bob", PASSWORD)
    guard = create_studio_app(people)
    stranger = Visitor(guard, "studio.example")
    assert stranger.http.get("/jobs").status_code == 200
    for path in ("/jobs", "/home", "/data", "/models", "/endpoints", "/labelling/projects"):
        assert "sign in first" in stranger.refusal("GET", path, 401)
    for path in ("/jobs/x/files/content/log.txt", "/events?topic=runs", "/jobs/x/log"):
        assert "sign in first" in stranger.refusal("GET", path, 401)
    assert "sign in first" in stranger.refusal("POST", "/jobs", 401, {"yaml": ""})
    # A labeller has a password, too: that is for labelling.
    assert stranger.refusal("POST", "/session", 401, {"name": "bob", "password": PASSWORD})
    assert stranger.refusal("POST", "/session", 401, {"name": "ada", "password": "not hers"})
    stranger.sign_in("ada")
    assert stranger.ask("GET", "/jobs")["total"] == 0
    assert stranger.ask("GET", "/session")["person"] == "ada"
    stranger.csrf = stranger.ask("DELETE", "/session")["csrf"]
    assert stranger.refusal("GET", "/jobs", 401)


def test_a_studio_for_others_needs_somebody_who_may(command: Any, tmp_path: Path) -> None:
    said = command("studio", "--no-browser", "--host", "0.0.0.0", code=2)
    assert "name who may, --person NAME" in said
    said = command("studio", "--no-browser", "--person", "ada", code=2)
    assert "on this machine nobody signs in" in said
    nothing = str(tmp_path / "none.txt")
    options = ("--host", "0.0.0.0", "--person", "ada", "--password-file", nothing)
    assert "none.txt" in command("studio", "--no-browser", *options, code=2)
    Path(nothing).write_text("short")
    assert "10 to 1000 characters" in command("studio", "--no-browser", *options, code=2)


# Events -----------------------------------------------------------------------------------------------


def test_changes_are_told_to_who_listens(workspace_home: Path) -> None:
    run = make_run(workspace_home, "one", status="NotStarted")

    async def listen() -> list[dict[str, Any]]:
        runs = RunIndex()
        watch = Watch(runs)
        events = watch.events(["runs", "run:one"])
        assert await anext(events) == {"beat": True}
        run.log.write_text("first line\n")
        run.update(status="Completed")
        # A route that looks at the same runs meanwhile takes no news away.
        runs.refresh()
        found = [await asyncio.wait_for(anext(events), 60) for _ in range(2)]
        watch.end()
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(events), 60)
        return found

    told = {event["topic"]: event["parts"] for event in asyncio.run(listen())}
    assert told["runs"] == ["list"]
    assert "record" in told["run:one"] and "log" in told["run:one"]


def test_topics_that_there_are_not(visitor: Visitor) -> None:
    for topic in ("files", "run:", "run:../x"):
        assert visitor.refusal("GET", f"/events?topic={topic}", 400)
    assert json.loads(visitor.http.get("/api/events?topic=x").text)["error"]["code"] == 400
