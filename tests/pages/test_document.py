"""A page in one file: it opens without a network, runs nothing but its own script, and reads without scripts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from report_pages import HOSTILE, data_of, opened_file

from tintype import pages
from tintype.pages import data_url, document

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAGE = """
import { html } from "%s/components/html.js";
import { Lead, showPage } from "%s/components/show_page.js";
showPage(({ data }) => html`<${Lead} data=${data} /><p id="names">${data.names.join()}</p><img alt="" src=${data.picture} />`);
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    here = Path(os.path.relpath(Path(pages.__file__).parent, tmp_path)).as_posix()
    path = tmp_path / "page.js"
    path.write_text(PAGE % (here, here), "utf-8")
    return path


def test_texts_stay_texts_and_nothing_else_runs(
    browser: Browser, module: Path, tmp_path: Path
) -> None:
    names = [HOSTILE, "\udcff\u2028", "ä"]
    pixel = data_url(b"GIF89a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\1D\0;", "image/gif")
    data = {"names": names, "picture": pixel}
    content = document(HOSTILE, page=module, data=data, lead=[HOSTILE])
    assert content.count("</script>") == 2
    assert data_of(content)["names"] == names
    path = tmp_path / "page.html"
    path.write_text(content, "utf-8")
    with opened_file(browser, path) as page:
        assert page.locator("h1").text_content() == HOSTILE
        assert page.locator("#names").text_content() == ",".join(names)


def test_the_policy_lets_no_other_script_run(
    browser: Browser, module: Path, tmp_path: Path
) -> None:
    """Were markup to enter the page after all: neither an element nor an attribute of it runs."""
    content = document("Title", page=module, data={"names": [], "picture": ""})
    harm = '<script>document.title = "ran"</script><img src="x:" onerror="document.title = `ran`">'
    path = tmp_path / "page.html"
    path.write_text(content.replace("</main>", f"</main>{harm}"), "utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_timeout(200)
    assert page.locator("body > img").count() == 1
    assert page.title() == "Title"
    page.close()


def test_without_scripts_the_lead_is_read(browser: Browser, module: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(document("A <title>", page=module, data={}, lead=["One & two."]), "utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    shown = page.locator("main").inner_text()
    context.close()
    assert "A <title>" in shown
    assert "One & two." in shown
    assert "need JavaScript" in shown


def test_damaged_data_leave_the_lead(browser: Browser, module: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    content = document("Title", page=module, data={"names": 1, "picture": ""}, lead=["The lead."])
    path.write_text(content, "utf-8")
    with opened_file(browser, path) as page:
        assert "The lead." in page.locator("main").inner_text()
        assert "could not be drawn" in page.get_by_role("alert").inner_text()


def test_numbers_that_are_none_are_refused(module: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        document("Title", page=module, data={"value": float("nan")})
