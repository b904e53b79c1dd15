"""The journey model, endpoint, answer: in the browser alone, before the real studio and a real deployment."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from commands import run
from pages import PageServer, expect, opened_page
from pictures import encoded, noise
from studio_models import make_model_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = "<b id=evil>jug</b>"


@pytest.fixture
def studio(
    tmp_path: Path, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PageServer]:
    home = tmp_path / "studio-home"
    home.mkdir()
    shutil.copyfile(mlflow_database, home / "mlflow.db")
    monkeypatch.setenv("TINTYPE_HOME", str(home))
    monkeypatch.setenv("TINTYPE_THREADS", "2")
    make_model_run(home, "teach", tmp_path)
    served = PageServer(home, "studio", "--no-browser")
    yield served
    served.close()
    run("down", TINTYPE_HOME=str(home))


def test_from_a_run_to_an_answer(studio: PageServer, browser: Browser) -> None:
    with opened_page(browser, permissions=["clipboard-read", "clipboard-write"]) as open_:
        page = open_(f"{studio.url}/models")
        page.set_default_timeout(120_000)
        waiting = expect(page.get_by_role("heading", name="No registered models yet"))
        waiting.to_be_visible(timeout=120_000)
        page.get_by_role("button", name="Register").click()
        page.get_by_label("Run that made it").fill("teach")
        page.get_by_label("Name", exact=True).fill("photos")
        page.get_by_label("Name", exact=True).press("Enter")

        expect(page.get_by_role("heading", name="photos", level=1)).to_be_visible(timeout=120_000)
        expect(page.get_by_text("0.8125")).to_be_visible()
        expect(page.get_by_text(HOSTILE, exact=True)).to_be_visible()
        assert page.locator("#evil").count() == 0

        # One button: the endpoint is made, the daemon is started, the model is loaded.
        page.get_by_role("button", name="Deploy").click()
        page.get_by_label("Endpoint", exact=True).fill("photos")
        page.get_by_label("Endpoint", exact=True).press("Enter")
        blue = page.get_by_role("region", name="Deployment blue")
        expect(blue.get_by_text("Succeeded")).to_be_visible(timeout=240_000)
        expect(blue.get_by_text("1 ready")).to_be_visible()
        expect(page.get_by_label("blue", exact=True)).to_have_value("100")

        page.get_by_role("link", name="Playground", exact=True).click()
        drop = page.get_by_role("button", name="Drop or paste pictures here")
        expect(drop).to_be_visible()
        picture = {"name": HOSTILE, "mimeType": "image/png", "buffer": encoded(noise(40, 50))}
        page.locator("#files").set_input_files([picture])
        rows = page.get_by_role("list", name=f"Labels of {HOSTILE}").get_by_role("listitem")
        expect(rows).to_have_count(3)
        expect(page.get_by_text(re.compile(r"^\d+ ms · blue$"))).to_be_visible()
        assert page.locator("#evil").count() == 0
        requests = 2
        explained = page.locator(".grid-picture")
        page.get_by_role("button", name=f"Why?: {HOSTILE}").press("w")
        for _ in range(20):
            # The first one loads libraries, for which the five seconds of an endpoint may be too short.
            told = explained.or_(page.locator(".explanation .error"))
            expect(told).to_be_visible(timeout=120_000)
            if explained.is_visible():
                break
            page.get_by_role("button", name="Explain").press("Enter")
            requests += 1
        expect(explained).to_be_visible()
        expect(page.get_by_label("Method", exact=False)).to_have_value("attention")
        code = page.locator("#code").text_content() or ""
        assert "model_explainability" in code
        assert "/photos/score" in code and "TINTYPE_KEY" in code

        page.get_by_role("link", name="Live", exact=True).click()
        counted = page.get_by_role("row", name=re.compile("^blue"))
        expect(counted.get_by_role("cell").first).to_have_text(str(requests))

        page.get_by_role("link", name="Keys", exact=True).click()
        keys = page.locator(".keys code")
        expect(keys.first).to_have_text("•" * 24)
        page.get_by_role("button", name="Show").click()
        expect(keys.first).to_have_text(re.compile(r"^[\w-]{30,}$"))
        before = keys.first.text_content() or ""
        page.get_by_role("button", name="Regenerate the primary key").click()
        expect(keys.first).not_to_have_text(before)

        page.get_by_role("link", name="Logs", exact=True).click()
        expect(page.get_by_role("log")).to_contain_text("answering")

        page.get_by_role("link", name="Deployments", exact=True).click()
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page).to_have_url(f"{studio.url}/endpoints", timeout=120_000)
        expect(page.get_by_role("heading", name="No endpoints yet")).to_be_visible()
