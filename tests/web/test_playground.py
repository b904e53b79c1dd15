"""The playground in headless Chromium, before a server that knows its pictures by their pixels."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playground_endpoint import (
    HOSTILE,
    KEY,
    PICTURES,
    Open,
    card,
    choose,
    expect,
    labels_of,
    opened_playgrounds,
    payload,
    request_of,
)

from tintype.schemas.task import EMBEDDINGS, MULTICLASS, MULTILABEL, ZERO_SHOT, Task
from tintype.web.playground import PLAYGROUND_HEADERS, PLAYGROUND_NAMES, playground_file

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """See `opened_playgrounds`."""
    with opened_playgrounds(browser) as open_:
        yield open_


# Without a browser ------------------------------------------------------------------------------


def test_only_its_own_files_are_read() -> None:
    names = ("", "playground/main.js", "playground/playground.css")
    page, script, style = (playground_file(name) for name in names)
    assert page and script and style
    assert page[0].startswith(b"<!doctype html>") and page[1].startswith("text/html")
    assert script[1].startswith("text/javascript") and style[1].startswith("text/css")
    assert playground_file("playground/main.js") is script
    for name in (
        "index.html",
        "/",
        "..",
        "../playground.py",
        "/etc/passwd",
        "playground/main.js/",
        "playground/index.html",
        "playground/../playground.py",
        "vendor/uplot.js",
        "%2e",
    ):
        assert playground_file(name) is None


def test_headers_allow_the_page_nothing_else() -> None:
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in PLAYGROUND_HEADERS["Content-Security-Policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' blob: data:",
        "connect-src": "'self'",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert PLAYGROUND_HEADERS["X-Content-Type-Options"] == "nosniff"
    assert PLAYGROUND_HEADERS["Referrer-Policy"] == "no-referrer"


def test_page_holds_no_script_style_or_address_of_another_place() -> None:
    texts = {
        name: (playground_file(name) or (b"",))[0].decode()
        for name in PLAYGROUND_NAMES
        if not name.startswith("vendor/")
    }
    assert len(texts) > 10
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            found.extend(
                f"{tag} {name}" for name in given if name.startswith("on") or name == "style"
            )
            if tag == "style" or (tag == "script" and given.get("src") != "playground/main.js"):
                found.append(tag)

        def handle_data(self, data: str) -> None:
            if self.cdata_elem and data.strip():
                found.append(data)

    Reader().feed(texts[""])
    assert found == []
    for text in texts.values():
        assert set(re.findall(r"https?://[^'\"]*", text)) <= {"http://www.w3.org/2000/svg"}
    unsafe = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser"
    )
    assert [name for name, text in texts.items() if re.search(unsafe, text)] == []


def test_colours_have_contrast() -> None:
    style = (playground_file("components/colours.css") or (b"",))[0].decode()
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", style)
    schemes = [{name: pair[scheme] for name, *pair in pairs} for scheme in (0, 1)]

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    # WCAG 2.2: 4.5 to 1 for text (1.4.3), 3 to 1 for edges of controls and bars (1.4.11).
    texts = [(t, g) for t in ("text", "quiet", "bad") for g in ("ground", "panel")]
    texts += [("text", "frame"), ("good", "panel"), ("accent", "ground"), ("on-accent", "accent")]
    shapes = [("edge", "ground"), ("edge", "panel"), ("accent", "frame"), ("good", "frame")]
    for colours in schemes:
        for least, pairs in ((4.5, texts), (3.0, shapes)):
            for front, back in pairs:
                low, high = sorted((light(colours[front]), light(colours[back])))
                assert (high + 0.05) / (low + 0.05) >= least, (front, back, colours[front])


# In the browser ---------------------------------------------------------------------------------


def test_key_is_asked_for_kept_in_the_tab_and_forgotten(open_page: Open) -> None:
    page, stand_in = open_page(MULTICLASS, key=KEY)
    field = page.get_by_label("Key of this endpoint")
    drop = page.get_by_role("button", name="Drop or paste pictures here")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("type", "password")
    expect(drop).to_be_hidden()

    field.fill("not-the-key-at-all")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_have_text(re.compile("does not accept this key"))
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    assert page.evaluate("sessionStorage.length") == 0

    # A picture that comes before the key waits for it.
    choose(page, "dog.png")
    expect(page.get_by_role("status")).to_contain_text("once the endpoint is connected")
    assert stand_in.authorizations == []

    field.fill(f" {KEY} ")
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Image classification")
    expect(drop).to_be_focused()
    expect(field).to_be_hidden()
    assert page.evaluate("Object.values(sessionStorage)") == [KEY]
    assert page.evaluate("localStorage.length + document.cookie.length") == 0
    assert KEY not in page.content() and field.input_value() == ""
    choose(page, "cat.png")
    expect(labels_of(page, "cat.png").first).to_contain_text("carton")
    expect(labels_of(page, "dog.png")).to_have_count(5)
    assert stand_in.authorizations == [f"Bearer {KEY}"] * 2

    page.reload()
    expect(drop).to_be_visible()
    expect(field).to_be_hidden()

    page.get_by_role("button", name="Forget the key").click()
    expect(field).to_be_focused()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert page.evaluate("sessionStorage.length") == 0


def test_new_key_is_asked_for_when_the_old_one_ends(open_page: Open) -> None:
    page, stand_in = open_page(MULTICLASS, key=KEY)
    field = page.get_by_label("Key of this endpoint")
    field.fill(KEY)
    field.press("Enter")
    expect(field).to_be_hidden()
    stand_in.key = "another-key-of-enough-length"
    choose(page, "cat.png", "dog.png")
    expect(page.get_by_role("alert")).to_have_text(re.compile("does not accept this key"))
    expect(field).to_be_focused()
    expect(card(page, "cat.png")).to_contain_text("a valid key is missing")
    field.fill(stand_in.key)
    field.press("Enter")
    for name in ("cat.png", "dog.png"):
        expect(labels_of(page, name)).to_have_count(5)


def test_works_without_a_key_at_any_path(open_page: Open) -> None:
    page, stand_in = open_page(MULTICLASS, base="/a/b%20c/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Image classification")
    expect(page).to_have_title("b c · Image classification")
    expect(page.get_by_role("heading", name="Key")).to_be_hidden()
    choose(page, "cat.png")
    expect(labels_of(page, "cat.png")).to_have_count(5)
    assert stand_in.authorizations == [None]
    assert "TINTYPE_KEY" not in page.locator("#request").inner_text()


def test_trouble_with_the_endpoint_is_told_and_tried_again(open_page: Open) -> None:
    page, stand_in = open_page(MULTICLASS, key=KEY)
    stand_in.starting = True
    page.get_by_label("Key of this endpoint").fill(KEY)
    page.get_by_label("Key of this endpoint").press("Enter")
    expect(page.get_by_role("alert")).to_have_text("no model is loaded yet")
    stand_in.starting = False
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Drop or paste pictures here")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_several_pictures_become_cards_with_bars(open_page: Open) -> None:
    page, stand_in = open_page(MULTICLASS, reduced_motion="reduce")
    choose(page, "cat.png", "dog.png", "bird.png")
    rows = labels_of(page, "cat.png")
    expect(rows).to_have_text(
        ["carton90.0 %", f"{HOSTILE}4.0 %", "can3.0 %", "box1.0 %", "cup1.0 %"]
    )
    expect(labels_of(page, "dog.png").first).to_have_text(f"{HOSTILE}75.0 %")
    expect(labels_of(page, "bird.png")).to_have_count(5)
    assert page.locator("#evil").count() == 0
    expect(page.get_by_text("3 pictures", exact=True)).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("3 pictures scored.")
    expect(card(page, "cat.png").get_by_text(re.compile(r"^\d+ ms · blue$"))).to_be_visible()
    key = json.dumps
    assert sorted(map(key, stand_in.scored)) == sorted(key(request_of(name)) for name in PICTURES)

    expect(card(page, "cat.png").get_by_role("img", name="cat.png")).to_be_visible()
    expect(card(page, "cat.png").locator("img")).to_have_js_property("naturalWidth", 50)
    bars = rows.locator(".bar")
    for at, share in enumerate((0.9, 0.04)):
        expect(bars.nth(at)).to_have_attribute("aria-hidden", "true")
        whole, filled = (
            bars.nth(at).evaluate("bar => bar.getBoundingClientRect().width"),
            bars.nth(at).locator("span").evaluate("fill => fill.getBoundingClientRect().width"),
        )
        assert filled / whole == pytest.approx(share, abs=0.01)

    more = card(page, "cat.png").get_by_role("button", name="All 7 labels")
    expect(more).to_have_attribute("aria-expanded", "false")
    more.click()
    expect(rows).to_have_count(7)
    card(page, "cat.png").get_by_role("button", name="Fewer labels").click()
    expect(rows).to_have_count(5)


def test_pictures_are_dropped_anywhere(open_page: Open) -> None:
    page, _ = open_page(MULTICLASS)
    drop = page.locator("#drop")
    expect(drop).to_be_visible()
    transfer = page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, text] of Object.entries(files)) {
                const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
                transfer.items.add(new File([bytes], name, { type: "image/png" }));
            }
            return transfer;
        }""",
        {name: base64.b64encode(PICTURES[name]).decode() for name in ("cat.png", "dog.png")},
    )
    drop.dispatch_event("dragover", {"dataTransfer": transfer})
    expect(drop).to_have_class("over")
    page.locator("h1").dispatch_event("drop", {"dataTransfer": transfer})
    expect(drop).not_to_have_class("over")
    expect(labels_of(page, "cat.png").first).to_have_text("carton90.0 %")
    expect(labels_of(page, "dog.png").first).to_have_text(f"{HOSTILE}75.0 %")


def test_picture_is_pasted(open_page: Open) -> None:
    page, _ = open_page(MULTICLASS, permissions=["clipboard-read", "clipboard-write"])
    expect(page.locator("#drop")).to_be_visible()
    for number, name in enumerate(("cat.png", "dog.png"), 1):
        page.evaluate(
            """async text => {
                const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
                const blob = new Blob([bytes], { type: "image/png" });
                await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
            }""",
            base64.b64encode(PICTURES[name]).decode(),
        )
        page.keyboard.press("Control+V")
        expect(labels_of(page, f"pasted-{number}.png")).to_have_count(5)
    expect(labels_of(page, "pasted-1.png").first).to_have_text("carton90.0 %")
    expect(labels_of(page, "pasted-2.png").first).to_have_text(f"{HOSTILE}75.0 %")


def test_multilabel_marks_from_one_half(open_page: Open) -> None:
    page, _ = open_page(MULTILABEL)
    expect(page.get_by_role("heading", level=1)).to_have_text("Multi-label image classification")
    choose(page, "dog.png", "bird.png")
    rows = labels_of(page, "dog.png")
    mark = " ✓ (at or above 50 %)"
    expect(rows).to_have_text(
        [f"{HOSTILE}{mark}75.0 %", f"can{mark}50.0 %", "carton50.0 %", "box10.0 %", "cup10.0 %"]
    )
    expect(card(page, "dog.png")).to_contain_text("2 at or above 50 %")
    expect(card(page, "bird.png")).to_contain_text("None at or above 50 %")
    expect(labels_of(page, "bird.png").filter(has_text="✓")).to_have_count(0)


def test_zero_shot_labels_are_edited_live(open_page: Open) -> None:
    page, stand_in = open_page(ZERO_SHOT)
    labels = page.get_by_label("Labels", exact=True)
    expect(labels).to_have_value("can, carton, jug")
    choose(page, "cat.png", "dog.png")
    expect(labels_of(page, "cat.png")).to_have_text(["carton50.0 %", "can25.0 %", "jug25.0 %"])
    expect(labels_of(page, "dog.png")).to_have_count(3)
    cell = base64.b64encode(PICTURES["cat.png"]).decode()
    assert {
        "input_data": {
            "columns": ["image", "text"],
            "index": [0],
            "data": [[cell, "can, carton, jug"]],
        }
    } in stand_in.scored

    stand_in.scored.clear()
    labels.fill("")
    labels.press_sequentially("a,bb\nccccc", delay=60)
    for name in ("cat.png", "dog.png"):
        expect(labels_of(page, name)).to_have_text(["ccccc62.5 %", "bb25.0 %", "a12.5 %"])
    # Once for each picture, not for each letter: a few more where a slow machine typed slowly.
    sent = [request["input_data"]["data"][0][-1] for request in stand_in.scored]
    assert sent[-2:] == ["a, bb, ccccc"] * 2 and len(sent) <= 8


def test_answer_to_older_labels_never_overwrites_a_newer_one(open_page: Open) -> None:
    page, stand_in = open_page(ZERO_SHOT)
    labels = page.get_by_label("Labels", exact=True)
    choose(page, "cat.png")
    expect(labels_of(page, "cat.png")).to_have_count(3)
    stand_in.slow = "old, older"
    labels.fill("old, older")
    assert stand_in.arrived.wait(5)
    labels.fill("new, newer, newest")
    newer = ["newest42.9 %", "newer35.7 %", "new21.4 %"]
    expect(labels_of(page, "cat.png")).to_have_text(newer)
    stand_in.release.set()
    assert stand_in.answered.wait(5)
    page.wait_for_timeout(250)
    expect(labels_of(page, "cat.png")).to_have_text(newer)
    expect(card(page, "cat.png")).not_to_have_attribute("aria-busy", "true")


def test_embeddings_list_the_nearest(open_page: Open) -> None:
    page, _ = open_page(EMBEDDINGS)
    choose(page, "bird.png")
    expect(card(page, "bird.png")).to_contain_text("Drop another picture to compare.")
    expect(card(page, "bird.png")).to_contain_text("3 numbers")
    choose(page, "cat.png", "dog.png")
    nearest = page.get_by_role("list", name="Nearest to cat.png").get_by_role("listitem")
    expect(nearest).to_have_text(["dog.png0.600", "bird.png0.000"])
    other = page.get_by_role("list", name="Nearest to bird.png").get_by_role("listitem")
    expect(other).to_have_text(["dog.png0.796", "cat.png0.000"])
    for at in range(2):
        expect(nearest.nth(at).locator("img")).to_have_js_property("naturalWidth", 50)
    page.get_by_role("button", name="Remove: dog.png").click()
    expect(nearest).to_have_text(["bird.png0.000"])


def test_error_stands_on_its_card_and_can_be_tried_again(open_page: Open) -> None:
    page, stand_in = open_page(MULTICLASS)
    name = "<i id=evil>.png"
    page.locator("#files").set_input_files([payload(name, b"no picture"), payload("cat.png")])
    expect(card(page, name)).to_contain_text("row 0: not an image of a known format")
    expect(card(page, name)).to_contain_text("No preview")
    expect(card(page, name)).to_contain_text(re.compile(r"\d+ ms · blue"))
    expect(labels_of(page, "cat.png")).to_have_count(5)
    expect(page.get_by_role("status")).to_have_text("1 picture scored, 1 failed.")
    assert page.locator("#evil").count() == 0

    stand_in.overloaded = True
    choose(page, "dog.png")
    expect(card(page, "dog.png")).to_contain_text("at its limit")
    expect(page.get_by_role("status")).to_have_text("dog.png: at its limit")
    stand_in.overloaded = False
    page.get_by_role("button", name="Try again: dog.png").click()
    expect(labels_of(page, "dog.png")).to_have_count(5)
    expect(card(page, "dog.png")).not_to_contain_text("at its limit")


def test_removed_pictures_leave_nothing_behind(open_page: Open) -> None:
    page, _ = open_page(MULTICLASS)
    choose(page, "cat.png", "dog.png", "bird.png")
    expect(page.get_by_role("article")).to_have_count(3)
    assert page.evaluate("urls.size") == 3
    page.get_by_role("button", name="Remove: dog.png").click()
    expect(page.get_by_role("status")).to_have_text("dog.png removed.")
    expect(page.get_by_role("button", name="Remove: bird.png")).to_be_focused()
    assert page.evaluate("urls.size") == 2
    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_role("article")).to_have_count(0)
    assert page.evaluate("urls.size") == 0
    expect(page.locator("#drop")).to_be_focused()


@pytest.mark.parametrize("task", [MULTICLASS, ZERO_SHOT])
def test_request_is_copied_as_code_that_runs(open_page: Open, task: Task, tmp_path: Path) -> None:
    page, stand_in = open_page(task, key=KEY, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("Key of this endpoint").fill(KEY)
    page.get_by_label("Key of this endpoint").press("Enter")
    name = 'it\'s a "cat" & $HOME.png'
    page.locator("#files").set_input_files([payload("dog.png"), payload(name, PICTURES["cat.png"])])
    expect(labels_of(page, "dog.png").first).to_be_visible()
    expect(labels_of(page, name).first).to_be_visible()
    first, labels = "can", 'it\'s, a "cat", $HOME 100%\\n'
    if task == ZERO_SHOT:
        first = "it's"
        page.get_by_label("Labels", exact=True).fill(labels)
        for known in ("dog.png", name):
            expect(labels_of(page, known).filter(has_text=first)).to_have_count(1)
    page.get_by_role("button", name=f"Code: {name}").click()
    expect(page.get_by_role("button", name="Copy")).to_be_focused()
    expect(page.get_by_label("Picture", exact=True).locator("option:checked")).to_have_text(name)
    (tmp_path / name).write_bytes(PICTURES["cat.png"])

    commands = {"curl": ["bash", "-c"], "Python": [sys.executable, "-c"]}
    for language, command in commands.items():
        page.get_by_label(language, exact=True).check()
        page.get_by_role("button", name="Copy").press("Enter")
        expect(page.get_by_role("status")).to_have_text(f"Copied as {language}.")
        text = page.evaluate("navigator.clipboard.readText()")
        assert KEY not in text and "TINTYPE_KEY" in text and stand_in.url + "score" in text
        if shutil.which(command[0]) is None or (language == "curl" and not shutil.which("curl")):
            continue
        stand_in.scored.clear()
        done = subprocess.run(
            [*command, text],
            cwd=tmp_path,
            env=os.environ | {"TINTYPE_KEY": KEY},
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)[0]["labels"][0] == first
        expected = request_of("cat.png")
        if task == ZERO_SHOT:
            row = [[expected["input_data"]["data"][0], labels]]
            expected = {"input_data": {"columns": ["image", "text"], "index": [0], "data": row}}
        assert stand_in.scored == [expected]
        assert stand_in.authorizations[-1] == f"Bearer {KEY}"


def test_code_is_selected_where_there_is_no_clipboard(open_page: Open) -> None:
    page, _ = open_page(MULTICLASS)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_contain_text("press Ctrl+C")
    selected = page.evaluate("getSelection().toString()")
    assert selected == page.locator("#code").text_content() and "'picture.jpg'" in selected


def test_keyboard_reaches_everything(open_page: Open) -> None:
    page, _ = open_page(MULTICLASS)
    # From now on choosers are caught: asked for only at the press, that would race with it.
    page.on("filechooser", lambda chooser: None)
    drop = page.get_by_role("button", name="Drop or paste pictures here")
    expect(drop).to_be_visible()
    page.keyboard.press("Tab")
    expect(drop).to_be_focused()
    assert drop.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"
    for press, name in (("Enter", "cat.png"), (" ", "dog.png")):
        with page.expect_file_chooser() as chooser:
            page.keyboard.press(press)
        assert chooser.value.is_multiple()
        chooser.value.set_files([payload(name)])
        expect(labels_of(page, name)).to_have_count(5)

    walked = []
    for _ in range(16):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert focused.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"
        walked.append(
            focused.evaluate(
                "n => n.ariaLabel ?? n.labels?.[0]?.textContent.trim() ?? n.textContent.trim()"
            )
            or focused.text_content()
        )
        if walked[-1] == "Copy":
            break
    assert walked == [
        "Add pictures",
        "Clear all",
        "All 7 labels",
        "Why?: cat.png",
        "Code: cat.png",
        "Remove: cat.png",
        "All 7 labels",
        "Why?: dog.png",
        "Code: dog.png",
        "Remove: dog.png",
        "Picture",
        "curl",
        "Code of the request",
        "Copy",
    ]


def test_page_has_landmarks_and_names(open_page: Open) -> None:
    page, _ = open_page(ZERO_SHOT, key=KEY)
    page.get_by_label("Key of this endpoint").fill(KEY)
    page.get_by_label("Key of this endpoint").press("Enter")
    choose(page, "cat.png")
    expect(labels_of(page, "cat.png")).to_have_count(3)
    for role in ("banner", "main", "status"):
        expect(page.get_by_role(role)).to_have_count(1)
    for name in ("Key", "Pictures", "The request as code"):
        expect(page.get_by_role("region", name=name, exact=True)).to_be_visible()
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("input, textarea, select, button")].filter((node) =>
            !(node.ariaLabel || node.labels?.length || node.textContent.trim())).map((n) => n.id)"""
    )
    assert unnamed == []
    assert page.locator("[aria-live], [role=status]").first.get_attribute("role") == "status"


def test_page_follows_what_its_reader_prefers(open_page: Open) -> None:
    grounds = set()
    for scheme, motion, seconds in (("light", "no-preference", "0.25s"), ("dark", "reduce", "0s")):
        page, _ = open_page(MULTICLASS, color_scheme=scheme, reduced_motion=motion)
        choose(page, "cat.png")
        expect(labels_of(page, "cat.png")).to_have_count(5)
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        fill = page.locator(".bar span").first
        assert fill.evaluate("node => getComputedStyle(node).transitionDuration") == seconds
    assert grounds == {"rgb(244, 245, 247)", "rgb(15, 18, 22)"}


def test_page_fits_a_narrow_screen(open_page: Open) -> None:
    page, _ = open_page(MULTILABEL, viewport={"width": 320, "height": 640})
    choose(page, "cat.png", "dog.png")
    expect(labels_of(page, "dog.png")).to_have_count(5)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
