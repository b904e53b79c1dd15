from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from tintype.errors import UsageError
from tintype.evaluation import METRICS, compute_metrics, evaluate_predictions, metric_direction

MULTICLASS, MULTILABEL = "image_classification", "image_classification_multilabel"


def multiclass_case(seed: int, rows: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(classes), random.integers(0, classes, rows - classes)])
    logits = random.normal(size=(rows, classes)) + 2 * np.eye(classes)[targets]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return probabilities.astype(np.float32) if seed % 2 else probabilities, targets


def multilabel_case(seed: int, rows: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    targets = (random.random((rows, classes)) < 0.4).astype(np.float32)
    targets[0], targets[1] = 0, 1
    probabilities = (targets * 0.4 + random.random((rows, classes)) * 0.6).round(2)
    return probabilities, targets


def expected_multiclass(p: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """scikit-learn's own values, each by the call its documentation names."""
    p = p.astype(np.float64)
    classes = p.shape[1]
    hot, predicted = np.eye(classes, dtype=int)[y], p.argmax(1)
    found = {
        "accuracy": sk.accuracy_score(y, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(y, predicted),
        "log_loss": sk.log_loss(y, p / p.sum(1, keepdims=True), labels=range(classes)),
        "matthews_correlation": sk.matthews_corrcoef(y, predicted),
        "weighted_accuracy": sk.accuracy_score(
            y, predicted, sample_weight=np.bincount(y, minlength=classes)[y]
        ),
    }
    for average in ("macro", "micro", "weighted"):
        found[f"AUC_{average}"] = sk.roc_auc_score(hot, p, average=average)
        found[f"average_precision_score_{average}"] = sk.average_precision_score(
            hot, p, average=average
        )
        found[f"f1_score_{average}"] = sk.f1_score(y, predicted, average=average)
        found[f"precision_score_{average}"] = sk.precision_score(y, predicted, average=average)
        found[f"recall_score_{average}"] = sk.recall_score(y, predicted, average=average)
    chance = 1 / classes
    found["norm_macro_recall"] = (found["recall_score_macro"] - chance) / (1 - chance)
    if classes == 2:
        found |= {
            "AUC_binary": sk.roc_auc_score(y, p[:, 1]),
            "average_precision_score_binary": sk.average_precision_score(y, p[:, 1]),
            "f1_score_binary": sk.f1_score(y, predicted),
            "precision_score_binary": sk.precision_score(y, predicted),
            "recall_score_binary": sk.recall_score(y, predicted),
        }
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("classes", [2, 3, 10, 60])
def test_multiclass_equals_scikit_learn(seed: int, classes: int) -> None:
    p, y = multiclass_case(seed, rows=classes * 7, classes=classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = expected_multiclass(p, y)
    found = compute_metrics(MULTICLASS, p, y)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-9), name


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
def test_multilabel_equals_scikit_learn(seed: int, threshold: float) -> None:
    p, y = multilabel_case(seed, rows=60, classes=5)
    predicted = (p >= threshold).astype(int)
    expected = {"accuracy": sk.accuracy_score(y, predicted)}
    options = {"zero_division": 0}
    for average in ("macro", "micro", "weighted"):
        expected |= {
            f"AUC_{average}": sk.roc_auc_score(y, p, average=average),
            f"average_precision_score_{average}": sk.average_precision_score(y, p, average=average),
            f"f1_score_{average}": sk.f1_score(y, predicted, average=average, **options),
            f"precision_score_{average}": sk.precision_score(
                y, predicted, average=average, **options
            ),
            f"recall_score_{average}": sk.recall_score(y, predicted, average=average, **options),
            f"iou_{average}": sk.jaccard_score(y, predicted, average=average, **options),
        }
    expected["iou"] = sk.jaccard_score(y, predicted, average="samples", zero_division=0)
    expected["log_loss"] = sk.log_loss(y, p)
    expected["norm_macro_recall"] = (expected["recall_score_macro"] - 1 / 5) / (1 - 1 / 5)
    found = compute_metrics(MULTILABEL, p, y, threshold=threshold)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-9), name
    assert not [name for name in found if name.endswith("_binary")]


def test_classes_that_never_occur_are_left_out_of_ranking_averages() -> None:
    p, y = multiclass_case(0, rows=40, classes=4)
    y = np.where(y == 3, 0, y)
    found = compute_metrics(MULTICLASS, p, y)
    each = [sk.roc_auc_score(y == code, p[:, code]) for code in range(3)]
    assert found["AUC_macro"] == pytest.approx(np.mean(each), abs=1e-12)


def test_what_has_no_value_is_absent() -> None:
    found = compute_metrics(MULTICLASS, np.array([[0.9, 0.1, 0.0]]), np.array([0]))
    assert "AUC_macro" not in found
    assert found["accuracy"] == 1
    evaluation = evaluate_predictions(
        MULTICLASS, np.array([[0.9, 0.1, 0.0]]), np.array([0]), ("a", "b", "c")
    )
    assert "AUC_macro" in evaluation.undefined
    assert "f1_score_binary" in evaluation.undefined


def test_all_classes_count_not_the_best_five() -> None:
    p, y = multiclass_case(1, rows=300, classes=30)
    top = np.where(p >= np.sort(p, 1)[:, [-5]], p, 0)
    assert compute_metrics(MULTICLASS, p, y)["AUC_macro"] != pytest.approx(
        compute_metrics(MULTICLASS, top, y)["AUC_macro"], abs=1e-4
    )


@pytest.mark.parametrize(
    ("task", "p", "y", "message"),
    [
        (MULTICLASS, np.zeros((0, 3)), np.zeros(0, int), "not empty"),
        (MULTICLASS, np.full((2, 3), np.nan), np.zeros(2, int), "from 0 to 1"),
        (MULTICLASS, np.full((2, 3), 7.0), np.zeros(2, int), "from 0 to 1"),
        (MULTICLASS, np.full((2, 3), 0.3), np.zeros(3, int), "expected"),
        (MULTICLASS, np.full((2, 3), 0.3), np.array([0, 3]), "from 0 to 2"),
        (MULTILABEL, np.full((2, 3), 0.3), np.zeros(2, int), "expected"),
        (MULTILABEL, np.full((2, 3), 0.3), np.full((2, 3), 2), "0 or 1"),
    ],
)
def test_arrays_that_do_not_fit(task: str, p: np.ndarray, y: np.ndarray, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        compute_metrics(task, p, y)  # type: ignore[arg-type]


def test_metric_names() -> None:
    assert len(METRICS[MULTICLASS]) + 2 == 28
    assert len(METRICS[MULTILABEL]) + 2 == 32
    p, y = multiclass_case(0, 20, 3)
    assert list(compute_metrics(MULTICLASS, p, y, metrics=["accuracy", "confusion_matrix"])) == [
        "accuracy"
    ]
    with pytest.raises(UsageError, match="Did you mean 'accuracy'"):
        compute_metrics(MULTICLASS, p, y, metrics=["acuracy"])
    with pytest.raises(UsageError, match="multi-label only"):
        compute_metrics(MULTICLASS, p, y, metrics=["iou"])
    assert metric_direction("log_loss") == "min"
    assert metric_direction("iou") == "max"


@pytest.mark.parametrize("classes", [2, 4])
def test_agreement_with_azureml_metrics(classes: int) -> None:
    azure = pytest.importorskip("azureml.metrics", reason="azureml-metrics is not installed")
    p, y = multiclass_case(0, 80, classes)
    theirs = azure.compute_metrics(
        task_type="image-classification",
        y_test=y,
        y_pred=p.argmax(1),
        y_pred_proba=p,
        class_labels=np.arange(classes),
        train_labels=np.arange(classes),
    )["metrics"]
    ours = compute_metrics(MULTICLASS, p, y)
    shared = ours.keys() & theirs.keys()
    assert len(shared) >= 15
    for name in shared:
        assert ours[name] == pytest.approx(theirs[name], abs=1e-9), name


def test_multilabel_agreement_with_azureml_metrics() -> None:
    azure = pytest.importorskip("azureml.metrics", reason="azureml-metrics is not installed")
    from sklearn.preprocessing import MultiLabelBinarizer

    p, y = multilabel_case(0, rows=60, classes=5)
    # Off the threshold: theirs counts a label above 0.5, ours from 0.5 on (docs/contracts.md §5.3).
    p = np.clip(p + 0.001, 0, 0.999)
    labels = np.array([str(code) for code in range(5)])
    theirs = azure.compute_metrics(
        task_type="image-classification-multilabel",
        y_test=y.astype(int),
        y_pred=(p >= 0.5).astype(int),
        y_pred_proba=p,
        class_labels=labels,
        train_labels=labels,
        y_transformer=MultiLabelBinarizer().fit([list(labels)]),
        multilabel=True,
    )["metrics"]
    ours = compute_metrics(MULTILABEL, p, y)
    # Theirs has no value for the first two; its norm_macro_recall for label matrices does not follow
    # the published formula.
    for name in ours.keys() - {"matthews_correlation", "weighted_accuracy", "norm_macro_recall"}:
        assert ours[name] == pytest.approx(theirs[name], abs=1e-9), name
