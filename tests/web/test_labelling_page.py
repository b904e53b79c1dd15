"""The labelling page in headless Chromium before the real server, driven by keys as labellers do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from labelling_pages import LabellingServer, browser, cells, current, expect, opened_page, saved
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
