from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import FAMILIES, write_checkpoint
from safetensors.torch import load_file, save_file

from tintype.errors import CheckpointError
from tintype.images.preprocess import Preprocessor
from tintype.models.backbone_classifier import new_backbone_classifier
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.classifier import head_features, head_of, labels_of, load_classifier
from tintype.models.scratch import SCRATCH_NAMES


@pytest.mark.parametrize("family", FAMILIES)
def test_own_head_is_kept_and_other_classes_get_a_new_one(tmp_path: Path, family: str) -> None:
    checkpoint = resolve_checkpoint(str(write_checkpoint(tmp_path, family)))
    pixels = torch.randn(2, 3, 32, 32)
    own = load_classifier(checkpoint)
    assert labels_of(own) == ("can", "carton", "jug")
    same = load_classifier(checkpoint, classes=("can", "carton", "jug"))
    new, again, other = (
        load_classifier(checkpoint, classes=("a", "b", "c", "d"), seed=seed) for seed in (1, 1, 2)
    )
    with torch.no_grad():
        assert torch.equal(own(pixels).logits, same(pixels).logits)
        assert new(pixels).logits.shape == (2, 4)
        assert torch.equal(new(pixels).logits, again(pixels).logits)
        assert not torch.equal(new(pixels).logits, other(pixels).logits)
        assert torch.equal(head_features(own, pixels), head_features(new, pixels))
        assert torch.allclose(head_of(own)(head_features(own, pixels)), own(pixels).logits)


@pytest.mark.parametrize("family", FAMILIES)
def test_another_image_size(tmp_path: Path, family: str) -> None:
    checkpoint = resolve_checkpoint(str(write_checkpoint(tmp_path, family)))
    model = load_classifier(checkpoint, image_size=(64, 64))
    with torch.no_grad():
        assert model(torch.randn(1, 3, 64, 64)).logits.shape == (1, 3)


@pytest.mark.parametrize("family", ["vit", "beit", "dinov2", "resnet"])
def test_a_linear_head_at_another_image_size(tmp_path: Path, family: str) -> None:
    source = resolve_checkpoint(str(write_checkpoint(tmp_path / "source", family)))
    new = new_backbone_classifier(
        source, "auto", task="image_classification", classes=("a", "b"), image_size=(64, 64)
    )
    torch.nn.init.normal_(new.classifier.weight)
    new.save_pretrained(tmp_path / "saved")
    (tmp_path / "saved" / "preprocessor_config.json").write_bytes(
        (source.folder / "preprocessor_config.json").read_bytes()
    )
    saved = load_classifier(resolve_checkpoint(str(tmp_path / "saved")))
    pixels = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(saved(pixels).logits, new(pixels).logits, atol=1e-5)
    smaller = load_classifier(resolve_checkpoint(str(tmp_path / "saved")), image_size=(32, 32))
    with torch.no_grad():
        assert smaller(pixels[:, :, :32, :32]).logits.shape == (1, 2)


@pytest.mark.parametrize("family", ["vit", "beit"])
def test_interpolated_positions_stay_smooth(tmp_path: Path, family: str) -> None:
    checkpoint = resolve_checkpoint(str(write_checkpoint(tmp_path, family)))
    suffix = "position_embeddings" if family == "vit" else "relative_position_bias_table"
    small, large = load_classifier(checkpoint), load_classifier(checkpoint, image_size=(64, 64))
    name = next(name for name, _ in small.named_parameters() if name.endswith(suffix))
    before, after = small.get_parameter(name).detach(), large.get_parameter(name).detach()
    assert after.numel() > before.numel()
    assert abs(float(after.mean() - before.mean())) < 0.02
    special = (before[:, :1], after[:, :1]) if family == "vit" else (before[-3:], after[-3:])
    assert torch.equal(*special)


def test_a_backbone_alone_gets_a_head(tmp_path: Path) -> None:
    import transformers
    from checkpoints import VIT

    transformers.Dinov2Model(transformers.Dinov2Config(**VIT)).save_pretrained(tmp_path)
    model = load_classifier(resolve_checkpoint(str(tmp_path)), classes=("a", "b"))
    with torch.no_grad():
        assert model(torch.randn(1, 3, 32, 32)).logits.shape == (1, 2)
    with pytest.raises(CheckpointError, match="no trained classification head"):
        load_classifier(resolve_checkpoint(str(tmp_path)))


def test_multilabel_is_said_in_the_config(tmp_path: Path) -> None:
    checkpoint = resolve_checkpoint(str(write_checkpoint(tmp_path)))
    model = load_classifier(checkpoint, task="image_classification_multilabel", classes=("a", "b"))
    assert model.config.problem_type == "multi_label_classification"
    assert model.config.id2label == {0: "a", 1: "b"}


def test_weights_that_are_missing_or_damaged(tmp_path: Path) -> None:
    good = write_checkpoint(tmp_path / "good")
    gap = Path(shutil.copytree(good, tmp_path / "gap"))
    tensors = load_file(gap / "model.safetensors")
    lost = next(name for name in tensors if "layer.1" in name or "layers.1" in name)
    del tensors[lost]
    save_file(tensors, gap / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match="lacks 1 weights"):
        load_classifier(resolve_checkpoint(str(gap)))
    cut = Path(shutil.copytree(good, tmp_path / "cut"))
    data = (cut / "model.safetensors").read_bytes()
    (cut / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        load_classifier(resolve_checkpoint(str(cut)))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/no/such/folder", "no such folder"),
        ("./no-such-folder", "no such folder"),
        ("a/b/c", "no such folder"),
        ("google/vit-base-patch16-224", "offline"),
    ],
)
def test_names_that_lead_nowhere(name: str, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        resolve_checkpoint(name)


def test_folders_that_are_no_checkpoints(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        resolve_checkpoint(str(tmp_path))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot read"):
        resolve_checkpoint(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="names no model_type"):
        resolve_checkpoint(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit"}))
    with pytest.raises(CheckpointError, match=r"has no model\.safetensors"):
        resolve_checkpoint(str(tmp_path))
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin, a pickle.*save_pretrained"):
        resolve_checkpoint(str(tmp_path))


@pytest.mark.parametrize("name", SCRATCH_NAMES)
def test_scratch_names_need_no_network(name: str) -> None:
    checkpoint = resolve_checkpoint(name)
    assert checkpoint.from_scratch
    assert resolve_checkpoint(name).weights_digest == checkpoint.weights_digest
    model = load_classifier(checkpoint, classes=("a", "b"), image_size=(32, 32))
    preprocessor = Preprocessor.from_folder(checkpoint.folder).with_size(32, 32)
    pixels = preprocessor.normalize(torch.zeros(1, 32, 32, 3, dtype=torch.uint8))
    assert np.isfinite(model(pixels).logits.detach().numpy()).all()
