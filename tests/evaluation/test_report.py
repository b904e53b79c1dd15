from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_pages import data_of

from tintype.evaluation import EvaluationConfig, evaluate_predictions
from tintype.schemas.document import Document, validate

MULTICLASS, MULTILABEL = "image_classification", "image_classification_multilabel"


def predictions(rows: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    targets = random.integers(0, classes, rows)
    scores = random.random((rows, classes)) + np.eye(classes)[targets]
    return scores / scores.sum(1, keepdims=True), targets


@pytest.mark.parametrize("classes", [2, 10, 300])
def test_a_report_has_every_part(tmp_path: Path, classes: int) -> None:
    probabilities, targets = predictions(600, classes)
    names = [f"class <{code}> $x" for code in range(classes)]
    evaluation = evaluate_predictions(MULTICLASS, probabilities, targets, names, dropped=3)
    evaluation.write(tmp_path / "report")
    written = {path.name for path in (tmp_path / "report").iterdir()}
    for name in ("confusion_matrix", "roc", "precision_recall", "calibration"):
        assert f"{name}.json" in written
    assert Image.open(tmp_path / "report" / "confusion_matrix.png").size[0] > 300
    summary = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert summary["dropped_images"] == 3
    assert summary["metrics"]["accuracy"] == evaluation.metrics["accuracy"]
    assert len(summary["classes"]) == classes
    page = (tmp_path / "report" / "evaluation.html").read_text()
    data = data_of(page)
    assert "3 images could not be read" in data["lead"][0]
    assert data["classes"] == names
    assert len(data["rows"]) == 600
    assert sum(data["confusion"]["hits"]) == round(600 * evaluation.metrics["accuracy"])


def test_multilabel_report(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    targets = (random.random((50, 4)) < 0.4).astype(np.float32)
    targets[:, 3] = 0
    probabilities = random.random((50, 4))
    evaluation = evaluate_predictions(MULTILABEL, probabilities, targets, "abcd", threshold=0.4)
    evaluation.write(tmp_path / "report")
    table = json.loads((tmp_path / "report" / "confusion_matrix.json").read_text())
    for code, ((tn, fp), (fn, tp)) in enumerate(table["data"]["matrices"]):
        predicted = probabilities[:, code] >= 0.4
        true = targets[:, code] > 0
        assert (tp, fp) == ((predicted & true).sum(), (predicted & ~true).sum())
        assert (tn, fn) == ((~predicted & ~true).sum(), (~predicted & true).sum())
    assert evaluation.summary["threshold"] == 0.4


def test_confusion_matrix_counts_true_by_row() -> None:
    from tintype.evaluation.curves import confusion_matrix

    probabilities = np.eye(3)[[0, 1, 1, 2]]
    evaluation = evaluate_predictions(MULTICLASS, probabilities, np.array([0, 0, 1, 2]), "abc")
    table = confusion_matrix(evaluation.predictions, evaluation.classes)
    assert table["data"]["matrix"] == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]


def test_calibration_error_of_a_known_case() -> None:
    from tintype.evaluation.curves import calibration

    probabilities = np.array([[0.75, 0.25]] * 4)
    evaluation = evaluate_predictions(MULTICLASS, probabilities, np.array([0, 0, 1, 1]), "ab")
    assert calibration(evaluation.predictions)["expected_calibration_error"] == pytest.approx(0.25)


def test_many_rows_and_classes_stay_quick_and_small(tmp_path: Path) -> None:
    probabilities, targets = predictions(4_000, 400)
    start = time.perf_counter()
    evaluate_predictions(MULTICLASS, probabilities, targets, [str(c) for c in range(400)]).write(
        tmp_path / "report"
    )
    assert time.perf_counter() - start < 60
    assert (tmp_path / "report" / "roc.json").stat().st_size < 500_000


def test_thinned_curves_keep_their_shape() -> None:
    from sklearn.metrics import precision_recall_curve, roc_curve

    from tintype.evaluation import curves

    probabilities, targets = predictions(20_000, 3)
    made = evaluate_predictions(MULTICLASS, probabilities, targets, "abc", metrics=[]).predictions
    false_rate, true_rate, thresholds = roc_curve(targets == 1, probabilities[:, 1])
    precision, recall, _ = precision_recall_curve(targets == 1, probabilities[:, 1])
    for thinned, whole, axes in (
        (curves.roc_curves(made, "abc"), (false_rate, true_rate), ("fpr", "tpr")),
        (curves.precision_recall_curves(made, "abc"), (recall, precision), ("recall", "precision")),
    ):
        curve = thinned["curves"][2]
        assert curve["name"] == "b"
        kept = np.column_stack([curve[axis] for axis in axes])
        assert len(kept) < 1_500
        assert {len(curve[axis]) for axis in (*axes, "threshold")} == {len(kept)}
        # Along both axes together no point that is left out is further from one that is drawn.
        points = np.column_stack(whole)[:: max(1, len(whole[0]) // 2_000)]
        away = np.abs(points[:, None] - kept[None]).sum(-1).min(1)
        assert away.max() < 1 / 300 + 2e-5
    roc = curves.roc_curves(made, "abc")["curves"][2]
    at = len(roc["threshold"]) // 2
    sure = probabilities[:, 1] >= roc["threshold"][at] - 5e-6
    assert sure[targets == 1].mean() == pytest.approx(roc["tpr"][at], abs=1e-3)
    assert thresholds[0] == np.inf
    assert roc["threshold"][0] == 1.0


def test_evaluation_config() -> None:
    config = validate(EvaluationConfig, Document({"metrics": ["accuracy"], "threshold": 0.3}))
    assert config.threshold == 0.3
    with pytest.raises(Exception, match="Did you mean 'threshold'"):
        validate(EvaluationConfig, Document({"treshold": 0.3}))
    with pytest.raises(Exception, match="multi-label only"):
        EvaluationConfig(metrics=["iou"]).check_task(MULTICLASS)


def test_reliability_is_shown_before_the_temperature_too(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    logits = random.normal(0, 1.5, (3000, 3))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    targets = np.array([random.choice(3, p=row) for row in true])
    evaluation = evaluate_predictions(MULTICLASS, true, targets, "abc", temperature=2.5)
    evaluation.write(tmp_path / "report")
    table = json.loads((tmp_path / "report" / "calibration.json").read_text())
    before = table["before"]["expected_calibration_error"]
    assert table["expected_calibration_error"] < 0.03 < 0.1 < before
    # By hand: the logits were 2.5 times as large.
    sure = np.exp(2.5 * logits) / np.exp(2.5 * logits).sum(1, keepdims=True)
    again = evaluate_predictions(MULTICLASS, sure, targets, "abc")
    again.write(tmp_path / "again")
    plain = json.loads((tmp_path / "again" / "calibration.json").read_text())
    assert plain["expected_calibration_error"] == pytest.approx(before, abs=1e-5)
    assert "before" not in plain
