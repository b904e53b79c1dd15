"""From a folder of photos through the keys of a labeller to a trained model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from commands import run
from labelling_pages import LabellingServer, cells, current, expect, opened_page, saved

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CLASSES, PER_CLASS = ("1", "5", "9"), 8


@pytest.fixture
def photos(sign_digits: Path, tmp_path: Path) -> Path:
    """Photos of three hand signs in one folder; the letter in front of a name says which, for the test alone."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for sign in CLASSES:
        for number, path in enumerate(sorted((sign_digits / sign).iterdir())[:PER_CLASS]):
            shutil.copyfile(path, folder / f"{sign}-{number}.jpg")
    return folder


def test_from_a_folder_through_keys_to_a_model(
    browser: Browser, photos: Path, workspace_home: Path, tmp_path: Path
) -> None:
    document = ["--name", "signs", "--data", photos]
    for sign in CLASSES:
        document += ["--label", f"Sign {sign}"]
    run("label", "create", *document)
    server = LabellingServer(workspace_home)
    try:
        with opened_page(browser) as open_:
            page = open_(f"{server.url}/#/signs")
            expect(cells(page)).to_have_count(9)
            for done in range(len(CLASSES) * PER_CLASS):
                expect(current(page)).to_be_focused()
                name = current(page).get_attribute("aria-label") or ""
                page.keyboard.press(str(CLASSES.index(name[0]) + 1))
                if done == 3:
                    # A slip of the finger, taken back.
                    page.keyboard.press("z")
                    page.keyboard.press("y")
                    saved(page)
            saved(page)
            expect(page.locator(".finished")).to_be_visible()
    finally:
        server.close()
    run("label", "export", "--name", "signs", "--path", tmp_path / "out", "--register", "signs")
    (tmp_path / "job.yml").write_text(
        "type: finetuning\ntask: image_classification\nmodel_name: tintype/efficientnet-lite0\n"
        "training_data: {path: azureml:signs@latest}\nhyperparameters: {method: head}\n"
        "outputs: {registered_model: {name: signs}}\n"
    )
    run("job", "create", "--file", tmp_path / "job.yml", "--name", "signs", "--stream")
    shown = json.loads(run("job", "show", "--name", "signs").stdout)
    assert (shown["status"], shown["registered_model"]) == ("Completed", "signs:1")
    folder = workspace_home / "runs" / "signs" / "outputs" / "mlflow-model"
    assert (folder / "MLmodel").is_file()
    answers = run("predict", *sorted(photos.iterdir())[:3], "--model", folder).stdout
    assert "Sign 1" in answers
