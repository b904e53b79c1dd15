"""timm's checkpoints. What runs their networks is skipped where timm cannot be imported."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from one_step import fine_tune_once
from pictures import noise
from PIL import Image
from safetensors.torch import save_file

from tintype.cli.main import _run
from tintype.errors import CheckpointError
from tintype.images.preprocess import Preprocessor
from tintype.models.catalog import find_card
from tintype.models.checkpoint import check_obtainable, resolve_checkpoint
from tintype.models.classifier import load_classifier
from tintype.models.features import pooling_for
from tintype.scoring import Scorer

# Of sizes at which torchvision's crop is not a pixel aside.
IMAGES = [noise(240, 320, seed=0), noise(300, 200, seed=1), noise(210, 300, seed=2)]

# As the Hub's config.json have it, for the keys that are read.
VIT: dict[str, Any] = {
    "architecture": "test_vit",
    "num_classes": 1000,
    "num_features": 64,
    "global_pool": "token",
    "pretrained_cfg": {
        "tag": "r160_in1k",
        "custom_load": False,
        "input_size": [3, 160, 160],
        "fixed_input_size": True,
        "interpolation": "bicubic",
        "crop_pct": 0.95,
        "crop_mode": "center",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "num_classes": 1000,
        "pool_size": None,
        "first_conv": "patch_embed.proj",
        "classifier": "head",
    },
}
CONVNEXT: dict[str, Any] = {
    **VIT,
    "architecture": "test_convnext",
    "global_pool": "avg",
    "pretrained_cfg": {**VIT["pretrained_cfg"], "fixed_input_size": False},
}


def _timm_runs() -> bool:
    try:
        import timm  # noqa: F401
    except Exception:
        return False
    return True


needs_timm = pytest.mark.skipif(not _timm_runs(), reason="timm cannot be imported")


def write_config(folder: Path, config: dict[str, Any], **pretraining: Any) -> Path:
    """Write config.json and weights of no meaning; returns `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {**config, "pretrained_cfg": {**config["pretrained_cfg"], **pretraining}}
    (folder / "config.json").write_text(json.dumps(content))
    save_file({"head.weight": torch.zeros(2, 2)}, folder / "model.safetensors", {"format": "pt"})
    return folder


def write_timm(folder: Path, config: dict[str, Any]) -> Path:
    """Save a random but always equal network as timm publishes it; returns `folder`."""
    import timm

    write_config(folder, config)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = timm.create_model(config["architecture"], num_classes=config["num_classes"])
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


# Reading ----------------------------------------------------------------------------------------


def test_its_config_is_read_without_timm(tmp_path: Path) -> None:
    checkpoint = resolve_checkpoint(str(write_config(tmp_path / "vit", VIT)))
    assert checkpoint.family == "timm_wrapper"
    assert checkpoint.default_task() == "image_classification"
    assert pooling_for(checkpoint) == "cls"
    # The number of classes of CLIP's and PE's towers is the width of their projection.
    tower = {**CONVNEXT, "num_classes": 512}
    checkpoint = resolve_checkpoint(str(write_config(tmp_path / "tower", tower)))
    assert checkpoint.default_task() == "embeddings"
    assert pooling_for(checkpoint) == "mean"


@pytest.mark.parametrize(
    ("pretraining", "resized", "cropped"),
    [
        # floor(160 / 0.95) is 168; the longer side of 400 x 300 is 224.
        ({}, (168, 224), (160, 160)),
        ({"crop_pct": 1.0}, (160, 213), (160, 160)),
        ({"crop_pct": None, "input_size": [3, 224, 224]}, (256, 341), (224, 224)),
        ({"crop_mode": "squash", "crop_pct": 1.0}, (160, 160), (160, 160)),
        ({"crop_mode": "squash", "crop_pct": 0.8}, (200, 200), (160, 160)),
        ({"interpolation": "bilinear", "crop_mode": None}, (168, 224), (160, 160)),
    ],
)
def test_its_preprocessing_is_a_plain_processors(
    tmp_path: Path,
    pretraining: dict[str, Any],
    resized: tuple[int, int],
    cropped: tuple[int, int],
) -> None:
    preprocessor = Preprocessor.from_folder(write_config(tmp_path, VIT, **pretraining))
    assert preprocessor.processor is None, "should need no processor of transformers' own"
    image = noise(300, 400)
    bilinear = pretraining.get("interpolation") == "bilinear"
    kernel = Image.Resampling.BILINEAR if bilinear else Image.Resampling.BICUBIC
    whole = np.asarray(Image.fromarray(image).resize((resized[1], resized[0]), kernel))
    top, left = (resized[0] - cropped[0]) // 2, (resized[1] - cropped[1]) // 2
    expected = whole[top : top + cropped[0], left : left + cropped[1]]
    assert preprocessor.input_size == cropped
    assert np.array_equal(preprocessor.resize(image), expected)
    normalized = preprocessor.normalize(torch.from_numpy(expected.copy())[None]).numpy()
    by_hand = (expected.transpose(2, 0, 1)[None] / 255 - 0.5) / 0.5
    assert np.abs(normalized - by_hand).max() < 1e-6


@pytest.mark.parametrize(
    ("pretraining", "message"),
    [
        ({"crop_mode": "border"}, "crops by the mode 'border'"),
        ({"input_size": [3, 160, 320]}, "'center' to 320 x 160 pixels"),
        ({"input_size": [1, 160, 160]}, "1 channels; expected RGB"),
        ({"interpolation": "random"}, "resizes by 'random'; known are nearest, bilinear"),
    ],
)
def test_preprocessing_that_is_another(
    tmp_path: Path, pretraining: dict[str, Any], message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        Preprocessor.from_folder(write_config(tmp_path, VIT, **pretraining))


# Without timm -----------------------------------------------------------------------------------


@pytest.mark.parametrize("installed", [False, True])
def test_without_timm_it_is_said_what_to_install(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    installed: bool,
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    if installed:
        # As with a torchvision that was built for another torch.
        broken = tmp_path / "timm"
        broken.mkdir()
        text = "raise RuntimeError('operator torchvision::nms does not exist')\n"
        (broken / "__init__.py").write_text(text)
        monkeypatch.delitem(sys.modules, "timm")
        monkeypatch.syspath_prepend(str(tmp_path))
        assert importlib.util.find_spec("timm") is not None
    said = r"timm cannot be imported \(.*(nms|None).*\): pip install 'tintype\[timm\]', with a "
    said += r"torchvision of the same build as torch.*CPU build comes without torchvision"
    folder = write_config(tmp_path / "model", VIT)
    for attempt in (
        lambda: resolve_checkpoint("timm/test_vit.r160_in1k"),
        lambda: check_obtainable("timm/test_vit.r160_in1k"),
        lambda: load_classifier(resolve_checkpoint(str(folder))),
        lambda: Scorer.load(folder),
        lambda: Scorer.load(folder, task="embeddings"),
        lambda: fine_tune_once(folder, tmp_path),
    ):
        with pytest.raises(CheckpointError, match=said):
            attempt()
    for command in (["model", "show", "timm/x.y"], ["predict", "-m", "timm/x.y", "photo.jpg"]):
        assert _run(command) == CheckpointError.exit_code
        assert "pip install 'tintype[timm]'" in " ".join(capsys.readouterr().err.split())


def test_perception_encoder_is_had_through_timm() -> None:
    for name in ("facebook/PE-Core-B16-224", "facebook/PE-Core-L14-336"):
        with pytest.raises(
            CheckpointError, match=r"is 'timm/vit_pe_core_(base|large)_patch.*\.fb'"
        ):
            resolve_checkpoint(name)
    card = find_card("timm/vit_pe_core_base_patch16_224.fb")
    assert card is not None
    assert (card.family, card.task, card.features) == ("timm_wrapper", "embeddings", 768)


# With timm --------------------------------------------------------------------------------------


@needs_timm
@pytest.mark.parametrize("config", [VIT, CONVNEXT], ids=["vit", "convnext"])
@pytest.mark.parametrize("runtime", ["torch", "openvino", "onnxruntime"])
def test_it_equals_timm(tmp_path: Path, config: dict[str, Any], runtime: str) -> None:
    import timm
    from safetensors.torch import load_file

    folder = write_timm(tmp_path, config)
    model = timm.create_model(config["architecture"], num_classes=1000).eval()
    model.load_state_dict(load_file(folder / "model.safetensors"))
    data = timm.data.resolve_data_config(config["pretrained_cfg"])
    transform = timm.data.create_transform(**data, is_training=False)
    pixels = torch.stack([transform(Image.fromarray(image)) for image in IMAGES])
    with torch.no_grad():
        logits = model(pixels)
        features = model.forward_head(model.forward_features(pixels), pre_logits=True)
    scorer = Scorer.load(folder, runtime=runtime, precision="fp32")
    found = np.stack([prediction.probs for prediction in scorer.predict(IMAGES)])
    assert np.abs(found - logits.softmax(-1).numpy()).max() < 1e-4
    assert scorer.classes[:2] == ("tench, Tinca tinca", "goldfish, Carassius auratus")
    embedder = Scorer.load(folder, task="embeddings", runtime=runtime, precision="fp32")
    found = np.stack([embedding.features for embedding in embedder.predict(IMAGES)])
    assert np.abs(found - features.numpy()).max() < 1e-3


@needs_timm
@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (VIT, {"method": "full", "layers_to_freeze": 2}),
        (VIT, {"method": "lora"}),
        (VIT, {"method": "head"}),
        (VIT, {"method": "head", "pooling": "cls"}),
        (CONVNEXT, {"method": "full", "image_width": 96, "image_height": 96}),
        (CONVNEXT, {"method": "full", "layers_to_freeze": 1}),
        (CONVNEXT, {"method": "head", "pooling": "mean"}),
    ],
)
def test_fine_tuning(tmp_path: Path, config: dict[str, Any], parameters: dict[str, Any]) -> None:
    folder = write_timm(tmp_path / "source", config)
    result = fine_tune_once(folder, tmp_path, **parameters)
    scorer = Scorer.load(result.model_folder)
    assert (scorer.task, scorer.classes) == ("image_classification", ("level", "upright"))
    assert np.isfinite([p.probs for p in scorer.predict(IMAGES)]).all()
    side = parameters.get("image_width", 160)
    assert scorer.preprocessor.input_size == (side, side)


@needs_timm
def test_a_vit_of_timms_takes_one_size(tmp_path: Path) -> None:
    folder = write_timm(tmp_path / "source", VIT)
    with pytest.raises(CheckpointError, match="takes images of 160 x 160 pixels only"):
        fine_tune_once(folder, tmp_path, image_width=96, image_height=96)
