"""The page of a monitor in headless Chromium: what it tells, on a wide screen and on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pages import check_accessible
from pictures import encoded, striped
from report_pages import HOSTILE, data_of, opened_file

from tintype.monitoring.drifted_pictures import choose_pictures
from tintype.monitoring.page import PageSide, write_monitor_page
from tintype.monitoring.samples import Answers, Sample, look_at
from tintype.schemas.document import Document
from tintype.schemas.monitor import read_monitor
from tintype.workspace.monitors import LaterLabels

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CLASSES = ("can", HOSTILE, "jug")


def side(folder: Path, light: float, seed: int) -> Sample:
    """Forty pictures, whose embeddings are told by their light."""
    folder.mkdir()
    draw = np.random.default_rng(seed)
    places = []
    for number in range(40):
        pixels = (striped(number % 3, number).astype(float) + light).clip(0, 255).astype(np.uint8)
        places.append(str(folder / f"{number}.png"))
        Path(places[-1]).write_bytes(encoded(pixels))
    answers = Answers(
        CLASSES, np.arange(40) % 3, draw.uniform(0.5, 1, 40), np.full(40, 1, np.int64)
    )
    sample = look_at(places, answers, None)
    embeddings = draw.normal(size=(40, 8)) + np.eye(8)[0] * light / 10
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return Sample(
        sample.locations,
        sample.answers,
        sample.statistics,
        sample.greys,
        (embeddings / lengths).astype(np.float32),
    )


def window(hour: int, adjusted: float) -> dict[str, Any]:
    tests = [
        {"signal": "embedding_drift", "name": "mmd", "statistic": 0.02, "p_value": adjusted / 2,
         "baseline": None, "window": None, "adjusted": adjusted, "drifted": adjusted < 0.05},
        {"signal": "image_statistics", "name": "brightness", "statistic": 0.4, "p_value": adjusted,
         "baseline": 100.0, "window": 150.0, "adjusted": adjusted, "drifted": adjusted < 0.05},
    ]  # fmt: skip
    return {
        "start": f"2026-11-02T{hour:02}:00:00+00:00",
        "end": f"2026-11-02T{hour:02}:59:00+00:00",
        "rows": 50,
        "different": 40,
        "repeated": 10,
        "unreadable": 0,
        "baseline_pictures": 40,
        "alarms": ["embedding_drift: mmd p = 0.001 of 0.05"] if adjusted < 0.05 else [],
        "tests": tests,
        "psi": 0.12,
        "labels": [{"label": HOSTILE, "baseline": 0.3, "window": 0.5, "psi": 0.1}],
        "estimates": {"atc": {"value": 0.8, "low": 0.7, "high": 0.9}},
        "notices": ["a notice"],
    }


@pytest.fixture
def path(tmp_path: Path, workspace_home: Path) -> Path:
    content = {"name": "watch", "endpoint": "pets", "baseline": "x"}
    monitor = read_monitor(Document(content), tmp_path)
    baseline, new = side(tmp_path / "a", 0, 1), side(tmp_path / "b", 70, 2)
    shown = choose_pictures(baseline, new)
    label = LaterLabels(["can"], "can", "2026-11-02T09:30:00+00:00", "2026-11-03T00:00:00+00:00")
    page = write_monitor_page(
        monitor,
        [window(8, 0.5), window(9, 0.001)],
        PageSide(baseline, shown.baseline_witness, shown.typical, shown.missed),
        PageSide(new, shown.window_witness, shown.drifted),
        [label],
    )
    path = tmp_path / "report.html"
    path.write_text(page, "utf-8")
    return path


def test_its_data(path: Path) -> None:
    data = data_of(path.read_text("utf-8"))
    assert [each["alarms"] for each in data["windows"]] == [0, 1]
    assert [each["accuracy"] and each["accuracy"][0] for each in data["windows"]] == [None, 1.0]
    assert data["windows"][1]["evidence"]["embedding_drift: mmd"] == pytest.approx(3.0)
    names = [each["name"] for each in data["statistics"]]
    assert names == [
        "brightness", "contrast", "sharpness", "saturation", "pixels", "aspect_ratio", "confidence",
    ]  # fmt: skip
    for each in data["statistics"]:
        assert sum(each["baseline"]) == pytest.approx(1, abs=1e-3)
    drifted, missed = data["pictures"]["drifted"], data["pictures"]["missed"]
    assert min(each["witness"] for each in drifted) > max(each["witness"] for each in missed)
    # Of each label in turns.
    assert {each["label"] for each in data["pictures"]["typical"][:3]} == set(CLASSES)
    assert "10 pictures are nearly the same as others" in " ".join(data["lead"])


@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_drawn(path: Path, browser: Browser, width: int) -> None:
    with opened_file(browser, path, width=width, bypass_csp=True) as page:
        headings = page.get_by_role("heading", level=2).all_inner_texts()
        assert headings == [
            "Pictures that drifted most",
            "Tests of this window",
            "Signals over time",
            "Accuracy",
            "Answers",
            "Image statistics and confidence",
        ]
        assert page.locator(".pictures img").count() == 36
        assert page.locator("tr.lit").count() == 2
        page.get_by_role("button", name="sharpness").click()
        assert page.locator("figure.chart figcaption").last.inner_text() == "sharpness"
        check_accessible(page)
