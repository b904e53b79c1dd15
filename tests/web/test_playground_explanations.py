"""Explanations in the playground, by keys: before a server that knows its answers, and before a real one."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from checkpoints import write_checkpoint
from pages import PageServer, check_usable, expect, opened_page
from pictures import encoded, noise
from PIL import Image
from playground_endpoint import (
    HOSTILE,
    KEY,
    PICTURES,
    Open,
    card,
    choose,
    explained_grid,
    labels_of,
    opened_playgrounds,
    payload,
)

from tintype.schemas.task import EMBEDDINGS, MULTICLASS, MULTILABEL, ZERO_SHOT, Task
from tintype.web.playground import playground_file

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

_GAP = 8


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """See `opened_playgrounds`."""
    with opened_playgrounds(browser) as open_:
        yield open_


def why(page: Page, name: str) -> Locator:
    """The panel of a picture's explanation."""
    return page.get_by_role("region", name=f"Why: {name}")


def pictured(page: Page, name: str) -> Locator:
    """The picture under its explanation."""
    return card(page, name).locator(".grid-picture")


def layer(page: Page, name: str, place: int) -> np.ndarray:
    """Pixels of a layer, uint8 (h, w, 3), the input being 0."""
    url = pictured(page, name).locator("canvas").nth(place).evaluate("node => node.toDataURL()")
    content = base64.b64decode(url.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def tile(png: bytes, row: int, column: int) -> np.ndarray:
    """One of the four of a grid, uint8 (h, w, 3)."""
    grid = np.asarray(Image.open(io.BytesIO(png)))
    height, width = ((side - 3 * _GAP) // 2 for side in grid.shape[:2])
    up, left = _GAP + row * (height + _GAP), _GAP + column * (width + _GAP)
    return grid[up : up + height, left : left + width]


def cells_of(scored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cells of requests that ask for explanations."""
    rows = [request["input_data"]["data"][0] for request in scored]
    cells = [row[0] if isinstance(row, list) else row for row in rows]
    return [json.loads(cell) for cell in cells if cell.startswith("{")]


def test_why_by_keys_alone(open_page: Open) -> None:
    page, stand_in = open_page(MULTICLASS, key=KEY)
    page.get_by_label("Key of this endpoint").fill(KEY)
    page.get_by_label("Key of this endpoint").press("Enter")
    choose(page, "cat.png", "dog.png")
    expect(labels_of(page, "cat.png")).to_have_count(5)
    expect(labels_of(page, "dog.png")).to_have_count(5)
    expect(page.locator("#explains")).to_have_text("Why does the model say so? Press w on a card.")
    button = page.get_by_role("button", name="Why?: cat.png")
    expect(button).to_have_attribute("aria-expanded", "false")
    page.get_by_role("button", name="Remove: cat.png").focus()
    page.keyboard.press("w")
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("status")).to_have_text("cat.png: what speaks for carton, 90.0 %.")
    expect(why(page, "cat.png")).to_contain_text("What speaks for carton, 90.0 %")
    expect(why(page, "dog.png")).to_be_hidden()

    # The model that answered was asked, by the endpoint's default.
    asked = cells_of(stand_in.scored)
    image = base64.b64encode(PICTURES["cat.png"]).decode()
    parameters = {"xai_algorithm": "guided_gradcam"}
    assert asked == [
        {"image_base64": image, "model_explainability": True, "xai_parameters": parameters}
    ]
    assert stand_in.named == [None, None, "blue"]
    assert set(stand_in.authorizations) == {f"Bearer {KEY}"}

    # Through method, button and views to the slider.
    for _ in range(5):
        page.keyboard.press("Tab")
    overlay = page.get_by_role("radio", name="Overlay")
    expect(overlay).to_be_focused()
    expect(overlay).to_be_checked()
    expect(pictured(page, "cat.png")).to_have_attribute(
        "aria-label", "cat.png as the model sees it, with what speaks for carton: Overlay, 100 %"
    )
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Heat map")).to_be_checked()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Top 30 %")).to_be_checked()
    page.keyboard.press("Tab")
    slider = page.get_by_role("slider", name="Opacity")
    expect(slider).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", "90 %")
    over = pictured(page, "cat.png").locator("canvas").nth(1)
    assert over.evaluate("node => getComputedStyle(node).opacity") == "0.9"
    page.keyboard.press("Home")
    assert over.evaluate("node => getComputedStyle(node).opacity") == "0"

    # Put away, and brought back without asking again.
    page.keyboard.press("w")
    expect(button).to_be_focused()
    expect(why(page, "cat.png")).to_be_hidden()
    expect(card(page, "cat.png").get_by_role("img", name="cat.png", exact=True)).to_be_visible()
    page.keyboard.press("Enter")
    expect(slider).to_have_attribute("aria-valuetext", "0 %")
    assert len(cells_of(stand_in.scored)) == 1


def test_the_heat_map_lies_where_the_model_saw_the_picture(open_page: Open) -> None:
    page, _ = open_page(MULTICLASS)
    choose(page, "cat.png")
    page.get_by_role("button", name="Why?: cat.png").press("Enter")
    expect(pictured(page, "cat.png")).to_be_visible()
    grid = explained_grid("cat.png", "carton")
    np.testing.assert_array_equal(layer(page, "cat.png", 0), tile(grid, 0, 0))
    for name, row, column in (("Overlay", 1, 0), ("Heat map", 0, 1), ("Top 30 %", 1, 1)):
        page.get_by_role("radio", name=name).check()
        expect(pictured(page, "cat.png")).to_have_attribute("aria-label", re.compile(name))
        np.testing.assert_array_equal(layer(page, "cat.png", 1), tile(grid, row, column))
    boxes = [pictured(page, "cat.png").locator("canvas").nth(at).bounding_box() for at in (0, 1)]
    assert boxes[0] == boxes[1]


def test_every_likely_label_of_several_is_explained(open_page: Open) -> None:
    page, _ = open_page(MULTILABEL)
    choose(page, "dog.png", "bird.png")
    page.get_by_role("button", name="Why?: dog.png").press("Enter")
    label = why(page, "dog.png").get_by_label("What speaks for")
    expect(label.get_by_role("option")).to_have_text([f"{HOSTILE}, 75.0 %", "can, 50.0 %"])
    assert page.locator("#evil").count() == 0
    np.testing.assert_array_equal(
        layer(page, "dog.png", 1), tile(explained_grid("dog.png", HOSTILE), 1, 0)
    )
    label.select_option(index=1)
    expect(pictured(page, "dog.png")).to_have_attribute("aria-label", re.compile("for can"))
    np.testing.assert_array_equal(
        layer(page, "dog.png", 1), tile(explained_grid("dog.png", "can"), 1, 0)
    )
    page.get_by_role("button", name="Why?: bird.png").press("Enter")
    expect(why(page, "bird.png")).to_contain_text("No label is at or above 50 %")
    expect(card(page, "bird.png").get_by_role("img", name="bird.png")).to_be_visible()


def test_other_labels_are_other_answers(open_page: Open) -> None:
    page, stand_in = open_page(ZERO_SHOT)
    choose(page, "cat.png")
    expect(labels_of(page, "cat.png")).to_have_count(3)
    page.get_by_role("button", name="Why?: cat.png").press("Enter")
    expect(why(page, "cat.png")).to_contain_text("What speaks for carton, 50.0 %")
    assert stand_in.scored[-1]["input_data"]["data"][0][1] == "can, carton, jug"
    # In a field the key is a letter.
    page.get_by_label("Labels", exact=True).press("End")
    page.keyboard.type(", a window")
    expect(labels_of(page, "cat.png").first).to_have_text(re.compile("a window"))
    expect(why(page, "cat.png")).to_be_hidden()
    page.get_by_role("button", name="Why?: cat.png").press("w")
    expect(why(page, "cat.png")).to_contain_text("What speaks for a window")


def test_another_method_is_waited_for_and_given_up(open_page: Open) -> None:
    page, stand_in = open_page(MULTICLASS)
    stand_in.slow = "xrai"
    choose(page, "cat.png", "dog.png")
    page.get_by_role("button", name="Why?: cat.png").press("Enter")
    expect(pictured(page, "cat.png")).to_be_visible()
    panel = why(page, "cat.png")
    method = panel.get_by_label("Method", exact=False)
    expect(method.get_by_role("option")).to_have_text(["guided_gradcam · 6", "xrai · 300"])
    method.select_option("xrai")
    panel.get_by_role("button", name="Explain").press("Enter")
    assert stand_in.arrived.wait(5)
    expect(panel).to_have_attribute("aria-busy", "true")
    expect(panel).to_contain_text(re.compile(r"Explaining by xrai … [1-9] s of at most 7.5 s"))
    expect(page.get_by_role("status")).to_have_text("Explaining cat.png …")
    # What was there stays in sight; others wait for their turn.
    expect(pictured(page, "cat.png")).to_be_visible()
    page.get_by_role("button", name="Why?: dog.png").press("Enter")
    expect(why(page, "dog.png")).to_contain_text("Explaining")
    assert len(cells_of(stand_in.scored)) == 2
    panel.get_by_role("button", name="Stop").press("Enter")
    expect(panel).not_to_have_attribute("aria-busy", "true")
    expect(pictured(page, "dog.png")).to_be_visible()
    stand_in.release.set()
    panel.get_by_role("button", name="Explain").press("Enter")
    expect(page.get_by_role("status")).to_have_text("cat.png: what speaks for carton, 90.0 %.")
    algorithms = [cell["xai_parameters"]["xai_algorithm"] for cell in cells_of(stand_in.scored)]
    assert algorithms == ["guided_gradcam", "xrai", "guided_gradcam", "xrai"]


@pytest.mark.parametrize(
    ("status", "message", "told"),
    [
        (408, "no answer within 7.5 s", "guided_gradcam was not done within 7.5 s"),
        (429, "32 explanations wait already", "as much to do as it takes (32 explanations wait"),
        (501, "this needs an optional dependency", "Where the model runs, this needs an optional"),
        (400, "row 0: xai_algorithm: not for it", "row 0: xai_algorithm: not for it"),
    ],
)
def test_trouble_is_told_in_words_and_can_be_tried_again(
    open_page: Open, status: int, message: str, told: str
) -> None:
    page, stand_in = open_page(MULTICLASS)
    stand_in.refusal = (status, message)
    choose(page, "cat.png")
    page.get_by_role("button", name="Why?: cat.png").press("Enter")
    expect(why(page, "cat.png").locator(".error")).to_contain_text(told)
    expect(page.get_by_role("status")).to_contain_text(told)
    # What the model said stays.
    expect(labels_of(page, "cat.png")).to_have_count(5)
    stand_in.refusal = None
    why(page, "cat.png").get_by_role("button", name="Explain").press("Enter")
    expect(pictured(page, "cat.png")).to_be_visible()
    expect(why(page, "cat.png").locator(".error")).to_have_count(0)


def test_a_short_time_says_what_helps(open_page: Open) -> None:
    page, stand_in = open_page(MULTICLASS)
    choose(page, "cat.png")
    page.get_by_role("button", name="Why?: cat.png").press("Enter")
    expect(pictured(page, "cat.png")).to_be_visible()
    panel = why(page, "cat.png")
    panel.get_by_label("Method", exact=False).select_option("xrai")
    stand_in.refusal = (408, "no answer within 7.5 s (request_timeout_ms)")
    panel.get_by_role("button", name="Explain").press("Enter")
    error = panel.locator(".error")
    expect(error).to_contain_text(
        "Choose a quicker method (guided_gradcam), or give the deployment"
    )
    expect(error).to_contain_text("request_timeout_ms: 90000")


def test_where_nothing_can_be_explained_the_page_says_why(open_page: Open) -> None:
    reason = (
        "explaining a model's answers needs an optional dependency: pip install 'tintype[explain]'"
    )
    for task in (MULTICLASS, EMBEDDINGS):
        page, stand_in = open_page(task)
        stand_in.offered = {"methods": [], "default": None, "unavailable": reason, "timeout_s": 5}
        page.reload()
        choose(page, "cat.png")
        expect(page.locator("#explains")).to_have_text(f"No explanations: {reason}.")
        expect(card(page, "cat.png").get_by_role("button", name="Why?")).to_have_count(0)
        page.get_by_role("button", name="Code: cat.png").press("w")
        expect(page.locator(".grid-picture")).to_have_count(0)


@pytest.mark.parametrize("task", [MULTICLASS, ZERO_SHOT])
def test_the_code_asks_for_the_explanation_too(open_page: Open, task: Task, tmp_path: Path) -> None:
    page, stand_in = open_page(task)
    name = 'it\'s a "cat" & $HOME.png'
    page.locator("#files").set_input_files([payload(name, PICTURES["cat.png"])])
    page.get_by_role("button", name=f"Why?: {name}").press("Enter")
    expect(pictured(page, name)).to_be_visible()
    asked = stand_in.scored[-1]
    (tmp_path / name).write_bytes(PICTURES["cat.png"])
    for language, command in {"curl": ["bash", "-c"], "Python": [sys.executable, "-c"]}.items():
        page.get_by_label(language, exact=True).check()
        text = page.locator("#code").text_content() or ""
        if language == "curl" and not shutil.which("curl"):
            continue
        done = subprocess.run(
            [*command, text],
            cwd=tmp_path,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert "visualizations" in json.loads(done.stdout)[0]
        sent = stand_in.scored[-1]
        assert cells_of([sent]) == cells_of([asked])
        assert sent["input_data"]["columns"] == asked["input_data"]["columns"]
    page.get_by_role("button", name=f"Why?: {name}").press("w")
    expect(page.locator("#code")).not_to_contain_text("model_explainability")


def test_names_of_methods_cannot_leave_the_command(open_page: Open) -> None:
    page, stand_in = open_page(MULTICLASS)
    evil = {"name": "x'; touch evil; '", "passes": 1.0}
    stand_in.offered = {"methods": [evil], "default": evil["name"], "unavailable": None}
    page.reload()
    choose(page, "cat.png")
    expect(labels_of(page, "cat.png")).to_have_count(5)
    expect(card(page, "cat.png").get_by_role("button", name="Why?")).to_have_count(0)


# Before a real server ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[PageServer, Path]]:
    folder = write_checkpoint(tmp_path_factory.mktemp("model") / "vit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINTYPE_KEY", KEY)
        more_time = ("--request-timeout-ms", "180000")
        server = PageServer(tmp_path_factory.mktemp("home"), "serve", str(folder), *more_time)
    # It listens before its model is loaded.
    urllib.request.urlopen(f"{server.url}/health/live", timeout=240).close()
    yield server, folder
    server.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_real_model_explains_itself_to_everybody(
    browser: Browser, served: tuple[PageServer, Path], width: int, scheme: str
) -> None:
    from tintype.explaining.pictures import grid_png
    from tintype.explaining.scorer import Scorer

    server, folder = served
    options: dict[str, Any] = {"viewport": {"width": width, "height": 844}, "color_scheme": scheme}
    with opened_page(browser, **options) as open_:
        page = open_(f"{server.url}/")
        page.set_default_timeout(240_000)
        page.get_by_label("Key of this endpoint").fill(KEY)
        page.get_by_label("Key of this endpoint").press("Enter")
        page.locator("#drop").wait_for(state="visible")
        picture = encoded(noise(60, 90))
        page.locator("#files").set_input_files([payload("cat.png", picture)])
        page.get_by_role("button", name="Why?: cat.png").press("w")
        pictured(page, "cat.png").wait_for()
        expect(why(page, "cat.png").get_by_role("combobox")).to_have_value("attention")
        check_usable(page, "explained")
        own = Scorer.load(folder).explain([picture], method="attention")[0]
        grid = grid_png(own.pixels, own.attributions[0].map)
        # Two processes may round differently.
        for place, most in ((0, 0.1), (1, 3)):
            apart = layer(page, "cat.png", place).astype(int) - tile(grid, place, 0)
            assert np.abs(apart).mean() <= most
        why(page, "cat.png").get_by_role("button", name="Explain").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("what speaks for")


def test_the_page_knows_the_gap_of_the_grid() -> None:
    found = playground_file("playground/grid_picture.js")
    assert found is not None
    assert f"const GAP = {_GAP};" in found[0].decode()
    # Two tiles of the least side and three gaps.
    grid = Image.open(io.BytesIO(explained_grid("cat.png", "can")))
    factor = -(-224 // 36)
    assert grid.size == (2 * 36 * factor + 3 * _GAP,) * 2
