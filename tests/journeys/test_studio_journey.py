"""The whole journey in the studio alone: a folder, labels, a job, a model, an endpoint, an answer."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from checkpoints import write_checkpoint
from commands import run
from labelling_pages import cells, current, saved
from pages import PageServer, check_usable, expect, opened_page
from pictures import encoded, striped

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

KINDS, EACH = ("level", "upright"), 9

LEARNING = "hyperparameters: {number_of_epochs: 25, learning_rate: 0.003, training_batch_size: 8}\n"


@pytest.fixture
def studio(
    tmp_path: Path, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PageServer]:
    """The studio with a folder of pictures; the word before a name says what it shows, for the test alone."""
    home, photos = tmp_path / "home", tmp_path / "photos"
    home.mkdir()
    photos.mkdir()
    shutil.copyfile(mlflow_database, home / "mlflow.db")
    for kind, name in enumerate(KINDS):
        for number in range(EACH):
            (photos / f"{name}-{number}.png").write_bytes(encoded(striped(1 - kind, number)))
    monkeypatch.setenv("TINTYPE_HOME", str(home))
    monkeypatch.setenv("TINTYPE_THREADS", "2")
    served = PageServer(home, "studio", "--no-browser", "--data", str(photos))
    yield served
    served.close()
    run("down", TINTYPE_HOME=str(home))


def test_from_a_folder_to_an_answer(studio: PageServer, browser: Browser, tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "checkpoint", labels=KINDS)
    with opened_page(browser) as open_:
        page = open_(f"{studio.url}/data")
        page.set_default_timeout(120_000)
        label_in_the_browser(page)
        learn(page, checkpoint)
        deploy(page)
        ask(page)


def label_in_the_browser(page: Page) -> None:
    """From the folder to a data asset of labels."""
    page.get_by_role("link", name="photos", exact=True).click()
    page.get_by_role("link", name="Label these").click()
    expect(page.get_by_role("combobox", name="Pictures", exact=True)).to_have_value("folder:photos")
    check_usable(page, "the form for a project")
    page.get_by_label("Name", exact=True).fill("stripes")
    page.get_by_label("Labels, one a line").fill("Level\nUpright")
    page.get_by_role("button", name="Make the project").press("Enter")

    expect(page.get_by_role("heading", name="stripes", level=1)).to_be_visible()
    check_usable(page, "a project")
    assert page.get_by_role("button", name="Export as data asset").count() == 0
    page.get_by_role("link", name="Label", exact=True).press("Enter")
    expect(cells(page)).to_have_count(9)
    check_usable(page, "the labeller's page")
    for _ in range(len(KINDS) * EACH):
        expect(current(page)).to_be_focused()
        name = current(page).get_attribute("aria-label") or ""
        page.keyboard.press(str(KINDS.index(name.split("-")[0]) + 1))
    saved(page)
    expect(page.locator(".finished")).to_be_visible()

    page.get_by_role("link", name="Studio").click()
    expect(page.get_by_text("100 %")).to_be_visible()
    page.get_by_role("button", name="Export as data asset").click()
    page.get_by_role("link", name="stripes, version 1", exact=True).click()
    # And back from the data asset to whose labels it is.
    page.get_by_role("link", name="stripes", exact=True).click()
    page.get_by_role("link", name="New job from stripes, version 1").click()


def learn(page: Page, checkpoint: Path) -> None:
    """A job from the form, watched until it has ended, and its model."""
    expect(page.get_by_label("Data", exact=True)).to_have_value("azureml:stripes:1")
    page.get_by_label("Name", exact=True).fill("learn")
    page.get_by_label("Model", exact=True).fill(str(checkpoint))
    page.get_by_label("Job document, YAML").press("Control+End")
    page.keyboard.insert_text(LEARNING)
    page.get_by_role("button", name="Submit").click()

    expect(page.get_by_role("heading", name="learn", level=1)).to_be_visible(timeout=120_000)
    status = page.locator(".facts-line .status")
    expect(status).to_have_text("Completed", timeout=400_000)
    expect(page.get_by_role("link", name="training data")).to_be_visible()
    page.get_by_role("link", name="stripes:1", exact=True).click()
    expect(page.get_by_role("heading", name="stripes", level=1)).to_be_visible(timeout=120_000)


def deploy(page: Page) -> None:
    """One button: the endpoint is made, the daemon is started, the model is loaded."""
    page.get_by_role("button", name="Deploy").click()
    page.get_by_label("Endpoint", exact=True).fill("stripes")
    page.get_by_label("Endpoint", exact=True).press("Enter")
    blue = page.get_by_role("region", name="Deployment blue")
    expect(blue.get_by_text("1 ready")).to_be_visible(timeout=400_000)


def ask(page: Page) -> None:
    """The playground names what pictures show that the model has not seen."""
    page.get_by_role("link", name="Playground", exact=True).click()
    expect(page.get_by_role("button", name="Drop or paste pictures here")).to_be_visible()
    pictures = [
        {"name": name, "mimeType": "image/png", "buffer": encoded(striped(1 - kind, 100 + kind))}
        for kind, name in enumerate(KINDS)
    ]
    page.locator("#files").set_input_files(pictures)
    for name in KINDS:
        surest = page.get_by_role("list", name=f"Labels of {name}").get_by_role("listitem").first
        expect(surest).to_have_text(re.compile(f"^{name.title()}"))
