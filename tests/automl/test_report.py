"""The report of a sweep in headless Chromium: trials are sorted, searched and pointed at, and no name runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pages import check_accessible
from pictures import encoded, noise, write_jsonl_rows
from report_pages import HOSTILE, data_of, opened_file

from tintype.automl.label_issues import LabelIssue
from tintype.automl.report import SweepReport, write_report_page
from tintype.data import ImageTable, read_image_table
from tintype.evaluation.report import evaluate_predictions

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def trial(number: int, metric: float | None, **more: Any) -> dict[str, Any]:
    """As sweep.json has it."""
    return {
        "number": number,
        "model": ("resnet", HOSTILE)[number % 2],
        "parameters": {
            "learning_rate": 10.0 ** -(number % 4 + 1),
            "optimizer": HOSTILE[: number + 9],
        },
        "state": "completed",
        "metric": metric,
        "intervals": [] if metric is None else [metric / 2, float("nan"), metric],
        "error": None,
        "seconds": 60.0 + number,
        "started": 1_000.0 + 60 * number,
        "ended": 1_060.0 + 60 * number,
        **more,
    }


ROWS = [
    *(trial(number, 0.5 + number / 20) for number in range(6)),
    trial(6, 0.3, state="stopped"),
    trial(7, None, state="failed", error=HOSTILE),
]


def images(folder: Path) -> ImageTable:
    folder.mkdir()
    rows: list[dict[str, object]] = []
    for number, label in enumerate((HOSTILE, "b", HOSTILE, "b")):
        name = f"{number}'<img src=x onerror=alert(1)>.png"
        (folder / name).write_bytes(encoded(noise(40, 60, seed=number)))
        rows.append({"image_url": name, "label": label})
    return read_image_table(write_jsonl_rows(folder / "rows.jsonl", rows))


@pytest.fixture
def written(tmp_path: Path) -> Path:
    table = images(tmp_path / "data")
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])
    evaluation = evaluate_predictions(
        "image_classification", probabilities, np.array([0, 1, 0, 1]), [HOSTILE, "b"], images=table
    )
    report = SweepReport(
        job=HOSTILE,
        metric="accuracy",
        rows=ROWS,
        best=5,
        notes=[HOSTILE],
        summary=evaluation.summary,
        predictions=evaluation.predictions,
        classes=[HOSTILE, "b"],
        validation=table,
        label_issues=[LabelIssue(2, HOSTILE, "b", 0.7)],
        issues_table=table,
        commands=[("download", f"tintype job download --name {HOSTILE}")],
    )
    path = tmp_path / "report.html"
    path.write_text(write_report_page(report), "utf-8")
    return path


def test_what_the_page_holds(written: Path) -> None:
    data = data_of(written.read_text("utf-8"))
    assert data["trials"][0]["intervals"] == [0.25, 0.5]
    assert {name for name, _ in data["importance"]} == {"model", "learning_rate", "optimizer"}
    assert data["lead"][0].startswith("8 trials, 8 min of work. The best is trial 5")
    assert len(data["pictures"]) == 4


def test_trials_are_sorted_searched_and_pointed_at(browser: Browser, written: Path) -> None:
    with opened_file(browser, written) as page:
        shown = page.locator("section", has=page.get_by_role("heading", name="Leaderboard"))
        numbers = shown.get_by_role("rowheader")
        assert [text.split()[0] for text in numbers.all_inner_texts()] == [*"5432106", "7"]
        shown.get_by_role("button", name="time").click()
        assert numbers.first.inner_text() == "7"
        shown.get_by_role("row").filter(has=page.get_by_text("failed: ")).hover()
        assert shown.locator("polyline.lit").count() == 0  # It reached nothing, and has no line.
        shown.get_by_role("row", name="6 ", exact=False).last.hover()
        assert shown.locator("polyline.lit").count() == 1
        chart = page.locator("figure.chart", has=page.get_by_text("Metric over time"))
        chart.locator(".plot").focus()
        page.keyboard.press("End")
        told = chart.get_by_role("status").inner_text()
        assert told.startswith("completed: minutes since the first trial began 1, accuracy 0.5")
        assert "trial 0, resnet" in told


def test_names_never_run(browser: Browser, written: Path) -> None:
    with opened_file(browser, written, width=390, dark=True) as page:
        assert page.locator("h1").text_content() == f"AutoML job {HOSTILE}"
        for button in page.get_by_role("button").all():
            if button.is_visible() and button.is_enabled():
                button.click()
        for details in page.locator("summary").all():
            details.click()
        cells = page.get_by_role("cell").all_text_contents()
        assert HOSTILE in cells
        assert f"failed: {HOSTILE}" in cells
        assert page.locator("[onerror], main script").count() == 0


@pytest.mark.parametrize(("width", "dark"), [(1280, True), (390, False)])
def test_the_report_is_accessible(browser: Browser, written: Path, width: int, dark: bool) -> None:
    with opened_file(browser, written, width=width, dark=dark, bypass_csp=True) as page:
        check_accessible(page)
