from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pages import check_accessible
from pictures import encoded, noise
from PIL import Image
from report_pages import HOSTILE, data_of, opened_file

from tintype.errors import OutputError
from tintype.similarity import sheet
from tintype.similarity.sheet import SheetPicture, SheetSection, write_sheet

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def written(path: Path, *sections: SheetSection, limit: int = 100) -> dict[str, Any]:
    write_sheet(path, "Similar <pictures>", sections, limit=limit)
    return data_of(path.read_text("utf-8"))


def test_pictures_become_small(tmp_path: Path) -> None:
    wide = noise(300, 900)
    (tmp_path / "wide.png").write_bytes(encoded(wide))
    (tmp_path / "small.jpg").write_bytes(encoded(noise(20, 30), "JPEG"))
    pictures = [
        SheetPicture("wide.png", str(tmp_path / "wide.png"), 1.0),
        SheetPicture("small.jpg", str(tmp_path / "small.jpg"), 0.97123),
    ]
    page = written(tmp_path / "sheet.html", SheetSection("Group 1", pictures))
    told = page["sections"][0]["pictures"]
    first, second = (
        Image.open(io.BytesIO(base64.b64decode(one["picture"].partition(",")[2]))) for one in told
    )
    assert (first.size, second.size) == ((160, 53), (30, 20))
    expected = np.asarray(Image.fromarray(wide).resize((160, 53)), float)
    assert np.abs(np.asarray(first.convert("RGB"), float) - expected).mean() < 5
    assert (told[1]["cosine"], told[1]["name"]) == (0.9712, "small.jpg")


def test_what_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    pictures = [
        SheetPicture("text.png", str(tmp_path / "text.png"), 1.0),
        SheetPicture("gone.png", str(tmp_path / "gone.png"), 0.99),
        SheetPicture("inline.jsonl", None, 0.98),
        SheetPicture("inner", "http://127.0.0.1:9/x.png", 0.97),
    ]
    page = written(tmp_path / "sheet.html", SheetSection("Group 1", pictures))
    told = page["sections"][0]["pictures"]
    assert {one["picture"] for one in told} == {None}
    reasons = [one["reason"] for one in told]
    assert reasons[0].startswith("not an image of a known format")
    assert reasons[1].startswith("cannot read")
    assert reasons[2] == "no picture, it was sent inline"
    assert reasons[3]


def test_the_page_is_searched_and_narrowed_and_runs_no_name(
    browser: Browser, tmp_path: Path
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(encoded(noise(8, 8, seed=number)))
    near = [
        SheetPicture("query.png", str(tmp_path / "0.png"), None),
        SheetPicture(HOSTILE, str(tmp_path / "1.png"), 0.9),
        SheetPicture("far.png", str(tmp_path / "2.png"), 0.5),
    ]
    lone = [SheetPicture("lone.png", None, None), SheetPicture("other.png", None, 0.6)]
    path = tmp_path / "sheet.html"
    written(path, SheetSection(HOSTILE, near), SheetSection("lone.png", lone))
    with opened_file(browser, path, width=390) as page:
        assert page.get_by_role("heading", level=2).all_text_contents() == [HOSTILE, "lone.png"]
        assert page.locator("figcaption .name").nth(1).text_content() == HOSTILE
        slider = page.get_by_role("slider")
        slider.fill("50")
        assert page.locator("output").inner_text() == "0.7000"
        assert page.get_by_role("heading", level=2).all_text_contents() == [HOSTILE]
        assert page.locator("figcaption").all_text_contents() == [
            "queryquery.png",
            f"0.9000{HOSTILE}",
        ]
        slider.fill("0")
        page.get_by_label("Search").fill("OTHER")
        assert page.get_by_role("heading", level=2).all_text_contents() == ["lone.png"]
        assert page.get_by_text("no picture, it was sent inline").count() == 2
    with opened_file(browser, path, dark=True, bypass_csp=True) as page:
        check_accessible(page)


def test_what_is_left_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = [SheetPicture(f"{number}.png", None, 1.0) for number in range(75)]
    sections = [SheetSection(f"Group {number}", crowd) for number in range(1, 6)]
    page = written(tmp_path / "sheet.html", *sections, limit=2)
    assert [one["title"] for one in page["sections"]] == ["Group 1", "Group 2"]
    assert page["lead"] == ["3 more of 5 are left out of this page."]
    assert [one["left"] for one in page["sections"]] == [15, 15]
    assert [len(one["pictures"]) for one in page["sections"]] == [60, 60]
    assert written(tmp_path / "sheet.html", *sections)["lead"] == []
    assert written(tmp_path / "sheet.html")["lead"] == ["Nothing was found."]
    monkeypatch.setattr(sheet, "_IN_ALL", 70)
    page = written(tmp_path / "sheet.html", *sections)
    assert page["lead"] == ["The first 70 pictures are shown, of the others their names."]
    reasons = [one["reason"] for one in page["sections"][1]["pictures"]]
    assert reasons.count("left out of this page") == 50


def test_a_page_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        written(tmp_path / "file" / "sheet.html")
