from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint
from pictures import encoded, striped, write_jsonl_rows
from sklearn.metrics import f1_score, jaccard_score

from tintype.data import ImageTable, read_image_table
from tintype.errors import CheckpointError, UsageError
from tintype.evaluation.metrics import compute_metrics
from tintype.evaluation.report import evaluate_predictions
from tintype.jobs.evaluation import evaluate
from tintype.schemas.finetuning import FinetuningParameters
from tintype.schemas.task import MULTILABEL
from tintype.scoring import Scorer
from tintype.scoring.calibration import thresholds_of
from tintype.training import finetune
from tintype.training.losses import AsymmetricFocus, ClassificationLoss
from tintype.training.thresholds import choose_thresholds, fit_thresholds


def shifted(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of three labels that are all too low, by 2, 1 and 0 in log odds."""
    random = np.random.default_rng(seed)
    odds = random.normal(-0.5, 2.0, (rows, 3))
    targets = (random.random((rows, 3)) < 1 / (1 + np.exp(-odds))).astype(float)
    return 1 / (1 + np.exp(-(odds - [2.0, 1.0, 0.0]))), targets


def test_thresholds_are_those_of_the_best_f1_and_iou() -> None:
    probabilities, targets = shifted(3000)
    values = fit_thresholds(probabilities, targets)
    grid = np.linspace(0.01, 0.99, 197)
    for code in range(3):
        for score in (f1_score, jaccard_score):
            best = max(score(targets[:, code], probabilities[:, code] >= cut) for cut in grid)
            ours = score(targets[:, code], probabilities[:, code] >= values[code])
            assert ours >= best - 0.005
    assert values[0] < values[1] < values[2]


def test_rare_labels_stay_near_the_common_threshold() -> None:
    probabilities, targets = shifted(3000)
    rare = np.zeros((3000, 1))
    rare[7] = 1
    # By itself the one example would ask for a threshold at its own probability.
    probabilities = np.hstack([probabilities, np.full((3000, 1), 0.001)])
    probabilities[7, 3] = 0.99
    targets = np.hstack([targets, rare])
    values = fit_thresholds(probabilities, targets)
    never = fit_thresholds(probabilities, np.hstack([targets[:, :3], 0 * rare]))
    odds = np.log(values / (1 - values))
    common = np.log(never[3] / (1 - never[3]))
    assert abs(odds[3] - common) < 0.5
    alone = fit_thresholds(probabilities[:, 3:], rare)
    assert 0.4 < alone[0] < 0.6


def test_they_are_chosen_where_they_raise_the_metric_on_other_rows() -> None:
    probabilities, targets = shifted(200)
    chosen = choose_thresholds(probabilities, targets, metric="iou", seed=3)
    assert chosen is not None
    assert chosen.before == compute_metrics(MULTILABEL, probabilities, targets)["iou"]
    fresh, truth = shifted(5000, seed=8)
    promised = compute_metrics(MULTILABEL, fresh, truth, threshold=chosen.values)["iou"]
    assert promised > compute_metrics(MULTILABEL, fresh, truth)["iou"] + 0.03
    assert promised == pytest.approx(chosen.after, abs=0.06)
    by_rank = choose_thresholds(probabilities, targets, metric="AUC_macro", seed=3)
    assert by_rank is not None
    assert by_rank.metric == "f1_score_macro"
    assert choose_thresholds(probabilities[:10], targets[:10], metric="iou", seed=3) is None
    perfect = np.where(targets > 0, 0.9, 0.1)
    assert choose_thresholds(perfect, targets, metric="iou", seed=3) is None


def test_metrics_take_a_threshold_for_each_class() -> None:
    probabilities, targets = shifted(300)
    cuts = [0.2, 0.3, 0.5]
    found = compute_metrics(MULTILABEL, probabilities, targets, threshold=cuts)
    predicted = np.stack([probabilities[:, k] >= cut for k, cut in enumerate(cuts)], 1)
    assert found["f1_score_macro"] == pytest.approx(f1_score(targets, predicted, average="macro"))
    assert found["iou"] == pytest.approx(
        jaccard_score(targets, predicted, average="samples", zero_division=0)
    )
    summary = evaluate_predictions(
        MULTILABEL, probabilities, targets, "abc", threshold=cuts
    ).summary
    assert summary["threshold"] == {"a": 0.2, "b": 0.3, "c": 0.5}
    with pytest.raises(UsageError, match="one for each of 3 classes"):
        compute_metrics(MULTILABEL, probabilities, targets, threshold=[0.1, 0.2])


def test_thresholds_of_a_card_are_checked() -> None:
    assert thresholds_of({}, ["a"]) is None
    found = thresholds_of({"thresholds": {"b": 0.3, "a": 0.4}}, ["a", "b"])
    assert found is not None
    assert found.tolist() == [0.4, 0.3]
    for wrong in ({"a": 0.4}, {"a": 0.4, "b": 1}, {"a": 0.4, "b": "x"}, [0.4, 0.3]):
        with pytest.raises(CheckpointError, match="threshold"):
            thresholds_of({"thresholds": wrong}, ["a", "b"])


@pytest.mark.parametrize("focus", [(4, 0, 0.05), (4, 1, 0.05), (2, 0.5, 0.0), (0, 0, 0.0)])
def test_the_asymmetric_loss_is_its_papers(focus: tuple[float, float, float]) -> None:
    torch.manual_seed(1)
    logits = (torch.randn(6, 4) * 3).requires_grad_()
    targets = (torch.rand(6, 4) > 0.6).float()
    gamma_neg, gamma_pos, clip = focus
    loss = ClassificationLoss(MULTILABEL, focus=AsymmetricFocus(*focus))(logits, targets)
    # Term by term, in NumPy's float64.
    p = 1 / (1 + np.exp(-logits.detach().double().numpy()))
    pm = np.maximum(p - clip, 0)
    present = -((1 - p) ** gamma_pos) * np.log(p)
    absent = -(pm**gamma_neg) * np.log(1 - pm)
    expected = np.where(targets.numpy() > 0, present, absent).mean()
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    if focus == (0, 0, 0.0):
        bce = ClassificationLoss(MULTILABEL)(logits, targets)
        assert float(loss) == pytest.approx(float(bce), rel=1e-5)
    far = torch.tensor([[60.0, -60.0]], requires_grad=True)
    wrong = ClassificationLoss(MULTILABEL, focus=AsymmetricFocus(*focus))(
        far, torch.tensor([[0.0, 1.0]])
    )
    wrong.backward()
    assert far.grad is not None
    assert torch.isfinite(far.grad).all()


def test_the_asymmetric_loss_is_for_multilabel() -> None:
    with pytest.raises(ValueError, match="image_classification_multilabel"):
        FinetuningParameters(loss="asymmetric").check_task("image_classification")
    with pytest.raises(ValueError, match="must not be above"):
        FinetuningParameters(asymmetric_gamma_pos=5).check_task(MULTILABEL)


def stripes(folder: Path, count: int, seed: int) -> ImageTable:
    """Images that show one kind of stripes, both, or none; their labels say which."""
    folder.mkdir()
    rows: list[dict[str, object]] = []
    for number in range(count):
        kinds = [k for k in (0, 1) if number >> k & 1]
        image = np.full((32, 32, 3), 90.0)
        for kind in kinds:
            image += (striped(kind, seed + number).astype(float) - 90) / 2
        (folder / f"{number}.png").write_bytes(encoded(image.clip(0, 255).astype(np.uint8)))
        rows.append(
            {"image_url": f"{number}.png", "label": [("upright", "level")[k] for k in kinds]}
        )
    return read_image_table(write_jsonl_rows(folder / "rows.jsonl", rows))


def test_a_finished_model_predicts_by_its_thresholds(tmp_path: Path) -> None:
    held_out = stripes(tmp_path / "held-out", 60, 500)
    result = finetune(
        checkpoint=str(write_checkpoint(tmp_path / "vit")),
        train=stripes(tmp_path / "train", 40, 0),
        validation=held_out,
        task=MULTILABEL,
        output_folder=tmp_path / "out",
        parameters=FinetuningParameters(
            number_of_epochs=10,
            learning_rate=3e-3,
            precision="32",
            apply_augmentations=False,
            # Absent labels cost next to nothing: every probability is too high.
            loss="asymmetric",
            asymmetric_gamma_neg=8,
            asymmetric_clip=0.2,
        ),
    )
    scorer = Scorer.load(result.model_folder, precision="fp32", runtime="torch")
    assert scorer.thresholds is not None
    assert result.thresholds is not None
    assert np.allclose(scorer.thresholds, result.thresholds)
    tuning = scorer.card["threshold_tuning"]
    assert tuning["tuned_cross_validated"] > tuning["at_0.5"]
    # The answer has all probabilities, as before; evaluation decides by the thresholds.
    prediction = scorer.predict([held_out.location(3)])[0]
    assert len(prediction.probs) == 2
    probabilities = scorer.score_table(held_out).probabilities
    own = evaluate(result.model_folder, tmp_path / "held-out" / "rows.jsonl")
    expected = compute_metrics(
        MULTILABEL, probabilities, held_out.targets(), threshold=scorer.thresholds
    )
    assert own.metrics["iou"] == pytest.approx(expected["iou"])
    assert own.summary["threshold"] == dict(
        zip(scorer.classes, scorer.thresholds.tolist(), strict=True)
    )
