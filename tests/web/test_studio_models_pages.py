"""The studio's pages of models and endpoints in headless Chromium, before the real server without a daemon."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from commands import run
from pages import Open, PageServer, check_usable, expect, opened_page
from pictures import write_class_folders
from studio_models import make_model_run
from studio_runs import make_run

from tintype.workspace.comparisons import Comparison, ComparisonStore
from tintype.workspace.endpoints import DeploymentRecord, EndpointRecord, EndpointStore

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = "<img src=x onerror=\"document.title='taken'\">"
MODEL_PATH = "azureml://jobs/teach/outputs/artifacts/paths/outputs/mlflow-model/"


@pytest.fixture(scope="module")
def studio(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path
) -> Iterator[PageServer]:
    home = tmp_path_factory.mktemp("models-home")
    shutil.copyfile(mlflow_database, home / "mlflow.db")
    make_model_run(home, "teach", tmp_path_factory.mktemp("sources"))
    for name in ("photos", "other"):
        create = ("model", "create", "--name", name, "--path", MODEL_PATH)
        run(*create, "--description", HOSTILE, TINTYPE_HOME=str(home))
    _endpoint(home)
    _comparison(home, tmp_path_factory.mktemp("pictures"))
    served = PageServer(home, "studio", "--no-browser")
    yield served
    served.close()


def _endpoint(home: Path) -> None:
    store = EndpointStore(home)
    document = {"name": "photos", "auth_mode": "key"}
    keys = {"primary": "", "secondary": ""}
    store.save(EndpointRecord("photos", document, keys, {"blue": 90, "green": 10}))
    for name, state in (("blue", "Succeeded"), ("green", "Failed")):
        given = {"name": name, "endpoint_name": "photos", "model": "azureml:photos:1"}
        error = HOSTILE if state == "Failed" else None
        record = DeploymentRecord("photos", name, given, "a-model", error=error)
        store.save(record.changed(provisioning_state=state))


def _comparison(home: Path, folder: Path) -> None:
    pictures = sorted(str(path) for path in write_class_folders(folder / "p").rglob("*.*"))[:3]
    store = ComparisonStore(home)
    store.write_pictures("a1", pictures)
    runs = ("one-run", "other-run")
    store.save(Comparison("a1", ("photos", HOSTILE), "data", runs, ["cat", None, HOSTILE]))
    for name, probs in zip(runs, ((0.9, 0.8, 0.7), (0.8, 0.1, 0.6)), strict=True):
        make_run(home, name, type="batch")
        child = make_run(home, f"{name}_batchscoring", type="batch", parent=name)
        score = child.outputs / "score"
        score.mkdir(parents=True)
        lines = [
            {
                "file_name": "pictures.txt",
                "row": row,
                "label": "cat" if share >= 0.5 else HOSTILE,
                "probs": [share, 1 - share],
                "labels": ["cat", HOSTILE],
            }
            for row, share in enumerate(probs)
        ]
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        (score / "predictions.jsonl").write_text(text)


PAGES = {
    "/models": "photos",
    "/models/photos": "Where it is from",
    "/catalog": "google/vit-base-patch16-224",
    "/catalog/google%2Fvit-base-patch16-224": "Limits",
    "/compare-models": "Compare two models",
    "/compare-models/a1": "They differ in",
    "/endpoints": "photos",
    "/endpoints/photos": "Traffic",
    "/endpoints/photos?tab=keys": "primary",
    "/endpoints/photos?tab=logs": "Nothing was written yet.",
}


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_page_is_usable_at_any_width_and_by_everybody(
    browser: Browser, studio: PageServer, width: int, scheme: str
) -> None:
    options: dict[str, Any] = {
        "viewport": {"width": width, "height": 844},
        "color_scheme": scheme,
    }
    with opened_page(browser, **options) as open_:
        page = open_(f"{studio.url}/")
        for path, text in PAGES.items():
            page.goto(f"{studio.url}{path}")
            expect(page.locator("main").get_by_text(text).first).to_be_attached()
            check_usable(page, path)
            assert "taken" not in page.title()
            assert page.locator("img[src=x]").count() == 0


def test_models_by_keys_alone(studio: PageServer, open_page: Open) -> None:
    page = open_page(f"{studio.url}/models")
    for name in ("other", "photos"):
        page.get_by_role("checkbox", name=f"Choose {name}").press("Space")
    page.get_by_role("button", name="Compare 2").press("Enter")
    expect(page.get_by_label("One model")).to_have_value("azureml:other:1")
    expect(page.get_by_label("The other")).to_have_value("azureml:photos:1")
    page.get_by_label("Pictures").fill("/nowhere")
    page.get_by_label("Pictures").press("Enter")
    expect(page.get_by_role("alert")).to_have_text(re.compile("no such file or folder"))
    page.get_by_role("link", name="Models", exact=True).press("Enter")
    page.get_by_role("link", name="photos", exact=True).press("Enter")
    page.get_by_role("button", name="Deploy").press("Enter")
    page.get_by_label("Endpoint", exact=True).fill("p h")
    page.get_by_label("Endpoint", exact=True).press("Enter")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("3 to 32 letters")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Deploy")).to_be_focused()


def test_the_catalog_is_found_through(studio: PageServer, open_page: Open) -> None:
    page = open_page(f"{studio.url}/catalog")
    page.get_by_role("searchbox").fill("google vit-base-patch16-224")
    expect(page).to_have_url(re.compile("search=google"))
    page.get_by_role("link", name="google/vit-base-patch16-224", exact=True).first.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("google/vit-base-patch16-224")
    page.get_by_text("apache-2.0").first.wait_for()


def test_sliders_of_traffic_always_make_a_hundred(studio: PageServer, open_page: Open) -> None:
    page = open_page(f"{studio.url}/endpoints/photos")
    blue, green = (page.get_by_role("slider", name=name) for name in ("blue", "green"))
    apply = page.get_by_role("button", name="Apply")
    expect(apply).to_be_disabled()
    for _ in range(20):
        blue.press("ArrowLeft")
    expect(green).to_have_value("30")
    expect(page.get_by_text("--traffic 'blue=70 green=30'")).to_be_visible()
    expect(apply).to_be_enabled()
    green.press("End")
    expect(blue).to_have_value("0")
    page.get_by_role("button", name="As it is now").press("Enter")
    expect(blue).to_have_value("90")
    expect(page.get_by_text(HOSTILE)).to_be_visible()


def test_a_comparison_shows_first_where_they_differ(studio: PageServer, open_page: Open) -> None:
    page = open_page(f"{studio.url}/compare-models/a1")
    rows = page.locator(".compared > li")
    expect(rows).to_have_count(3)
    expect(
        rows.first.get_by_role("list", name="photos").get_by_role("listitem").first
    ).to_have_text("cat80.0 %")
    page.get_by_label("Only where they differ").press("Space")
    expect(rows).to_have_count(1)
    expect(rows.first.locator("img")).to_have_js_property("complete", True)
