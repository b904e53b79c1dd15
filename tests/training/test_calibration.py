from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint
from pictures import striped, write_class_folders

from tintype.data import read_image_table
from tintype.errors import CheckpointError
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.classifier import load_classifier, scale_logits
from tintype.models.onnx_export import export_onnx
from tintype.schemas.finetuning import FinetuningParameters
from tintype.schemas.task import MULTICLASS, MULTILABEL, ClassificationTask
from tintype.scoring import Scorer
from tintype.scoring.calibration import logits_of, temperature_of, with_temperature
from tintype.training import FinetuneResult, finetune
from tintype.training.calibration import choose_temperature, fit_temperature, log_loss


def drawn(
    task: ClassificationTask, rows: int, too_sure: float, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits that are `too_sure` times what the targets were drawn by."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, 5, generator=generator, dtype=torch.float64) * 1.5
    if task == MULTILABEL:
        targets = torch.bernoulli(logits.sigmoid(), generator=generator)
    else:
        targets = torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]
    return logits * too_sure, targets


def probabilities(logits: torch.Tensor, task: ClassificationTask) -> np.ndarray:
    return (logits.sigmoid() if task == MULTILABEL else logits.softmax(1)).float().numpy()


def by_lbfgs(logits: torch.Tensor, targets: torch.Tensor, task: ClassificationTask) -> float:
    """The temperature as Guo's own code finds it: LBFGS on the logits."""
    inverse = torch.ones((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([inverse], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        scaled = logits * inverse
        if task == MULTILABEL:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(scaled, targets)
        else:
            loss = torch.nn.functional.cross_entropy(scaled, targets)
        loss.backward()
        return loss

    optimizer.step(closure)
    return 1 / float(inverse.detach())


@pytest.mark.parametrize("task", [MULTICLASS, MULTILABEL])
def test_a_temperature_is_a_division_of_logits(task: ClassificationTask) -> None:
    logits, _ = drawn(task, 50, 2.0)
    ours = with_temperature(probabilities(logits, task), 1.7, task)
    assert np.allclose(ours, probabilities(logits / 1.7, task), atol=1e-6)
    assert np.allclose(
        with_temperature(ours, 1 / 1.7, task), probabilities(logits, task), atol=1e-5
    )


@pytest.mark.parametrize("too_sure", [0.5, 3.0])
@pytest.mark.parametrize("task", [MULTICLASS, MULTILABEL])
def test_the_temperature_is_that_of_lbfgs(task: ClassificationTask, too_sure: float) -> None:
    logits, targets = drawn(task, 4000, too_sure)
    found = fit_temperature(logits.numpy(), targets.numpy(), task)
    assert found == pytest.approx(by_lbfgs(logits, targets, task), rel=0.01)
    assert found == pytest.approx(too_sure, rel=0.1)


def test_few_rows_that_are_all_right_do_not_make_it_infallible() -> None:
    targets = np.arange(40) % 2
    sure = np.where(np.eye(2)[targets] > 0, 0.9, 0.1)
    found = fit_temperature(logits_of(sure, MULTICLASS), targets, MULTICLASS)
    # One error among the rows to come is allowed for: about 1 in 82 of the mass.
    top = with_temperature(sure, found, MULTICLASS).max()
    assert top == pytest.approx(1 - 0.5 / 41, abs=1e-3)


def test_it_is_chosen_only_where_it_helps() -> None:
    logits, targets = drawn(MULTICLASS, 400, 3.0)
    given = probabilities(logits, MULTICLASS)
    chosen = choose_temperature(given, targets.numpy(), MULTICLASS, seed=1)
    assert chosen is not None
    assert chosen.temperature > 2
    assert chosen.log_loss_after < chosen.log_loss_before
    assert chosen.log_loss_before == pytest.approx(log_loss(given, targets.numpy(), MULTICLASS))
    fresh, truth = drawn(MULTICLASS, 4000, 3.0, seed=9)
    after = with_temperature(probabilities(fresh, MULTICLASS), chosen.temperature, MULTICLASS)
    # What cross-validation promises, new rows keep.
    assert log_loss(after, truth.numpy(), MULTICLASS) == pytest.approx(
        chosen.log_loss_after, abs=0.1
    )
    few = choose_temperature(given[:10], targets.numpy()[:10], MULTICLASS, seed=1)
    assert few is None
    right = np.full((100, 2), 0.5)
    assert choose_temperature(right, np.arange(100) % 2, MULTICLASS, seed=1) is None


@pytest.mark.parametrize(
    "family",
    ["vit", "beit", "deit", "dinov2", "swin", "resnet", "mobilenet_v2", "efficientnet_lite"],
)
def test_logits_of_every_family_can_be_scaled(tmp_path: Path, family: str) -> None:
    path = write_checkpoint(tmp_path / family, family)
    model: Any = load_classifier(resolve_checkpoint(str(path)))
    pixels = torch.rand(2, 3, *[getattr(model.config, "image_size", 32)] * 2)
    with torch.no_grad():
        before = model(pixel_values=pixels).logits
        assert scale_logits(model, 0.25)
        assert torch.allclose(model(pixel_values=pixels).logits, before * 0.25, atol=1e-5)


def test_a_head_that_is_not_linear_is_left_alone() -> None:
    model = torch.nn.Module()
    model.classifier = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh())
    before = model.classifier[0].weight.clone()
    assert not scale_logits(model, 0.5)
    assert torch.equal(model.classifier[0].weight, before)


def test_a_temperature_of_a_card_must_be_one() -> None:
    assert temperature_of({}) == 1
    assert temperature_of({"temperature": 2}) == 2
    for wrong in (0, -1, "hot", None, float("nan"), True):
        with pytest.raises(CheckpointError, match="temperature"):
            temperature_of({"temperature": wrong})


def tuned(tmp_path: Path, output: str, *, scaling: bool) -> FinetuneResult:
    checkpoint = tmp_path / "vit"
    if not checkpoint.exists():
        write_checkpoint(checkpoint)
        write_class_folders(tmp_path / "train", per_class=12)
        write_class_folders(tmp_path / "held-out", per_class=25)
    held_out = read_image_table(tmp_path / "held-out")
    return finetune(
        checkpoint=str(checkpoint),
        train=read_image_table(tmp_path / "train"),
        validation=held_out,
        task="image_classification",
        output_folder=tmp_path / output,
        parameters=FinetuningParameters(
            number_of_epochs=4,
            learning_rate=3e-3,
            precision="32",
            apply_augmentations=False,
            label_smoothing_factor=0.4,
            temperature_scaling=scaling,
        ),
    )


def test_a_finished_model_holds_its_temperature(tmp_path: Path) -> None:
    plain, scaled = (
        tuned(tmp_path, name, scaling=name == "scaled") for name in ("plain", "scaled")
    )
    fresh = [striped(kind, 700 + n) for kind in (0, 1) for n in range(5)]
    scorer = Scorer.load(scaled.model_folder, precision="fp32", runtime="torch")
    temperature = scorer.temperature
    # Smoothed labels leave the model less sure than it may be.
    assert temperature < 0.9
    assert Scorer.load(plain.model_folder).temperature == 1
    before = Scorer.load(plain.model_folder, precision="fp32", runtime="torch").predict(fresh)
    after = scorer.predict(fresh)
    for one, other in zip(before, after, strict=True):
        expected = with_temperature(one.probs[None], temperature, MULTICLASS)[0]
        assert np.allclose(other.probs, expected, atol=1e-5)
    targets = scaled.validation.targets()
    assert log_loss(scaled.validation_probabilities, targets, MULTICLASS) < log_loss(
        plain.validation_probabilities, targets, MULTICLASS
    )
    found = np.stack([p.probs for p in scorer.predict(scaled.validation.locations())])
    assert np.allclose(found, scaled.validation_probabilities, atol=2e-2)
    calibration = scorer.card["calibration"]
    assert calibration["log_loss_after_cross_validated"] < calibration["log_loss_before"]


def test_every_way_out_of_the_folder_has_the_temperature(tmp_path: Path) -> None:
    import mlflow.pyfunc
    import pandas
    import pybase64
    from pictures import encoded

    onnxruntime = pytest.importorskip("onnxruntime")
    result = tuned(tmp_path, "scaled", scaling=True)
    images = [striped(kind, 700 + n) for kind in (0, 1) for n in range(3)]
    scorer = Scorer.load(result.model_folder, precision="fp32", runtime="torch")
    assert scorer.temperature != 1
    expected = np.stack([prediction.probs for prediction in scorer.predict(images)])
    for runtime in ("openvino", "onnxruntime"):
        other = Scorer.load(result.model_folder, precision="fp32", runtime=runtime)
        found = np.stack([prediction.probs for prediction in other.predict(images)])
        assert np.allclose(found, expected, atol=1e-4), runtime
    cells = [pybase64.b64encode(encoded(image)).decode() for image in images]
    rows = mlflow.pyfunc.load_model(str(result.model_folder)).predict(
        pandas.DataFrame({"image": cells})
    )
    # In the precision of this machine, which may be bf16.
    assert np.allclose([row["probs"] for row in rows], expected, atol=2e-2)
    session = onnxruntime.InferenceSession(str(export_onnx(result.model_folder, tmp_path / "onnx")))
    pixels = np.stack([scorer.preprocessor.resize(image) for image in images])
    given = {"image": pixels.transpose(0, 3, 1, 2).astype(np.float32)}
    assert np.allclose(session.run(["probs"], given)[0], expected, atol=1e-4)
