"""Several classifiers in one model folder: written, loaded, converted, refused where it cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint
from pictures import write_class_folders

import tintype
from tintype.data import read_image_table
from tintype.errors import CheckpointError
from tintype.images.loading import iterate_pixels
from tintype.images.preprocess import Preprocessor
from tintype.images.views import OTHER_VIEWS, as_seen
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.classifier import load_classifier
from tintype.models.ensemble import new_ensemble
from tintype.models.model_folder import open_model_folder, write_model_folder
from tintype.models.onnx_export import export_onnx
from tintype.schemas.task import MULTICLASS, MULTILABEL, ClassificationTask
from tintype.schemas.view import View
from tintype.scoring import Scorer

CLASSES = ("across", "down", "dots")
FAMILIES = ("vit", "resnet")


def write(folder: Path, task: ClassificationTask = MULTICLASS) -> tuple[Path, list[Path]]:
    """An ensemble of a ViT and a ResNet, whose inputs differ, and the folders of the two."""
    models, preprocessors, folders = [], [], []
    for family in FAMILIES:
        checkpoint = resolve_checkpoint(str(write_checkpoint(folder / family, family)))
        model = load_classifier(checkpoint, task=task, classes=CLASSES, seed=3)
        for parameter in model.parameters():
            # Heads are drawn small: of these the answers differ.
            parameter.data.mul_(2)
        preprocessor = Preprocessor.from_folder(checkpoint.folder)
        path = folder / f"{family}-model"
        write_model_folder(
            path, model=model, preprocessor=preprocessor, task=task, classes=CLASSES, card={}
        )
        models.append(model)
        preprocessors.append(preprocessor)
        folders.append(path)
    ensemble, preprocessor = new_ensemble(models, preprocessors, [1, 3], task=task, classes=CLASSES)
    path = folder / "ensemble"
    write_model_folder(
        path,
        model=ensemble,  # type: ignore[arg-type]
        preprocessor=preprocessor,
        task=task,
        classes=CLASSES,
        card={"training": {"method": "ensemble"}},
    )
    return path, folders


@pytest.fixture
def images(tmp_path: Path) -> list[str]:
    table = read_image_table(write_class_folders(tmp_path / "pictures", per_class=2))
    return [str(table.location(row)) for row in range(len(table))]


def _probabilities(logits: torch.Tensor, task: ClassificationTask) -> torch.Tensor:
    return logits.sigmoid() if task == MULTILABEL else logits.softmax(-1)


def probabilities(source: Path, images: list[str], **options: Any) -> np.ndarray:
    scorer = tintype.Scorer.load(source, **options)
    return np.stack([prediction.probs for prediction in scorer.predict(images)])


@pytest.mark.parametrize("task", [MULTICLASS, MULTILABEL])
def test_it_answers_with_the_weighted_mean(
    tmp_path: Path, images: list[str], task: ClassificationTask
) -> None:
    path, folders = write(tmp_path, task)
    ensemble: Any = load_classifier(open_model_folder(path).checkpoint)
    pixel_values = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    each = []
    with torch.no_grad():
        for folder, member in zip(folders, ensemble.members, strict=True):
            scale, shift = (torch.tensor(v).view(1, 3, 1, 1) for v in (member.scale, member.shift))
            seen = torch.nn.functional.interpolate(
                pixel_values, (member.height, member.width), mode="bilinear"
            )
            model: Any = load_classifier(open_model_folder(folder).checkpoint)
            each.append(_probabilities(model(pixel_values=seen * scale + shift).logits, task))
        found = _probabilities(ensemble(pixel_values=pixel_values).logits, task)
    assert float((each[0] - each[1]).abs().max()) > 0.02
    torch.testing.assert_close(found, (each[0] + 3 * each[1]) / 4, rtol=1e-4, atol=1e-5)
    plain = probabilities(path, images, runtime="torch", precision="fp32")
    converted = probabilities(path, images, runtime="openvino", precision="fp32")
    assert np.abs(converted - plain).max() < 1e-3


@pytest.mark.parametrize("view", OTHER_VIEWS)
def test_a_member_may_see_another_view(tmp_path: Path, images: list[str], view: View) -> None:
    _, folders = write(tmp_path)
    opened = open_model_folder(folders[0])
    model: Any = load_classifier(opened.checkpoint)
    preprocessor = Preprocessor.from_folder(opened.checkpoint.folder)
    ensemble, own = new_ensemble(
        [model, model],
        [preprocessor, preprocessor],
        [1, 1],
        task=MULTICLASS,
        classes=CLASSES,
        views=["whole", view],
    )
    write_model_folder(
        tmp_path / "both",
        model=ensemble,  # type: ignore[arg-type]
        preprocessor=own,
        task=MULTICLASS,
        classes=CLASSES,
        card={},
    )
    scorer = Scorer.load(folders[0], runtime="torch", precision="fp32")
    (batch,) = iterate_pixels(
        images, scorer.preprocessor, batch_size=len(images), threads=1, exact=True
    )
    whole, other = (
        np.stack(
            [one.probs for one in scorer.predictions(scorer.run(as_seen(batch.pixels, shown)))]
        )
        for shown in ("whole", view)
    )
    assert np.abs(whole - other).max() > 1e-3
    for runtime in ("torch", "openvino"):
        found = probabilities(tmp_path / "both", images, runtime=runtime, precision="fp32")
        np.testing.assert_allclose(found, (whole + other) / 2, atol=1e-3)


def test_an_unknown_view_is_refused(tmp_path: Path) -> None:
    path, _ = write(tmp_path)
    config = path / "data" / "model" / "config.json"
    content = json.loads(config.read_text())
    content["members"][0]["view"] = "upside down"
    config.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=r"no view.*upside down"):
        load_classifier(resolve_checkpoint(str(path / "data" / "model")))


def test_what_each_member_sees(tmp_path: Path) -> None:
    path, folders = write(tmp_path)
    ensemble: Any = load_classifier(open_model_folder(path).checkpoint)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    own = Preprocessor.from_folder(path / "data" / "model")
    sides = [Preprocessor.from_folder(f / "data" / "model").input_size for f in folders]
    assert own.input_size == max(sides)
    pixel_values = own.normalize(torch.from_numpy(pixels))
    for folder, member in zip(folders, ensemble.members, strict=True):
        theirs = Preprocessor.from_folder(folder / "data" / "model")
        expected = theirs.normalize(torch.from_numpy(pixels))
        scale, shift = (torch.tensor(v).view(1, 3, 1, 1) for v in (member.scale, member.shift))
        torch.testing.assert_close(pixel_values * scale + shift, expected, rtol=1e-4, atol=1e-4)


def test_it_is_one_model_like_any_other(tmp_path: Path, images: list[str]) -> None:
    path, folders = write(tmp_path)
    folder = open_model_folder(path)
    assert folder.classes == CLASSES
    assert folder.card["family"] == "tintype_ensemble"
    assert folder.card["parameters"] == sum(
        open_model_folder(f).card["parameters"] for f in folders
    )
    export_onnx(path, tmp_path / "onnx")
    assert (tmp_path / "onnx" / "model.onnx").is_file()


def test_it_is_not_trained_further(tmp_path: Path) -> None:
    path, _ = write(tmp_path)
    checkpoint = open_model_folder(path).checkpoint
    with pytest.raises(CheckpointError, match="ensemble of 2 trained models"):
        load_classifier(checkpoint, classes=("a", "b"))
    with pytest.raises(CheckpointError, match="fine-tune a checkpoint that they came from"):
        load_classifier(checkpoint, learns=True)


@pytest.mark.parametrize(
    "change",
    [
        {"members": []},
        {"members": [{"weight": 1.0}]},
        {"members": None},
        {"id2label": {"0": "other"}},
    ],
)
def test_a_damaged_one_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path, _ = write(tmp_path)
    data = path / "data" / "model"
    config = json.loads((data / "config.json").read_text())
    (data / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(CheckpointError, match=r"ensemble|other classes"):
        load_classifier(resolve_checkpoint(str(data)))
