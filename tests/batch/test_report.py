"""The report of a batch in headless Chromium: labels choose pictures, everything is searched, no name runs."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pages import check_accessible
from pictures import encoded, noise
from report_pages import HOSTILE, opened_file

from tintype.batch.report import write_report
from tintype.batch.shards import ShardFacts
from tintype.batch.summary import BatchSummary

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def written(tmp_path: Path) -> Path:
    content = base64.b64encode(encoded(noise(30, 40), "JPEG")).decode()
    names = [HOSTILE, "b.png", "c.png", "d.png"]
    labels = [HOSTILE, "cat", "cat", "dog"]
    facts = ShardFacts(
        0,
        samples=[
            {"file_name": name, "row": 0, "top": [[label, 0.9 - at / 10]], "picture": content}
            for at, (name, label) in enumerate(zip(names, labels, strict=True))
        ],
        errors=[{"file_name": HOSTILE, "row": at, "error": f"fault {at}"} for at in range(30)],
    )
    summary = BatchSummary(
        model=HOSTILE,
        task="image_classification",
        rows=1_234,
        succeeded=1_000,
        failed=234,
        files=1_234,
        failed_files=234,
        seconds=10.0,
        images_per_second=123.4,
        labels={"cat": 500, HOSTILE: 300, "dog": 200},
        output="predictions",
        scorer={"runtime": "torch", "precision": "fp32", "device": "cpu"},
    )
    path = tmp_path / "index.html"
    explained = {
        "method": "xrai",
        "detail": "pixels",
        "pictures": [
            {
                "name": f"{HOSTILE} (0)",
                "picture": f"data:image/jpeg;base64,{content}",
                "maps": [
                    {
                        "label": "cat",
                        "part": "",
                        "confidence": 0.8,
                        "picture": f"data:image/jpeg;base64,{content}",
                    }
                ],
            }
        ],
        "failures": [],
    }
    write_report(path, summary, [facts], explained)
    return path


def test_labels_choose_pictures_and_no_name_runs(browser: Browser, written: Path) -> None:
    with opened_file(browser, written, width=390) as page:
        assert "1,000 answered, 234 without an answer." in page.locator(".lead").inner_text()
        sample = page.locator("section", has=page.get_by_role("heading", name="A sample"))
        names = sample.locator("figcaption .name")
        assert names.all_text_contents() == [
            f"{HOSTILE} (0)",
            "b.png (0)",
            "c.png (0)",
            "d.png (0)",
        ]
        page.get_by_role("button", name="cat", exact=True).click()
        assert names.all_text_contents() == ["b.png (0)", "c.png (0)"]
        page.get_by_role("button", name="Least sure first").click()
        assert names.all_text_contents() == ["c.png (0)", "b.png (0)"]
        page.get_by_role("button", name="show all labels").click()
        assert names.count() == 4
        answers = page.locator("section", has=page.get_by_role("heading", name="Answers explained"))
        assert "By xrai, pixel by pixel" in answers.inner_text()
        assert answers.locator(".maps p").all_text_contents() == ["cat 0.80"]
        answers.get_by_role("slider").press("Home")
        assert "0 %" in answers.inner_text()
        errors = page.locator("section", has=page.get_by_role("heading", name="Rows without"))
        assert errors.get_by_role("row").count() == 26
        errors.get_by_label("Search").fill("fault 29")
        assert errors.get_by_role("row").count() == 2
        assert "And 204 more rows" in errors.inner_text()


@pytest.mark.parametrize("dark", [False, True])
def test_the_report_is_accessible(browser: Browser, written: Path, dark: bool) -> None:
    with opened_file(browser, written, dark=dark, bypass_csp=True) as page:
        check_accessible(page)
