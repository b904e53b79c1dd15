"""What the page of an evaluation shows, and that nothing on it is fetched or comes from the data as
code."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, noise, write_jsonl_rows
from sklearn.metrics import precision_recall_fscore_support

from tintype.data import ImageTable, read_image_table
from tintype.evaluation.examples import (
    class_samples,
    confused_pairs,
    least_certain,
    most_confident_mistakes,
)
from tintype.evaluation.metrics import Predictions
from tintype.evaluation.report import evaluate_predictions
from tintype.evaluation.thresholds import threshold_table
from tintype.images.fingerprints import NearDuplicates
from tintype.schemas.task import MULTICLASS, MULTILABEL

HOSTILE = "<script>alert(1)</script>"


def predictions() -> Predictions:
    probabilities = np.array(
        [
            [0.9, 0.05, 0.05],  # right
            [0.1, 0.8, 0.1],  # 0 taken for 1
            [0.2, 0.7, 0.1],  # 0 taken for 1, less surely
            [0.1, 0.44, 0.46],  # 1 taken for 2, hardly
            [0.02, 0.03, 0.95],  # right
            [0.34, 0.33, 0.33],  # right, hardly
        ]
    )
    return Predictions(MULTICLASS, probabilities, np.array([0, 0, 0, 1, 2, 0]), 0.5)


def test_mistakes_doubts_and_confusions() -> None:
    made = predictions()
    assert [(e.row, e.probability) for e in most_confident_mistakes(made, 5)] == [
        (1, 0.8),
        (2, 0.7),
        (3, 0.46),
    ]
    assert [(e.row, e.right) for e in least_certain(made, 2)] == [(5, True), (3, False)]
    pairs = confused_pairs(made, 5, 5)
    assert [(p.true, p.predicted, p.count) for p in pairs] == [(0, 1, 2), (1, 2, 1)]
    assert [e.row for e in pairs[0].examples] == [1, 2]
    [(code, samples)] = class_samples(made, [0], 3)
    assert code == 0
    assert [e.row for e in samples] == [0, 2, 1]


def test_labels_that_were_missed_and_predicted_instead() -> None:
    made = Predictions(
        MULTILABEL,
        np.array([[0.2, 0.9], [0.9, 0.45], [0.7, 0.1]]),
        np.eye(2, dtype=int)[[0, 0, 0]],
        0.5,
    )
    assert [e.row for e in most_confident_mistakes(made, 5)] == [0]
    [pair] = confused_pairs(made, 5, 5)
    assert (pair.true, pair.predicted, pair.count) == (0, 1, 1)
    assert least_certain(made, 1)[0].row == 1


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


def pictures(folder: Path, labels: list[object]) -> ImageTable:
    folder.mkdir()
    rows: list[dict[str, object]] = []
    for number, label in enumerate(labels):
        (folder / f"{number}.png").write_bytes(encoded(noise(40, 60, seed=number)))
        rows.append({"image_url": f"{number}.png", "label": label})
    return read_image_table(write_jsonl_rows(folder / "rows.jsonl", rows))


def test_the_page_shows_pictures_and_runs_nothing(tmp_path: Path) -> None:
    table = pictures(tmp_path / "data", [HOSTILE, HOSTILE, HOSTILE, "b", "c", HOSTILE])
    made = predictions()
    # One image is gone since it was scored: the others are shown.
    (tmp_path / "data" / "4.png").unlink()
    evaluation = evaluate_predictions(
        MULTICLASS, made.probabilities, made.targets, [HOSTILE, "b", "c"], images=table
    )
    evaluation.write(tmp_path / "report")
    page = (tmp_path / "report" / "evaluation.html").read_text("utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; taken for b" in page
    mistakes = page.partition("Most confident mistakes")[2].partition("Least certain")[0]
    assert mistakes.count('<figure class="wrong"') == 3
    assert page.count("data:image/jpeg") > 10
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_an_evaluation_tells_of_groups_and_calibration(tmp_path: Path) -> None:
    made = predictions()
    evaluation = evaluate_predictions(
        MULTICLASS,
        made.probabilities,
        made.targets,
        "abc",
        groups=np.array([5, 5, 5, 7, 7, 7]),
        temperature=2.0,
    )
    evaluation.write(tmp_path)
    assert evaluation.summary["groups"] == 2
    page = (tmp_path / "evaluation.html").read_text("utf-8")
    assert "They are of 2 groups" in page
    calibration = json.loads((tmp_path / "calibration.json").read_text())
    assert calibration["temperature"] == 2.0
    assert "before" in calibration


def test_near_duplicates_stand_side_by_side(tmp_path: Path) -> None:
    table = pictures(tmp_path / "data", ["a", "a", "a", "b", "c", "a"])
    made = predictions()
    pair = (table.location(1), table.location(3), 0.99)
    evaluation = evaluate_predictions(MULTICLASS, made.probabilities, made.targets, "abc")
    assert evaluation.summary["near_duplicates"] is None
    found = replace(evaluation, near_duplicates=NearDuplicates(1, 6, (pair,)))
    found.write(tmp_path / "report")
    page = (tmp_path / "report" / "evaluation.html").read_text("utf-8")
    assert "1 of 6 images are nearly the same" in page
    assert page.count("data:image/jpeg") == 2
    assert found.summary["near_duplicates"] == 1
    unseen = replace(evaluation, near_duplicates=NearDuplicates(0, 0, ()))
    assert unseen.summary["near_duplicates"] is None


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_the_slider_moves_the_table(tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

    random = np.random.default_rng(1)
    targets = (random.random((60, 2)) < 0.5).astype(int)
    probabilities = targets * 0.3 + random.random((60, 2)) * 0.7
    evaluation = evaluate_predictions(MULTILABEL, probabilities, targets, [HOSTILE, "b"])
    evaluation.write(tmp_path)
    page_file = tmp_path / "evaluation.html"
    assert page_file.read_text("utf-8").count("<script>") == 1
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        try:
            page = browser.new_page(viewport={"width": 390, "height": 800})
            page.goto(page_file.as_uri())
            row = page.locator("#thresholds tbody tr", has_text=HOSTILE)
            for place in (50, 80):
                page.locator("#thresholds input").evaluate(
                    "(box, value) => { box.value = value; box.dispatchEvent(new Event('input')); }",
                    str(place),
                )
                expected = precision_recall_fscore_support(
                    targets[:, 0], probabilities[:, 0] >= place / 100, average="binary"
                )[:3]
                shown = [float(text) for text in row.locator("td").all_inner_texts()[2:5]]
                assert shown == pytest.approx(expected, abs=6e-4)
                assert page.locator("#thresholds output").inner_text() == f"{place / 100:.2f}"
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 390
        finally:
            browser.close()
