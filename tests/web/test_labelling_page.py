"""The labelling page in headless Chromium before the real server, driven by keys as labellers do."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from labelling_pages import (
    LabellingServer,
    bare_waits,
    cells,
    current,
    expect,
    key_waits,
    opened_page,
    saved,
)
from pages import Open
from pictures import write_class_folders

from tintype.labelling.access import make_invite
from tintype.labelling.actions import Action, record_action
from tintype.labelling.people import person_named
from tintype.labelling.projects import find_project
from tintype.web.labelling import LABELLING_PAGE
from tintype.web.page_files import PAGE_HEADERS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty pictures of three kinds; nothing but their names says which is which."""
    return write_class_folders(tmp_path_factory.mktemp("photos"), per_class=10, classes=3)


@pytest.fixture(scope="module")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabellingServer]:
    """On this machine alone: whoever sits there is owner."""
    served = LabellingServer(tmp_path_factory.mktemp("labelling-home"))
    yield served
    served.close()


def names_in_sight(page: Page) -> list[str]:
    labels = cells(page).evaluate_all("nodes => nodes.map((node) => node.ariaLabel)")
    return [label.split(",")[0] for label in labels]


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def find(server: LabellingServer, project: str, **query: Any) -> list[dict[str, Any]]:
    text = "&".join(f"{key}={value}" for key, value in query.items())
    return server.ask(f"/projects/{project}/pictures?limit=500&{text}")["pictures"]


# Without a browser ------------------------------------------------------------------------------


def test_only_its_own_files_are_read() -> None:
    for name in ("", "labelling/main.js", "labelling/page.css", "vendor/preact.js"):
        assert LABELLING_PAGE.file(name) is not None
    for name in (
        "/",
        "..",
        "labelling/../playground.py",
        "labelling/index.html",
        "vendor/README.md",
    ):
        assert LABELLING_PAGE.file(name) is None


def test_no_source_makes_markup_or_names_another_place() -> None:
    policy = PAGE_HEADERS["content-security-policy"]
    assert policy.startswith("default-src 'self';") and "unsafe" not in policy
    folder = Path(__file__).parents[2] / "tintype" / "web" / "labelling"
    sources = {path.name: path.read_text("utf-8") for path in folder.iterdir()}
    assert len(sources) > 10
    for name, text in sources.items():
        assert len(text.splitlines()) <= 400, name
        assert set(re.findall(r"https?://[^'\"`]*", text)) <= {"http://www.w3.org/2000/svg"}, name
        unsafe = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser"
        assert re.findall(unsafe, text) == [], name
        if name.endswith(".html"):
            assert re.findall(r"<script(?![^>]*src=)|\son\w+=|\sstyle=|<style", text) == []


# By keys ----------------------------------------------------------------------------------------


def test_labelling_by_keys_alone(server: LabellingServer, photos: Path, open_page: Open) -> None:
    page = open_page(server.project("keys", photos))
    expect(cells(page)).to_have_count(9)
    first = names_in_sight(page)
    expect(current(page)).to_be_focused()
    press(page, "1", "2", "3")
    expect(cells(page).nth(2)).to_have_attribute("aria-label", re.compile("labelled Checks"))
    # Arrows move in two directions; the other row's picture is answered, and the next open one follows.
    press(page, "ArrowDown", "ArrowRight", "1")
    saved(page)
    assert server.states("keys") == {"labelled": 4, "unlabelled": 26}
    by_name = {one["name"]: one["labels"] for one in find(server, "keys", state="labelled")}
    assert [by_name[name] for name in first[:3]] == [["Upright"], ["Level"], ["Checks"]]
    press(page, "z", "Control+z")
    expect(page.get_by_role("status").filter(has_text="Undone")).to_be_visible()
    saved(page)
    assert server.states("keys") == {"labelled": 2, "unlabelled": 28}
    press(page, "y", "Control+y")
    saved(page)
    assert server.states("keys") == {"labelled": 4, "unlabelled": 26}
    # However fast: what follows an undo is about the picture that was undone.
    press(page, "z", "3")
    saved(page)
    assert server.actions("keys")[-2:] == [("undo", "chosen"), ("label", "chosen")]
    assert server.states("keys") == {"labelled": 4, "unlabelled": 26}

    press(page, "Home", "ArrowRight", "ArrowRight", "ArrowRight", "Shift+S")
    page.keyboard.type("too dark")
    press(page, "Enter")
    expect(current(page)).to_be_focused()
    press(page, "Shift+C")
    page.keyboard.type("what is this?")
    press(page, "Enter")
    expect(current(page)).to_be_focused()
    press(page, "Shift+F")
    saved(page)
    assert server.states("keys") == {"labelled": 4, "skipped": 1, "unlabelled": 25}
    (flagged,) = find(server, "keys", flagged="true")
    history = server.ask(f"/projects/keys/pictures/{flagged['id']}")["history"]
    assert [(one["kind"], one["text"]) for one in history] == [
        ("flag", ""),
        ("comment", "what is this?"),
    ]
    (skipped,) = find(server, "keys", state="skipped")
    assert (
        server.ask(f"/projects/keys/pictures/{skipped['id']}")["history"][0]["text"] == "too dark"
    )


def test_several_pictures_at_once(server: LabellingServer, photos: Path, open_page: Open) -> None:
    page = open_page(server.project("several", photos))
    expect(cells(page)).to_have_count(9)
    press(page, "Shift+ArrowRight", "Shift+ArrowDown")
    expect(page.locator(".cell[aria-selected=true]")).to_have_count(5)
    press(page, "1")
    saved(page)
    assert server.states("several") == {"labelled": 5, "unlabelled": 25}
    assert server.actions("several") == [("label", "bulk")]
    press(page, "z")
    saved(page)
    assert server.states("several") == {"unlabelled": 30}
    # All in sight but one.
    press(page, "Home", "Control+a", "Shift+X", "2")
    saved(page)
    assert server.states("several") == {"labelled": 8, "unlabelled": 22}
    press(page, "z")
    saved(page)

    # By the mouse: a range, single ones, and a frame around the lower two rows.
    cells(page).nth(0).click()
    cells(page).nth(2).click(modifiers=["Shift"])
    expect(page.locator(".cell[aria-selected=true]")).to_have_count(3)
    cells(page).nth(4).click(modifiers=["Control"])
    expect(page.locator(".cell[aria-selected=true]")).to_have_count(4)
    first, last = cells(page).nth(3).bounding_box(), cells(page).nth(8).bounding_box()
    assert first and last
    page.mouse.move(first["x"] + 10, first["y"] + 10)
    page.mouse.down()
    page.mouse.move(last["x"] + 20, last["y"] + 20, steps=4)
    page.mouse.up()
    expect(page.locator(".cell[aria-selected=true]")).to_have_count(6)
    press(page, "3")
    saved(page)
    assert server.states("several") == {"labelled": 6, "unlabelled": 24}
    press(page, "Escape")
    expect(page.locator(".cell[aria-selected=true]")).to_have_count(0)


def test_pictures_with_several_labels(
    server: LabellingServer, photos: Path, open_page: Open
) -> None:
    labels = [f"Animal/Kind {number}" for number in range(12)]
    task = "image_classification_multilabel"
    page = open_page(server.project("multi", photos, task=task, labels=labels))
    expect(cells(page)).to_have_count(9)
    press(page, "1", "a", "3", "3")
    expect(current(page)).to_have_attribute("aria-label", re.compile("not confirmed"))
    assert server.states("multi") == {"unlabelled": 30}
    press(page, "Enter", "Enter")
    # Many labels are found by typing; Enter takes the first that fits.
    press(page, "/")
    page.keyboard.type("kind 11")
    press(page, "Enter", "Escape")
    expect(page.get_by_role("status").filter(has_text="Animal/Kind 11 given")).to_be_visible()
    press(page, "Enter")
    saved(page)
    given = sorted(one["labels"] for one in find(server, "multi", state="labelled"))
    assert given == [[], ["Animal/Kind 0", "Animal/Kind 9"], ["Animal/Kind 11"]]


def test_one_large_picture(server: LabellingServer, photos: Path, open_page: Open) -> None:
    page = open_page(server.project("large", photos))
    expect(cells(page)).to_have_count(9)
    press(page, "0")
    expect(cells(page)).to_have_count(1)
    picture = page.locator(".large img")
    press(page, "+", "]", ".")
    expect(picture).to_have_css("filter", "brightness(1.25)")
    assert "scale(1.5)" in picture.evaluate("node => node.style.transform")
    assert "rotate(90deg)" in picture.evaluate("node => node.style.transform")
    expect(picture).to_have_attribute("src", re.compile("/image$"))
    name = names_in_sight(page)
    press(page, "1")
    assert names_in_sight(page) != name
    assert "scale(1)" in picture.evaluate("node => node.style.transform")
    press(page, "0")
    expect(cells(page)).to_have_count(9)
    for size in ("4", "16", "36"):
        page.get_by_role("radio", name=size, exact=True).check(force=True)
        expect(cells(page)).to_have_count(min(int(size), 30))


def test_the_next_picture_waits_for_no_answer(
    server: LabellingServer, photos: Path, open_page: Open
) -> None:
    page = open_page(server.project("ahead", photos))
    expect(cells(page)).to_have_count(9)
    press(page, "0")
    expect(page.locator(".large img")).to_be_visible()
    # However busy the machine is: until the pictures that come next are there.
    ahead = "performance.getEntriesByType('resource').filter((one) => one.name.includes('side=1024')).length"
    for _ in range(600):
        if page.evaluate(ahead) >= 4:
            break
        page.wait_for_timeout(50)
    seen = set(names_in_sight(page))
    server.process.send_signal(signal.SIGSTOP)
    try:
        for key in ("1", "2", "3"):
            press(page, key)
            expect(page.locator(".large img")).not_to_have_js_property("naturalWidth", 0)
            seen.update(names_in_sight(page))
        assert len(seen) == 4
        expect(page.locator(".save-state")).not_to_have_text("Saved")
    finally:
        server.process.send_signal(signal.SIGCONT)
    saved(page)
    assert server.states("ahead") == {"labelled": 3, "unlabelled": 27}


@pytest.mark.slow  # Milliseconds mean something on a machine that does nothing else.
def test_the_next_picture_is_there_at_once(
    server: LabellingServer, photos: Path, open_page: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    page = open_page(server.project("quick", photos))
    expect(cells(page)).to_have_count(9)
    press(page, "0")
    expect(page.locator(".large img")).to_be_visible()
    page.wait_for_timeout(1500)
    waits = key_waits(page, [str(number % 3 + 1) for number in range(20)])
    median = waits[len(waits) // 2]
    bare = bare_waits(page, 20)
    with capsys.disabled():
        print(
            f"\nkey to next picture: median {median:.1f} ms, longest {waits[-1]:.1f} ms; a key that "
            f"does nothing: {bare[len(bare) // 2]:.1f} ms"
        )
    # Less what this browser takes for a key and a frame on this machine at this moment.
    assert median - bare[len(bare) // 2] < 50
    saved(page)
    assert server.states("quick") == {"labelled": 20, "unlabelled": 10}


# Nothing is lost --------------------------------------------------------------------------------


def test_a_killed_page_sends_later_what_it_could_not(
    server: LabellingServer, photos: Path, open_page: Open
) -> None:
    address = server.project("unsent", photos)
    page = open_page(address)
    expect(cells(page)).to_have_count(9)
    page.context.route("**/actions", lambda route: route.abort())
    press(page, "1", "2")
    expect(page.locator(".save-state")).to_contain_text("Offline, 2 to be sent")
    page.close()
    assert server.states("unsent") == {"unlabelled": 30}
    page.context.unroute("**/actions")
    again = open_page(address)
    saved(again)
    expect(cells(again)).to_have_count(9)
    assert server.actions("unsent") == [("label", "chosen")] * 2
    assert server.states("unsent") == {"labelled": 2, "unlabelled": 28}
    assert again.evaluate("Object.keys(localStorage).filter(k => k.includes('outbox')).length") == 0
    # What was done before the page was opened can be undone in it.
    press(again, "z")
    saved(again)
    assert server.states("unsent") == {"labelled": 1, "unlabelled": 29}


def test_an_answer_that_is_lost_on_its_way_is_not_done_twice(
    server: LabellingServer, photos: Path, open_page: Open
) -> None:
    page = open_page(server.project("twice", photos))
    expect(cells(page)).to_have_count(9)
    lost = []

    def lose(route: Any) -> None:
        route.fetch()
        lost.append(1)
        route.abort()

    page.route("**/actions", lose, times=1)
    press(page, "1", "2")
    saved(page)
    assert lost and server.actions("twice") == [("label", "chosen")] * 2


def test_a_killed_server_loses_nothing(
    server: LabellingServer, photos: Path, open_page: Open
) -> None:
    page = open_page(server.project("killed", photos))
    expect(cells(page)).to_have_count(9)
    press(page, "1", "2")
    server.kill()
    press(page, "3", "1", "2")
    expect(page.locator(".save-state")).to_contain_text("Offline")
    server.start()
    saved(page)
    press(page, "3")
    saved(page)
    assert server.actions("killed") == [("label", "chosen")] * 6
    assert server.states("killed") == {"labelled": 6, "unlabelled": 24}


def test_two_windows_with_one_picture(
    server: LabellingServer, photos: Path, open_page: Open
) -> None:
    address = server.project("windows", photos)
    first, second = open_page(address), open_page(address)
    for page in (first, second):
        expect(cells(page)).to_have_count(9)
    assert names_in_sight(first) == names_in_sight(second)
    press(first, "1")
    saved(first)
    press(second, "2")
    expect(second.get_by_role("alert")).to_contain_text("was changed meanwhile")
    saved(second)
    (labelled,) = find(server, "windows", state="labelled")
    assert labelled["labels"] == ["Upright"]
    # The other window shows what it is now; seen that, it may be changed.
    second.get_by_role("button", name="Look at it").click()
    expect(current(second)).to_have_attribute("aria-label", re.compile("labelled Upright"))
    press(second, "2")
    saved(second)
    (labelled,) = find(server, "windows", state="labelled")
    assert labelled["labels"] == ["Level"]


# Hostile texts ----------------------------------------------------------------------------------

XSS = "<img src=x onerror=window.hit=1>"


def test_markup_in_texts_stays_text(
    server: LabellingServer, tmp_path: Path, open_page: Open
) -> None:
    folder = write_class_folders(tmp_path / "photos", per_class=2, classes=1)
    (folder / "upright" / "0.png").rename(folder / "upright" / f"{XSS}.png")
    instructions = (
        f"# Look {XSS}\n\n[click](javascript:window.hit=1) <script>window.hit=1</script>\n\n"
        f"- {XSS}\n\n![x]({server.url}/x.png) [good](https://example.test) **bold**\n\n"
        "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>"
    )
    labels = [{"name": XSS, "description": XSS}, {"name": "__proto__"}, {"name": "javascript:1"}]
    page = open_page(server.project("hostile", folder, labels=labels, instructions=instructions))
    expect(cells(page)).to_have_count(2)
    expect(page.locator(".markdown strong")).to_have_text("bold")
    assert page.locator(".markdown a").evaluate_all("n => n.map((a) => a.href)") == [
        "https://example.test/"
    ]
    press(page, "1", "Shift+C")
    page.keyboard.type(XSS)
    press(page, "Enter", "2")
    saved(page)
    press(page, "ArrowLeft", "Shift+H")
    expect(page.get_by_role("dialog")).to_be_visible()
    press(page, "Escape")
    for view in ("browse", "people", "project", "review"):
        page.goto(f"{server.url}/#/hostile/{view}")
        expect(page.locator("main")).to_be_visible()
        page.wait_for_timeout(300)
    for picture in find(server, "hostile"):
        page.goto(f"{server.url}/#/hostile/browse")
        page.get_by_role("button", name=picture["name"]).first.click()
        expect(page.get_by_role("dialog")).to_contain_text("History")
        press(page, "Escape")
    assert page.evaluate("window.hit") is None
    # The page's own two scripts, and nothing else.
    assert page.locator("script, iframe, [onerror]").count() == 2
    assert page.locator("script[src]").count() == 2


# With assistance --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def taught(server: LabellingServer, photos: Path) -> str:
    """The address of a project with twelve labels of thirty, one of them wrong, from which suggestions came."""
    address = server.project("taught", photos)
    named = {kind: kind.capitalize() for kind in ("upright", "level", "checks")}
    pictures = find(server, "taught")
    chosen = [one for one in pictures if int(one["name"].split("/")[1][0]) < 4]
    with server.database.writing() as connection:
        project = find_project(connection, "taught")
        ids = {label.name: label.id for label in project.labels}
        labels = {one["id"]: [ids[named[one["name"].split("/")[0]]]] for one in chosen}
        action = Action("taught-before", "label", list(labels), labels)
        record_action(connection, project, person_named(connection, "teacher"), action)
    # The assistants give way to everything else that runs.
    for _ in range(1400):
        told = server.ask("/projects/taught/assistant")
        if told["suggestions_from"] == "labels" and told["labelled"] == 12:
            break
        time.sleep(0.2)
    else:
        raise AssertionError(told)
    return address


def test_suggestions_are_taken(server: LabellingServer, taught: str, open_page: Open) -> None:
    page = open_page(taught)
    expect(cells(page)).to_have_count(9)
    expect(current(page)).to_have_attribute("aria-label", re.compile(r"suggested \w+, \d+ %"))
    press(page, " ", "Shift+ArrowRight", " ")
    saved(page)
    assert server.actions("taught")[-2:] == [("label", "suggested")] * 2
    assert len(find(server, "taught", how="suggested")) == 3
    # Another label than the suggested one.
    suggested = re.search("suggested (\\w+)", current(page).get_attribute("aria-label") or "")
    assert suggested
    press(page, "1" if suggested[1] != "Upright" else "2")
    saved(page)
    assert server.actions("taught")[-1] == ("label", "changed")
    press(page, "z", "z", "z")
    saved(page)
    assert server.states("taught") == {"labelled": 12, "unlabelled": 18}


def settled_count(page: Page, found: Locator) -> int:
    """How many there are, once that is so for half a second."""
    before = 0
    for _ in range(60):
        count = found.count()
        if count == before > 0:
            return count
        before = count
        page.wait_for_timeout(500)
    raise AssertionError("the page does not come to rest")


def test_sure_suggestions_and_groups_at_a_stroke(
    server: LabellingServer, taught: str, open_page: Open
) -> None:
    page = open_page(f"{taught}/sure")
    page.get_by_role("slider").fill("0.5")
    chosen = page.locator(".cell[aria-selected=true]")
    # How many are that sure depends on the labels before; a grid holds 16.
    sure = settled_count(page, chosen)
    assert 4 < sure == cells(page).count()
    # A click takes a wrong one out; a key confirms the rest.
    cells(page).nth(3).click()
    expect(chosen).to_have_count(sure - 1)
    press(page, " ")
    saved(page)
    assert server.states("taught") == {"labelled": 11 + sure, "unlabelled": 19 - sure}
    assert server.actions("taught")[-1] == ("label", "suggested")
    press(page, "z")
    saved(page)

    page.goto(f"{taught}/groups")
    page.get_by_role("button", name=re.compile("likeness")).first.click()
    expect(cells(page).first).to_be_visible()
    count = page.locator(".cell[aria-selected=true]").count()
    assert count == cells(page).count() > 1
    press(page, "1")
    saved(page)
    assert server.states("taught")["labelled"] == 12 + count
    press(page, "z")
    saved(page)
    assert server.states("taught")["labelled"] == 12

    page.goto(taught)
    expect(cells(page)).to_have_count(9)
    press(page, "Shift+M")
    expect(page.get_by_role("grid", name="Pictures like this one")).to_be_visible()
    expect(cells(page)).to_have_count(9)


def test_a_reviewer_accepts_changes_and_rejects(
    server: LabellingServer, photos: Path, open_page: Open
) -> None:
    address = server.project("reviewed", photos)
    page = open_page(address)
    expect(cells(page)).to_have_count(9)
    press(page, "1", "1", "1", "1")
    saved(page)
    page.goto(f"{address}/review")
    page.get_by_role("combobox", name="Review").select_option("labelled")
    expect(cells(page)).to_have_count(4)
    cells(page).first.focus()
    press(page, "Enter", "2", "Shift+R")
    page.keyboard.type("look closer")
    press(page, "Enter")
    saved(page)
    assert [kind for kind, _ in server.actions("reviewed")[-3:]] == ["accept", "change", "reject"]
    assert server.states("reviewed") == {"completed": 2, "labelled": 1, "unlabelled": 27}
    completed = find(server, "reviewed", state="completed")
    assert sorted(one["labels"][0] for one in completed) == ["Level", "Upright"]


def test_a_reviewer_sees_who_answered_what(
    server: LabellingServer, photos: Path, open_page: Open
) -> None:
    address = server.project("disputed", photos, labellers={"least": 2, "most": 2})
    with server.database.writing() as connection:
        project = find_project(connection, "disputed")
        first = find(server, "disputed")[0]["id"]
        for person, label in zip(("ann", "bob"), project.labels, strict=False):
            action = Action(f"client-{person}", "label", [first], [label.id])
            record_action(connection, project, person_named(connection, person), action)
    page = open_page(f"{address}/review")
    expect(cells(page)).to_have_count(1)
    expect(cells(page).locator(".given")).to_have_text(["ann Upright", "bob Level"])
    expect(cells(page)).to_have_accessible_name(re.compile("ann says Upright, bob says Level"))
    press(page, "Shift+H")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("dl").last).to_contain_text("annUpright")
    press(page, "Escape", "2")
    saved(page)
    # Once it is decided, the answers are history.
    expect(cells(page).locator(".given")).to_have_count(0)
    assert server.states("disputed") == {"completed": 1, "unlabelled": 29}


def test_what_is_done_is_counted_at_once(
    server: LabellingServer, photos: Path, open_page: Open
) -> None:
    page = open_page(server.project("counted", photos))
    expect(cells(page)).to_have_count(9)
    # The server is not asked for its counts any more.
    page.route("**/api/projects/counted", lambda route: route.abort())
    done = page.get_by_role("progressbar", name="Pictures done")
    press(page, "1", "2")
    saved(page)
    expect(done).to_have_attribute("value", "2")
    press(page, "z")
    saved(page)
    expect(done).to_have_attribute("value", "1")


def test_on_a_narrow_screen_nothing_is_behind_the_labels(
    server: LabellingServer, photos: Path, browser: Browser
) -> None:
    address = server.project("narrow", photos, instructions="Look **twice**.")
    with opened_page(browser, viewport={"width": 390, "height": 700}) as open_:
        page = open_(address)
        expect(cells(page)).to_have_count(9)
        for place in (2, 4):
            # 9 pictures, and 36.
            page.locator(".sizes label").nth(place).click()
            button = page.get_by_role("button", name="Keys")
            button.scroll_into_view_if_needed()
            box = button.bounding_box()
            assert box is not None
            seen = page.evaluate(
                "([x, y]) => document.elementFromPoint(x, y)?.closest('button')?.textContent",
                [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2],
            )
            assert seen == "Keys"


def test_an_owner_changes_the_project(
    server: LabellingServer, photos: Path, open_page: Open, tmp_path: Path
) -> None:
    address = server.project("owned", photos)
    page = open_page(address)
    expect(cells(page)).to_have_count(9)
    press(page, "1", "2")
    saved(page)
    page.goto(f"{address}/project")
    page.get_by_label("Name").first.fill("Fruit/Fig")
    page.get_by_label("take answers away and propose them again").check()
    page.get_by_role("button", name="Add the label").click()
    expect(page.get_by_role("status").filter(has_text="Label added")).to_be_visible()
    assert server.ask("/projects/owned")["labels"][-1]["name"] == "Fruit/Fig"
    assert server.states("owned") == {"unlabelled": 30}
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Markdown, for labellers").fill("Look **twice**.")
    page.get_by_role("button", name="Save the instructions").click()
    expect(page.get_by_role("status").filter(has_text="Instructions saved")).to_be_visible()
    upload = tmp_path / "labels.csv"
    upload.write_text("image,label\nupright/0.png,Upright\nlevel/0.png,Level\n")
    page.get_by_label(re.compile("^File")).set_input_files(upload)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="2 pictures labelled")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export the labels").click()
    assert download.value.suggested_filename == "owned-mltable.zip"
    page.get_by_label("Name").last.fill("ann")
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_label("Link for ann")).to_have_value(re.compile("#invite=.{20,}"))
    told = server.ask("/projects/owned")
    assert told["instructions"] == "Look **twice**." and told["state"] == "running"
    page.goto(address)
    expect(page.locator(".markdown strong")).to_have_text("twice")


def test_a_project_is_made_by_page(server: LabellingServer, photos: Path, open_page: Open) -> None:
    # Its worker may have run none of the others.
    server.project("there", photos)
    page = open_page(f"{server.url}/")
    expect(page.locator(".projects")).to_be_visible()
    asked: list[dict[str, Any]] = []

    def make(route: Any) -> None:
        if route.request.method != "POST":
            return route.continue_()
        body = route.request.post_data_json
        asked.append(body)
        given = {key: value for key, value in body.items() if key not in ("name", "data")}
        server.project(body["name"], photos, **given)
        return route.fulfill(json={"name": "made", "role": "owner"})

    # Which folders there are is for whoever runs the server to say; here it is the test.
    page.route("**/api/folders", lambda route: route.fulfill(json={"folders": ["photos"]}))
    page.route("**/api/projects", make)
    page.reload()
    page.get_by_text("New project").click()
    page.get_by_label("Name").fill("made")
    page.get_by_label("Labels, one a line").fill("Upright\n Animal/Cat \n\n")
    page.get_by_role("button", name="Make the project").click()
    expect(cells(page)).to_have_count(9)
    assert asked[0] == {
        "name": "made",
        "data": "photos",
        "task": "image_classification",
        "labels": ["Upright", "Animal/Cat"],
        "existing_labels": "none",
        "labellers": 1,
        "instructions": "",
    }


# People -----------------------------------------------------------------------------------------


def test_people_sign_in_and_go_on_after_their_session_ended(
    browser: Browser, photos: Path, tmp_path: Path
) -> None:
    pytest.importorskip("argon2")
    server = LabellingServer(tmp_path / "home", host="0.0.0.0")
    try:
        address = server.project("shared", photos)
        with server.database.writing() as connection:
            project = find_project(connection, "shared")
            token = make_invite(connection, project.id, "ann", "labeller")
        with opened_page(browser) as open_:
            page = open_(f"{server.url}/#invite={token}")
            expect(page.get_by_label("Choose a password")).to_be_focused()
            page.keyboard.type("a long enough one")
            press(page, "Enter")
            page.get_by_role("link", name=re.compile("shared")).click()
            expect(cells(page)).to_have_count(9)
            assert token not in page.url
            assert page.get_by_role("link", name="Project", exact=True).count() == 0
            press(page, "1")
            saved(page)
            # The session ends behind the page's back; what is done meanwhile is kept.
            page.context.clear_cookies()
            press(page, "2")
            expect(page.get_by_role("dialog")).to_contain_text("Your session has ended")
            expect(page.get_by_label("Password")).to_be_focused()
            page.keyboard.type("wrong")
            press(page, "Enter")
            expect(page.get_by_role("dialog")).to_contain_text("name or password is wrong")
            page.keyboard.type("a long enough one")
            press(page, "Enter")
            saved(page)
            assert server.actions("shared") == [("label", "chosen")] * 2
            page.get_by_role("button", name="Sign out ann").click()
            expect(page.get_by_label("Name")).to_be_focused()
            page.goto(address)
            expect(page.get_by_label("Name")).to_be_visible()
            assert cells(page).count() == 0
    finally:
        server.close()


# For everybody ----------------------------------------------------------------------------------

VIEWS = ("", "label", "groups", "sure", "browse", "review", "errors", "people", "project")


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
)
def test_views_are_accessible(
    server: LabellingServer, taught: str, browser: Browser, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    size = {"width": width, "height": 800}
    # What looks at the page is no part of it: it may make scripts of texts.
    with opened_page(browser, viewport=size, color_scheme=scheme, bypass_csp=True) as open_:
        page = open_(f"{server.url}/")
        found = {}

        def look(view: str) -> None:
            results = axe.run(page)
            if results.violations_count:
                found[view] = results.generate_report()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, view

        for view in VIEWS:
            page.goto(f"{taught}/{view}" if view else f"{server.url}/")
            expect(page.locator("main")).to_be_visible()
            page.wait_for_timeout(700)
            look(view)
        page.goto(taught)
        expect(cells(page)).to_have_count(9)
        press(page, "Shift+M")
        expect(page.get_by_role("grid", name="Pictures like this one")).to_be_visible()
        page.wait_for_timeout(700)
        look("similar")
        page.goto(taught)
        expect(cells(page)).to_have_count(9)
        for key in ("?", "Shift+S", "Shift+C", "Shift+H", "0"):
            press(page, key)
            page.wait_for_timeout(300)
            look(key)
            press(page, "Escape")
        assert found == {}, "\n".join(found.values())


@pytest.mark.parametrize("width", [1280, 390])
def test_signing_in_is_accessible(
    browser: Browser, photos: Path, tmp_path: Path, width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    pytest.importorskip("argon2")
    server = LabellingServer(tmp_path / "home", host="0.0.0.0")
    size = {"width": width, "height": 800}
    try:
        address = server.project("shared", photos)
        with server.database.writing() as connection:
            project = find_project(connection, "shared")
            token = make_invite(connection, project.id, "ann", "labeller")
        with opened_page(browser, viewport=size, bypass_csp=True) as open_:
            page = open_(f"{server.url}/#invite={token}")
            expect(page.get_by_label("Choose a password")).to_be_focused()
            found = [axe.run(page)]
            page.get_by_role("button", name="I have a password").click()
            expect(page.get_by_label("Name")).to_be_focused()
            found.append(axe.run(page))
            page = open_(address)
            expect(page.get_by_label("Name")).to_be_focused()
            found.append(axe.run(page))
            page.keyboard.type("ann")
            page.get_by_label("Password").fill("wrong")
            press(page, "Enter")
            expect(page.locator("#sign-in-error")).to_contain_text("wrong")
            found.append(axe.run(page))
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert [one.generate_report() for one in found if one.violations_count] == []
    finally:
        server.close()


def test_everything_is_reached_by_tab(
    server: LabellingServer, taught: str, open_page: Open
) -> None:
    page = open_page(taught)
    expect(cells(page)).to_have_count(9)
    expect(current(page)).to_be_focused()
    walked = []
    for _ in range(80):
        press(page, "Tab")
        focused = page.locator(":focus")
        if not focused.count():
            break
        outline = focused.evaluate(
            "n => getComputedStyle(n.matches('.unseen') ? n.parentElement : n).outlineStyle"
        )
        assert outline == "solid", focused.evaluate("n => n.outerHTML")
        walked.append(focused.evaluate("n => n.ariaLabel ?? n.textContent.trim()"))
    # Through the labels and out of the page's end: nothing holds the focus.
    assert any("Upright" in text for text in walked) and "Keys" in walked
    page.get_by_role("button", name="Keys").focus()
    press(page, "Enter")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    press(page, "Escape")
    expect(page.get_by_role("button", name="Keys")).to_be_focused()
