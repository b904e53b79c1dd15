"""The page of an evaluation in headless Chromium: what is pointed at, chosen, searched and moved, and that nothing of
the data runs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pages import check_accessible
from pictures import encoded, noise, write_jsonl_rows
from report_pages import HOSTILE, data_of, opened_file
from sklearn.metrics import precision_recall_fscore_support

from tintype.data import ImageTable, read_image_table
from tintype.evaluation.metrics import Predictions
from tintype.evaluation.report import evaluate_predictions
from tintype.evaluation.thresholds import confidence_table, threshold_table
from tintype.explaining.pictures import heat_layer, picture_layer
from tintype.images.fingerprints import NearDuplicates
from tintype.pages.explained import ExplainedPicture, ExplainedPictures, HeatMap
from tintype.schemas.task import MULTICLASS, MULTILABEL

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OPACITIES = "images => images.map(image => getComputedStyle(image).opacity)"

PROBABILITIES = np.array(
    [
        [0.9, 0.05, 0.05],  # right
        [0.1, 0.8, 0.1],  # 0 taken for 1
        [0.2, 0.7, 0.1],  # 0 taken for 1, less surely
        [0.1, 0.44, 0.46],  # 1 taken for 2, hardly
        [0.02, 0.03, 0.95],  # right
        [0.34, 0.33, 0.33],  # right, hardly
    ]
)
TARGETS = np.array([0, 0, 0, 1, 2, 0])


def pictures(folder: Path, labels: list[object], names: str = "{}.png") -> ImageTable:
    folder.mkdir()
    rows: list[dict[str, object]] = []
    for number, label in enumerate(labels):
        name = names.format(number)
        (folder / name).write_bytes(encoded(noise(40, 60, seed=number)))
        rows.append({"image_url": name, "label": label})
    return read_image_table(write_jsonl_rows(folder / "rows.jsonl", rows))


def captions(page: Page, title: str) -> list[str]:
    return section(page, title).locator("figcaption").all_inner_texts()


def section(page: Page, title: str) -> object:
    return page.locator("section", has=page.get_by_role("heading", name=title, exact=True))


def explained() -> ExplainedPictures:
    """Two mistakes, one with a hostile name, and one that could not be read."""
    attribution = np.zeros((60, 40), np.float32)
    attribution[10:30, 5:20] = 1
    pictures = [
        ExplainedPicture(
            name,
            picture_layer(noise(60, 40, seed=seed)),
            tuple(
                HeatMap(label, part, confidence, heat_layer(values))
                for label, part, confidence, values in (
                    ("b", "predicted", 0.8, attribution),
                    (HOSTILE, "labelled", 0.1, attribution[::-1]),
                )
            ),
        )
        for seed, name in enumerate(("1.png", HOSTILE))
    ]
    return ExplainedPictures("attention", "patches", pictures, [f"{HOSTILE}: no such file"])


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A page of three classes, of which one image is gone since it was scored."""
    table = pictures(tmp_path / "data", ["a", "a", "a", "b", "c", "a"])
    (tmp_path / "data" / "4.png").unlink()
    evaluate_predictions(MULTICLASS, PROBABILITIES, TARGETS, "abc", images=table).write(
        tmp_path / "report"
    )
    return tmp_path / "report" / "evaluation.html"


def test_scores_by_threshold_are_scikit_learns() -> None:
    random = np.random.default_rng(0)
    targets = (random.random((80, 4)) < 0.3).astype(int)
    probabilities = (targets * 0.3 + random.random((80, 4)) * 0.7).round(2)
    table = threshold_table(Predictions(MULTILABEL, probabilities, targets, 0.5), list("abcd"))
    for place in (0, 29, 49, 98):
        predicted = probabilities >= table["thresholds"][place]
        for name, row in (("micro", 0), ("macro", 1), (None, slice(2, None))):
            expected = precision_recall_fscore_support(
                targets, predicted, average=name, zero_division=0
            )[:3]
            rows = table["rows"][row] if name is None else [table["rows"][row]]
            found = [[r[k][place] for r in rows] for k in ("precision", "recall", "f1_score")]
            assert np.array(found).squeeze() == pytest.approx(np.array(expected), abs=1e-4)


def test_what_is_answered_by_confidence() -> None:
    table = confidence_table(Predictions(MULTICLASS, PROBABILITIES, TARGETS, 0.5))
    assert (table["answered"][0], table["accuracy"][0]) == (1.0, 0.5)
    assert table["thresholds"][75] == 0.75
    assert (table["answered"][75], table["accuracy"][75]) == (0.5, 0.6667)
    assert (table["answered"][99], table["accuracy"][99]) == (0.0, None)


def test_mistakes_are_seen_first_and_the_rest_is_found(browser: Browser, written: Path) -> None:
    with opened_file(browser, written) as page:
        shown = section(page, "Predictions")
        assert captions(page, "Predictions") == [
            "a → b 0.80\n1.png",
            "a → b 0.70\n2.png",
            "b → c 0.46\n3.png",
        ]
        shown.get_by_role("button", name="Least certain").click()
        assert captions(page, "Predictions")[0].startswith("a 0.34")
        shown.get_by_role("button", name="All").click()
        assert len(captions(page, "Predictions")) == 6
        assert shown.locator("figure").nth(4).locator("img").count() == 0
        shown.get_by_label("Labelled").select_option("b")
        assert len(captions(page, "Predictions")) == 1
        shown.get_by_label("Labelled").select_option("any")
        shown.get_by_label("Search").fill("5.PNG")
        assert [text[:6] for text in captions(page, "Predictions")] == ["a 0.34"]
        shown.get_by_label("Search").fill("nothing like it")
        assert shown.get_by_text("None.").is_visible()


def test_a_cell_of_the_matrix_shows_its_pictures(browser: Browser, written: Path) -> None:
    with opened_file(browser, written) as page:
        shown = section(page, "Confused classes")
        # The most frequent confusion is shown at first.
        assert shown.get_by_role("heading", name="a taken for b: 2 images").is_visible()
        shown.get_by_role("gridcell", name="b taken for c: 1").click()
        assert shown.get_by_role("heading", name="b taken for c: 1 image").is_visible()
        assert [text[:10] for text in captions(page, "Confused classes")] == ["b → c 0.46"]
        # By keys: from that cell one up is a taken for c, which has none; left of it a taken for b.
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        assert shown.get_by_role("heading", name="b taken for c: 1 image").is_visible()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")
        assert shown.get_by_role("heading", name="a taken for b: 2 images").is_visible()
        shown.get_by_role("button", name="b, c: show 1 image").click()
        assert shown.get_by_role("heading", name="b taken for c: 1 image").is_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_heat_maps_are_faded_by_keys(browser: Browser, tmp_path: Path, width: int) -> None:
    evaluation = evaluate_predictions(MULTICLASS, PROBABILITIES, TARGETS, ["a", "b", "c"])
    replace(evaluation, explained=explained()).write(tmp_path)
    path = tmp_path / "evaluation.html"
    with opened_file(browser, path, width=width, bypass_csp=True) as page:
        shown = section(page, "Surest mistakes explained")
        assert "By attention, patch by patch, enlarged" in shown.inner_text()
        assert shown.locator("figcaption").all_text_contents() == ["1.png", HOSTILE]
        texts = shown.locator(".maps p").all_text_contents()
        assert texts[:2] == ["predicted b 0.80", f"labelled {HOSTILE} 0.10"]
        layers = shown.locator(".layers").first.locator("img")
        boxes = [layers.nth(at).bounding_box() for at in (0, 1)]
        assert boxes[0] == boxes[1] and boxes[0] is not None
        assert boxes[0]["height"] == pytest.approx(1.5 * boxes[0]["width"], rel=0.02)

        def opacities() -> set[str]:
            return set(shown.locator(".layers img:last-child").evaluate_all(OPACITIES))

        assert opacities() == {"0.65"}
        slider = shown.get_by_role("slider")
        slider.focus()
        page.keyboard.press("ArrowRight")
        assert opacities() == {"0.7"} and "70 %" in shown.inner_text()
        page.keyboard.press("Home")
        assert opacities() == {"0"}
        page.keyboard.press("End")
        assert opacities() == {"1"}
        failures = shown.locator("summary")
        assert failures.inner_text() == "1 picture not explained"
        failures.focus()
        page.keyboard.press("Enter")
        assert shown.locator("li").text_content() == f"{HOSTILE}: no such file"
        check_accessible(page)


def test_without_explanations_the_page_says_nothing_of_them(
    browser: Browser, written: Path
) -> None:
    with opened_file(browser, written) as page:
        assert page.get_by_role("heading", name="Surest mistakes explained").count() == 0


def test_points_of_curves_are_told_by_pointer_and_keys(browser: Browser, written: Path) -> None:
    curve = json.loads((written.parent / "roc.json").read_text())["curves"][0]
    with opened_file(browser, written) as page:
        chart = page.locator("figure.chart", has=page.get_by_text("ROC", exact=True))
        plot = chart.locator(".plot")
        plot.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        told = chart.get_by_role("status").inner_text()
        assert told.startswith(f"micro average: false positive rate {curve['fpr'][1]:.4g}")
        assert f"threshold {curve['threshold'][1]:.3f}" in told
        page.keyboard.press("ArrowDown")
        assert chart.get_by_role("status").inner_text().startswith("a: ")
        box = plot.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] - 15, box["y"] + 12)
        assert (
            "false positive rate 1, true positive rate 1"
            in chart.get_by_role("status").inner_text()
        )
        chart.get_by_role("button", name="micro average").click()
        assert (
            chart.get_by_role("button", name="micro average").get_attribute("aria-pressed")
            == "false"
        )
        chart.get_by_text("The numbers as a table").click()
        assert chart.get_by_role("row").count() > 5


def test_tables_are_sorted(browser: Browser, written: Path) -> None:
    with opened_file(browser, written) as page:
        shown = section(page, "Classes")
        for _ in range(2):
            shown.get_by_role("button", name="support").click()
        assert shown.get_by_role("rowheader").all_inner_texts() == ["b", "c", "a"]
        assert shown.locator("th[aria-sort=ascending]").inner_text().startswith("support")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_the_page_is_accessible(browser: Browser, written: Path, width: int, dark: bool) -> None:
    with opened_file(browser, written, width=width, dark=dark, bypass_csp=True) as page:
        check_accessible(page)


def test_names_never_run(browser: Browser, tmp_path: Path) -> None:
    labels: list[object] = [HOSTILE, HOSTILE, HOSTILE, "b", "c", HOSTILE]
    table = pictures(tmp_path / "data", labels, names="{}'<img src=x onerror=alert(1)>.png")
    evaluation = evaluate_predictions(
        MULTICLASS, PROBABILITIES, TARGETS, [HOSTILE, "b", "c"], images=table
    )
    pair = (table.location(1), table.location(3), 0.99)
    hostile = replace(evaluation, notices=(HOSTILE,), near_duplicates=NearDuplicates(1, 6, (pair,)))
    hostile.write(tmp_path / "report")
    with opened_file(browser, tmp_path / "report" / "evaluation.html") as page:
        assert page.locator(".lead p").last.text_content() == HOSTILE
        for button in page.get_by_role("button").all():
            if button.is_enabled():
                button.click()
        page.get_by_role("gridcell").nth(1).click()
        for details in page.locator("summary").all():
            details.click()
        assert HOSTILE in section(page, "Classes").get_by_role("rowheader").all_text_contents()
        assert (
            page.locator("h3:has-text('taken for b')").text_content()
            == f"{HOSTILE} taken for b: 2 images"
        )
        assert page.locator("[onerror], main script").count() == 0


def test_a_page_without_pictures(browser: Browser, tmp_path: Path) -> None:
    evaluate_predictions(
        MULTICLASS,
        PROBABILITIES,
        TARGETS,
        "abc",
        groups=np.array([5, 5, 5, 7, 7, 7]),
        temperature=2.0,
    ).write(tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text())["groups"] == 2
    calibration = json.loads((tmp_path / "calibration.json").read_text())
    assert calibration["temperature"] == 2.0
    assert "before" in calibration
    with opened_file(browser, tmp_path / "evaluation.html") as page:
        assert "They are of 2 groups" in page.locator(".lead").inner_text()
        assert captions(page, "Predictions")[0] == "a → b 0.80\nrow 1"
        assert page.locator("figcaption", has_text="before its temperature").is_visible()


def test_near_duplicates_stand_side_by_side(tmp_path: Path) -> None:
    table = pictures(tmp_path / "data", ["a", "a", "a", "b", "c", "a"])
    pair = (table.location(1), table.location(3), 0.99)
    evaluation = evaluate_predictions(MULTICLASS, PROBABILITIES, TARGETS, "abc")
    assert evaluation.summary["near_duplicates"] is None
    found = replace(evaluation, near_duplicates=NearDuplicates(1, 6, (pair,)))
    found.write(tmp_path / "report")
    told = data_of((tmp_path / "report" / "evaluation.html").read_text("utf-8"))["near_duplicates"]
    assert (told["count"], told["images"]) == (1, 6)
    ((one, other),) = told["pairs"]
    assert (one[0], other[0]) == ("1.png", "3.png")
    assert one[1].startswith("data:image/webp;base64,")
    assert found.summary["near_duplicates"] == 1
    unseen = replace(evaluation, near_duplicates=NearDuplicates(0, 0, ()))
    assert unseen.summary["near_duplicates"] is None


@pytest.fixture(scope="module")
def labels_page(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, np.ndarray]:
    """A page of two labels, targets and probabilities."""
    folder = tmp_path_factory.mktemp("labels")
    random = np.random.default_rng(1)
    targets = (random.random((60, 2)) < 0.5).astype(int)
    probabilities = targets * 0.3 + random.random((60, 2)) * 0.7
    evaluate_predictions(MULTILABEL, probabilities, targets, [HOSTILE, "b"]).write(folder)
    return folder / "evaluation.html", targets, probabilities


def test_the_slider_moves_the_table(
    browser: Browser, labels_page: tuple[Path, np.ndarray, np.ndarray]
) -> None:
    path, targets, probabilities = labels_page
    with opened_file(browser, path, width=390) as page:
        shown = section(page, "Labels by threshold")
        row = shown.get_by_role("row").filter(has=page.get_by_role("rowheader", name="alert(1)"))
        slider = shown.get_by_role("slider")
        for place in (50, 80):
            slider.fill(str(place - 1))
            expected = precision_recall_fscore_support(
                targets[:, 0], probabilities[:, 0] >= place / 100, average="binary"
            )[:3]
            told = [float(text) for text in row.locator("td").all_inner_texts()[1:4]]
            assert told == pytest.approx(expected, abs=6e-4)
            assert shown.locator("output").inner_text() == f"{place / 100:.2f}"
        slider.press("ArrowRight")
        assert shown.locator("output").inner_text() == "0.81"


def test_numbers_of_labels_show_their_images(
    browser: Browser, labels_page: tuple[Path, np.ndarray, np.ndarray]
) -> None:
    path, targets, probabilities = labels_page
    missed = int(((targets[:, 1] == 1) & (probabilities[:, 1] < 0.5)).sum())
    with opened_file(browser, path, bypass_csp=True) as page:
        shown = section(page, "Labels found and missed")
        shown.get_by_role("button", name=f"b, missed: {missed} image").click()
        assert shown.get_by_role("heading", name=re.compile("^b, missed")).is_visible()
        assert shown.locator("figure").count() == missed
        check_accessible(page)


def test_of_very_many_classes_a_part_is_shown(browser: Browser, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    targets = random.integers(0, 3_000, 1_000)
    probabilities = np.full((1_000, 3_000), 1e-5)
    predicted = np.where(random.random(1_000) < 0.6, targets, random.integers(0, 3_000, 1_000))
    probabilities[np.arange(1_000), predicted] = 0.9
    names = [f"class {code}" for code in range(3_000)]
    evaluation = evaluate_predictions(
        MULTICLASS, probabilities, targets, names, metrics=["accuracy"]
    )
    evaluation.write(tmp_path)
    assert not (tmp_path / "confusion_matrix.json").exists()
    path = tmp_path / "evaluation.html"
    assert path.stat().st_size < 2_000_000
    wanted = int(targets[0])
    with opened_file(browser, path) as page:
        shown = section(page, "Confused classes")
        assert shown.get_by_role("gridcell").count() == 16**2
        shown.get_by_label("Add a class").fill(f"class {wanted}")
        shown.get_by_role("button", name=f"class {wanted}", exact=True).click()
        assert shown.get_by_role("rowheader", name=f"class {wanted}", exact=True).first.is_visible()
        assert "of 3,000 classes are shown" in shown.inner_text()
