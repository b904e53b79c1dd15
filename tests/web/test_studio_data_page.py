"""The studio's data pages in headless Chromium before the real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pages import Open, PageServer, check_usable, expect, opened_page
from pictures import encoded, noise, write_class_folders, write_jsonl_rows
from PIL import Image

from tintype.labelling.allowed_folders import AllowedFolders
from tintype.studio.tables.embedding_map import write_map
from tintype.studio.tables.kept import Progress, kept_folder, tell
from tintype.studio.tables.references import named_table

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HOSTILE = "<img src=x onerror=\"document.title='taken'\">"

# A picture that is damaged or gone is answered with 404, which Chromium logs.
OF = "/data/table?of=folder:photos"


class Studio(PageServer):
    """`tintype studio` with one folder of pictures, of which one is damaged and one is there twice."""

    def __init__(self, home: Path, photos: Path, hostile: Path) -> None:
        self.photos = photos
        folders = ("--data", str(photos), "--data", str(hostile))
        super().__init__(home, "studio", "--no-browser", *folders)


@pytest.fixture(scope="module")
def studio(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    photos = write_class_folders(tmp_path_factory.mktemp("data") / "photos", per_class=60)
    (photos / "level" / "11.png").write_bytes(b"no picture")
    picture = Image.fromarray(noise(64, 64, seed=5))
    (photos / "upright" / "twin.png").write_bytes(encoded(picture))
    (photos / "level" / "twin.jpg").write_bytes(encoded(picture.resize((48, 48)), "JPEG"))
    rows: list[dict[str, object]] = [
        {"image_url": "level/0.png", "label": HOSTILE},
        {"image_url": "level/1.png", "label": "b"},
    ]
    hostile = write_class_folders(photos.parent / "hostile", per_class=2)
    write_jsonl_rows(hostile / "rows.jsonl", rows)
    many: list[dict[str, object]] = [
        {"image_url": f"{('level', 'upright')[number % 2]}/0.png", "label": f"row {number}"}
        for number in range(2400)
    ]
    write_jsonl_rows(hostile / "many.jsonl", many)
    served = Studio(tmp_path_factory.mktemp("studio-home"), photos, hostile)
    yield served
    served.close()


def grid(page: Page) -> Any:
    return page.get_by_role("grid", name="Pictures")


def inspected(studio: Studio, page: Page) -> None:
    """Wait until every picture was looked at, as the page has it done by itself."""
    expect(page.get_by_text("1 picture cannot be shown")).to_be_visible(timeout=240_000)


def test_a_folder_is_browsed_by_keys_alone(studio: Studio, open_page: Open) -> None:
    page = open_page(f"{studio.url}/data")
    page.get_by_role("link", name="photos", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="photos", exact=True)).to_be_visible()
    expect(grid(page)).to_be_visible(timeout=240_000)
    inspected(studio, page)
    # Bars filter.
    page.get_by_role("button", name=re.compile("^upright")).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("label=upright"))
    expect(page.get_by_text("61 pictures", exact=False).first).to_be_visible()
    first = grid(page).get_by_role("gridcell").first
    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("End")
    page.keyboard.press("Space")
    expect(page.get_by_text("2 chosen")).to_be_visible()
    page.get_by_role("button", name="Show only these").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("selection="))
    expect(grid(page).get_by_role("gridcell")).to_have_count(2)
    grid(page).get_by_role("gridcell", name=re.compile("twin")).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="upright/twin.png")).to_be_visible()
    expect(page.get_by_role("region", name="Nearly the same")).to_contain_text("level")
    assert (
        page.locator("img.whole").evaluate("image => image.decode().then(() => image.naturalWidth)")
        == 64
    )
    page.go_back()
    expect(grid(page).get_by_role("gridcell")).to_have_count(2)


def test_damaged_pictures_and_near_duplicates_are_told(studio: Studio, open_page: Open) -> None:
    page = open_page(f"{studio.url}{OF}")
    inspected(studio, page)
    page.get_by_role("link", name="1 picture cannot be shown").click()
    expect(grid(page).get_by_role("gridcell")).to_have_count(1)
    expect(grid(page)).to_contain_text("11.png")
    page.goto(f"{studio.url}{OF}&view=near-duplicates")
    group = page.get_by_role("region", name="Group 1: 2 pictures")
    expect(group).to_contain_text("2 different labels")
    group.get_by_role("button", name="Select").click()
    expect(grid(page).get_by_role("gridcell")).to_have_count(2)
    page.get_by_role("button", name="Make a data set …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("twins")
    dialog.get_by_role("button", name="Make it").click()
    expect(dialog.get_by_text("twins:1 has 2 pictures.")).to_be_visible()
    page.goto(f"{studio.url}/data")
    expect(page.get_by_role("link", name="twins")).to_be_visible()


def test_the_map_selects_by_lasso_and_by_keys(studio: Studio, open_page: Open) -> None:
    import numpy as np

    page = open_page(f"{studio.url}{OF}")
    inspected(studio, page)
    # As the work in the background leaves it: a network's features are tests/web/test_studio_data_api.py's.
    source = named_table("folder:photos", AllowedFolders([studio.photos]))
    folder = _folder_in(studio.home, source)
    places = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    features = np.eye(100, dtype=np.float32)
    write_map(folder, "t-sne", "tintype/test", np.arange(20, 120), places, features)
    tell(folder, "map", Progress("done", 100, 100))
    page.goto(f"{studio.url}{OF}&view=map")
    canvas = page.locator("canvas")
    expect(canvas).to_be_visible()
    expect(page.get_by_text("100 pictures, drawn evenly of 122")).to_be_visible()
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    page.mouse.down()
    for x, y in ((0.99, 0.01), (0.99, 0.99), (0.01, 0.99), (0.01, 0.02)):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile("selection="))
    expect(page.get_by_text("100 pictures of a selection")).to_be_visible()
    canvas.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".hovered")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/data/picture"))
    expect(page.get_by_role("region", name="More like this")).to_be_visible()


def _folder_in(home: Path, source: Any) -> Path:
    """The table's folder in the workspace `home`, which is not this process's own."""
    ours = kept_folder(source)
    return home / "cache" / "tables" / ours.parent.name / ours.name


def test_names_are_no_markup_and_faults_are_sentences(studio: Studio, open_page: Open) -> None:
    page = open_page(f"{studio.url}/data/table?of=folder:hostile/rows.jsonl")
    expect(grid(page)).to_be_visible(timeout=240_000)
    page.get_by_role("button", name=re.compile("^<img")).click()
    expect(grid(page).get_by_role("gridcell")).to_have_count(1)
    grid(page).get_by_role("gridcell").first.click()
    expect(page.get_by_role("link", name=HOSTILE, exact=True)).to_be_visible()
    expect(page).to_have_title("Picture · Tintype")
    page.goto(f"{studio.url}/data/table?of=folder:photos/none")
    expect(page.get_by_role("alert")).to_contain_text("there is no 'photos/none'")
    page.goto(f"{studio.url}/data/picture?of=folder:photos&row=999")
    expect(page.get_by_role("alert")).to_contain_text("there is no row 999")


def test_rows_ahead_are_asked_for_and_outdated_ones_given_up(
    studio: Studio, open_page: Open
) -> None:
    page = open_page(studio.url)
    asked: list[int] = []

    def note(request: Any) -> None:
        if found := re.search(r"/table/rows\?.*offset=(\d+)", request.url):
            asked.append(int(found[1]))

    page.on("request", note)
    page.goto(f"{studio.url}/data/table?of=folder:hostile/many.jsonl")
    expect(grid(page)).to_be_visible(timeout=240_000)
    # Fewer than a page of 120 are in sight, and the one behind it is asked for, and no other.
    expect(grid(page).get_by_text("row 0", exact=True)).to_be_visible()
    loaded = "performance.getEntriesByType('resource').some(({ name }) => /offset=120/.test(name))"
    page.wait_for_function(loaded)
    assert set(asked) == {0, 120}

    def scroll_to(row: int) -> None:
        page.evaluate(
            """row => {
              const grid = document.querySelector(".pictures");
              const [line] = grid.querySelectorAll(".picture-line");
              const columns = line.children.length;
              const step = grid.querySelector(".pictures-all").offsetHeight / Math.ceil(2400 / columns);
              grid.scrollTop = Math.floor(row / columns) * step;
            }""",
            row,
        )

    held: list[Any] = []
    page.route(re.compile(r"/table/rows\?.*offset=1200"), lambda route: held.append(route))
    with page.expect_request(re.compile(r"/table/rows\?.*offset=1200")):
        scroll_to(1210)
    with page.expect_event("requestfailed", lambda request: "offset=1200" in request.url):
        scroll_to(2390)
    expect(grid(page).get_by_text("row 2399", exact=True)).to_be_visible()
    page.unroute(re.compile(r"/table/rows\?.*offset=1200"))
    scroll_to(1210)
    expect(grid(page).get_by_text("row 1210", exact=True)).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_pages_are_usable_at_any_width_and_by_everybody(
    browser: Browser, studio: Studio, width: int, scheme: str
) -> None:
    options = {"viewport": {"width": width, "height": 844}, "color_scheme": scheme}
    pages = {
        OF: ".tile img",
        f"{OF}&view=near-duplicates": ".strip .tile",
        f"{OF}&view=map": ".map, .panel",
        "/data/picture?of=folder:photos&row=1": "img.whole",
    }
    with opened_page(browser, **options) as open_:
        page = open_(f"{studio.url}{OF}")
        inspected(studio, page)
        for path, there in pages.items():
            page.goto(f"{studio.url}{path}")
            page.locator(there).first.wait_for(state="attached")
            check_usable(page, path)
