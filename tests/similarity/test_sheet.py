from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, noise
from PIL import Image

from tintype.errors import OutputError
from tintype.similarity.sheet import SheetPicture, SheetSection, write_sheet


def thumbnails(page: str) -> list[Image.Image]:
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    return [Image.open(io.BytesIO(base64.b64decode(content))) for content in found]


def written(path: Path, *sections: SheetSection, limit: int = 100) -> str:
    write_sheet(path, "Similar <pictures>", sections, limit=limit)
    return path.read_text("utf-8")


def test_pictures_become_small_and_the_page_fetches_nothing(tmp_path: Path) -> None:
    wide = noise(300, 900)
    (tmp_path / "wide.png").write_bytes(encoded(wide))
    (tmp_path / "small.jpg").write_bytes(encoded(noise(20, 30), "JPEG"))
    pictures = [
        SheetPicture("wide.png", str(tmp_path / "wide.png"), "1.0000"),
        SheetPicture("small.jpg", str(tmp_path / "small.jpg"), "0.9712"),
    ]
    page = written(tmp_path / "sheet.html", SheetSection("Group 1", pictures))
    first, second = thumbnails(page)
    assert (first.size, second.size) == ((160, 53), (30, 20))
    expected = np.asarray(Image.fromarray(wide).resize((160, 53)), float)
    assert np.abs(np.asarray(first, float) - expected).mean() < 4
    assert "0.9712 small.jpg" in page
    assert not re.search(r"https?://|<script|<link|@import", page)


def test_what_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    pictures = [
        SheetPicture("text.png", str(tmp_path / "text.png"), "1.0000"),
        SheetPicture("gone.png", str(tmp_path / "gone.png"), "0.9900"),
        SheetPicture("inline.jsonl", None, "0.9800"),
        SheetPicture("inner", "http://127.0.0.1:9/x.png", "0.9700"),
    ]
    page = written(tmp_path / "sheet.html", SheetSection("Group 1", pictures))
    assert "1.0000 text.png: not an image of a known format" in page
    assert "0.9900 gone.png: cannot read" in page
    assert "0.9800 inline.jsonl: no picture, it was sent inline" in page
    assert "0.9700 inner: " in page
    assert thumbnails(page) == []


def test_names_are_text_never_html(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(noise(8, 8)))
    name = '<img src=x onerror="alert(1)">\'.png'
    pictures = [
        SheetPicture(name, str(tmp_path / "a.png"), "1.0000"),
        SheetPicture(name, str(tmp_path / name), "1.0000"),
    ]
    page = written(tmp_path / "sheet.html", SheetSection(f"Group {name}", pictures))
    assert "<img src=x" not in page
    assert 'onerror="' not in page
    assert page.count("&lt;img src=x onerror=&quot;") == 5
    assert "Similar &lt;pictures&gt;" in page


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    crowd = [SheetPicture(f"{number}.png", None, "1.0000") for number in range(75)]
    sections = [SheetSection(f"Group {number}", crowd) for number in range(1, 6)]
    page = written(tmp_path / "sheet.html", *sections, limit=2)
    assert re.findall(r"<h2>(.*?)</h2>", page) == ["Group 1", "Group 2"]
    assert "3 more of 5 are left out of this page." in page
    assert page.count("And 15 more pictures.") == 2
    assert "59.png" in page
    assert "60.png" not in page
    assert "left out" not in written(tmp_path / "sheet.html", *sections)
    assert "Nothing was found." in written(tmp_path / "sheet.html")


def test_a_page_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        written(tmp_path / "file" / "sheet.html")
