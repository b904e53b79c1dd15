"""DINOv3: backbones alone, whose processor transformers has for torchvision only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import enlarge_weights
from one_step import fine_tune_once
from pictures import noise, striped
from safetensors.torch import load_file

from tintype.errors import CheckpointError
from tintype.images.preprocess import Preprocessor
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.classifier import load_classifier
from tintype.models.features import load_backbone
from tintype.models.onnx_export import export_onnx
from tintype.scoring import Scorer

IMAGES = [noise(40 + 9 * n, 80 - 7 * n, seed=n) for n in range(4)]
MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]

# As the Hub's repositories have it, but for the size.
PROCESSOR = {
    "crop_size": None,
    "data_format": "channels_first",
    "default_to_square": True,
    "device": None,
    "do_center_crop": None,
    "do_convert_rgb": None,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": MEAN,
    "image_processor_type": "DINOv3ViTImageProcessorFast",
    "image_std": DEVIATION,
    "input_data_format": None,
    "resample": 2,
    "rescale_factor": 0.00392156862745098,
    "return_tensors": None,
    "size": {"height": 32, "width": 32},
}


def write_dinov3(folder: Path, family: str = "dinov3_vit") -> Path:
    """Save a random but always equal DINOv3 backbone in Hub format; returns `folder`."""
    import transformers

    with torch.random.fork_rng():
        torch.manual_seed(0)
        if family == "dinov3_vit":
            model: Any = transformers.DINOv3ViTModel(
                transformers.DINOv3ViTConfig(
                    hidden_size=32,
                    intermediate_size=64,
                    num_hidden_layers=2,
                    num_attention_heads=2,
                    image_size=32,
                    patch_size=8,
                    num_register_tokens=4,
                )
            )
        else:
            model = transformers.DINOv3ConvNextModel(
                transformers.DINOv3ConvNextConfig(
                    hidden_sizes=[8, 16, 16, 32],
                    depths=[1, 1, 1, 1],
                    image_size=32,
                    layer_scale_init_value=0.5,
                )
            )
        enlarge_weights(model, 0.15, but="token")
        model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    return folder


def processed(image: np.ndarray) -> torch.Tensor:
    """What DINOv3ViTImageProcessor does, step by step: rescale, resize, normalise."""
    values = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
    resized = torch.nn.functional.interpolate(
        values, (32, 32), mode="bilinear", antialias=True, align_corners=False
    )
    mean, deviation = (torch.tensor(numbers).view(1, 3, 1, 1) for numbers in (MEAN, DEVIATION))
    return (resized - mean) / deviation


def test_pixel_values_are_the_processors_up_to_a_level(tmp_path: Path) -> None:
    preprocessor = Preprocessor.from_folder(write_dinov3(tmp_path))
    assert preprocessor.processor is None, "should need no processor of transformers' own"
    level = 1 / 255 / min(DEVIATION)
    for height, width in [(50, 70), (70, 50), (33, 31), (1, 9), (300, 40), (32, 32), (375, 500)]:
        image = noise(height, width, seed=height)
        ours = preprocessor.normalize(torch.from_numpy(preprocessor.resize(image).copy())[None])
        # Pillow rounds twice, once for each direction.
        assert (ours - processed(image)).abs().max() <= level * 1.001, (height, width)
        assert (ours - processed(image)).abs().mean() <= level / 3
    plain = Preprocessor.from_folder(tmp_path).to_config()
    assert plain["image_processor_type"] == "ViTImageProcessor"
    assert plain["size"] == {"height": 32, "width": 32}


@pytest.mark.parametrize("runtime", ["torch", "openvino", "onnxruntime"])
@pytest.mark.parametrize(
    ("family", "pooling"),
    [
        ("dinov3_vit", "auto"),
        ("dinov3_vit", "cls"),
        ("dinov3_vit", "mean"),
        ("dinov3_convnext", "auto"),
    ],
)
def test_features_equal_transformers(
    tmp_path: Path, family: str, pooling: str, runtime: str
) -> None:
    from transformers import AutoModel

    folder = write_dinov3(tmp_path, family)
    scorer = Scorer.load(folder, pooling=pooling, runtime=runtime, precision="fp32")
    assert scorer.task == "embeddings"
    preprocessor = scorer.preprocessor
    resized = np.stack([preprocessor.resize(image) for image in IMAGES])
    with torch.no_grad():
        outputs = AutoModel.from_pretrained(folder).eval()(
            pixel_values=preprocessor.normalize(torch.from_numpy(resized))
        )
    expected = outputs.pooler_output
    if pooling == "mean":
        # [CLS] and four registers come first.
        assert outputs.last_hidden_state.shape[1] == 5 + 16
        expected = outputs.last_hidden_state[:, 5:].mean(1)
    found = np.stack([embedding.features for embedding in scorer.predict(IMAGES)])
    assert np.abs(found - expected.numpy()).max() < 1e-4


def test_names_of_weights_are_the_hubs(tmp_path: Path) -> None:
    # transformers renames them when it reads and writes; so must what reads them piece by piece.
    checkpoint = resolve_checkpoint(str(write_dinov3(tmp_path)))
    assert "layer.0.attention.q_proj.weight" in load_file(tmp_path / "model.safetensors")
    whole = load_backbone(checkpoint, "cls").to(torch.bfloat16).state_dict()
    pieces = load_backbone(checkpoint, "cls", dtype=torch.bfloat16).state_dict()
    assert all(torch.equal(tensor, pieces[name]) for name, tensor in whole.items())


@pytest.mark.parametrize(
    ("family", "parameters"),
    [
        ("dinov3_vit", {"method": "full", "layers_to_freeze": 1}),
        ("dinov3_vit", {"method": "lora"}),
        ("dinov3_vit", {"method": "head"}),
        ("dinov3_vit", {"method": "head", "pooling": "mean"}),
        ("dinov3_vit", {"method": "full", "image_width": 48, "image_height": 48}),
        ("dinov3_convnext", {"method": "full", "layers_to_freeze": 5}),
        ("dinov3_convnext", {"method": "head"}),
    ],
)
def test_fine_tuning(tmp_path: Path, family: str, parameters: dict[str, Any]) -> None:
    from transformers import AutoModel

    folder = write_dinov3(tmp_path / "source", family)
    result = fine_tune_once(folder, tmp_path, **parameters)
    scorer = Scorer.load(result.model_folder)
    assert (scorer.task, scorer.classes) == ("image_classification", ("level", "upright"))
    assert np.isfinite([p.probs for p in scorer.predict(IMAGES)]).all()
    before = AutoModel.from_pretrained(folder).state_dict()
    after = AutoModel.from_pretrained(resolve_checkpoint(str(result.model_folder)).folder)
    changed = {
        name for name, tensor in after.state_dict().items() if not torch.equal(tensor, before[name])
    }
    if parameters["method"] == "head":
        assert not changed
    elif parameters["method"] == "lora":
        assert changed == {n for n in before if "q_proj.weight" in n or "v_proj.weight" in n}
    elif family == "dinov3_vit":
        frozen = {name for name in changed if name.startswith("embeddings.")}
        assert changed
        assert bool(frozen) is ("layers_to_freeze" not in parameters)
    else:
        assert changed == {"layer_norm.weight", "layer_norm.bias"}


def test_a_head_learns_on_its_features(tmp_path: Path) -> None:
    folder = write_dinov3(tmp_path / "source")
    result = fine_tune_once(
        folder, tmp_path, method="head", number_of_epochs=60, evaluation_frequency=20
    )
    fresh = [striped(kind, 500 + n) for kind in (1, 0) for n in range(8)]
    found = np.stack([p.probs for p in Scorer.load(result.model_folder).predict(fresh)])
    assert (found.argmax(1) == np.repeat([0, 1], 8)).mean() >= 0.8
    assert export_onnx(result.model_folder, tmp_path / "onnx").is_file()


def test_a_backbone_alone_cannot_classify(tmp_path: Path) -> None:
    checkpoint = resolve_checkpoint(str(write_dinov3(tmp_path)))
    with pytest.raises(CheckpointError, match=r"dinov3_vit is a backbone\): fine-tune it"):
        load_classifier(checkpoint)
    model: Any = load_classifier(
        checkpoint, task="image_classification_multilabel", classes=("a", "b"), image_size=(64, 64)
    )
    assert model.config.problem_type == "multi_label_classification"
    with torch.no_grad():
        assert model(torch.randn(1, 3, 64, 64)).logits.shape == (1, 2)
