"""The labelling page in headless Chromium before the real server, driven by keys as labellers do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from labelling_pages import (
    LabellingServer,
    browser,
    cells,
    current,
    expect,
    key_waits,
    opened_page,
    saved,
)
from pictures import write_class_folders

from tintype.web.labelling import LABELLING_PAGE_HEADERS, labelling_page_file

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]

Open = Callable[[str], "Page"]


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


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    with opened_page(browser) as open_:
        yield open_


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
        assert labelling_page_file(name) is not None
    for name in (
        "/",
        "..",
        "labelling/../playground.py",
        "labelling/index.html",
        "vendor/README.md",
    ):
        assert labelling_page_file(name) is None


def test_no_source_makes_markup_or_names_another_place() -> None:
    policy = LABELLING_PAGE_HEADERS["content-security-policy"]
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
    with capsys.disabled():
        print(f"\nkey to next picture: median {median:.1f} ms, longest {waits[-1]:.1f} ms")
    assert median < 100
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
    assert page.locator("script, iframe, [onerror]").count() == 1
