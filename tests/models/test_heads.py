"""Heads of ours on a backbone: written, read, and the same in every runtime."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint
from pictures import striped, write_class_folders
from safetensors.torch import load_file, save_file
from torch import nn

from tintype.data import read_image_table
from tintype.errors import CheckpointError
from tintype.images.preprocess import Preprocessor
from tintype.models.backbone_classifier import new_backbone_classifier
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.classifier import load_classifier, scale_logits
from tintype.models.heads import MlpHead, NeighboursHead
from tintype.models.model_folder import open_model_folder, write_model_folder
from tintype.models.onnx_export import export_onnx
from tintype.schemas.finetuning import FinetuningParameters
from tintype.scoring import Scorer
from tintype.training import finetune

TASKS = ("image_classification", "image_classification_multilabel")
CLASSES = ("checks", "level", "upright")
PICTURES = [striped(kind, 700 + number) for kind in range(3) for number in range(4)]


def head_of_kind(kind: str, features: torch.Tensor, task: str) -> nn.Module:
    torch.manual_seed(1)
    if kind == "linear":
        head: nn.Module = nn.Linear(features.shape[1], 3)
    elif kind == "mlp":
        head = MlpHead(features.shape[1], 7, 3)
    else:
        labels = torch.eye(3)[torch.arange(len(features)) % 3]
        head = NeighboursHead(features, labels, 5, multilabel=task == TASKS[1])
    return head


def write_folder(root: Path, kind: str, task: str = TASKS[0], family: str = "vit") -> Path:
    """A model folder of a small backbone with a head of `kind`."""
    source = resolve_checkpoint(str(write_checkpoint(root / "source", family)))
    embedder = Scorer.load(source.folder, task="embeddings", runtime="torch", precision="fp32")
    known = [striped(n % 3, n) for n in range(30)]
    features = torch.tensor(np.stack([row.features for row in embedder.predict(known)]))
    model = new_backbone_classifier(
        source,
        "auto",
        task=task,  # type: ignore[arg-type]
        classes=CLASSES,
        head=head_of_kind(kind, features, task),
    )
    folder = write_model_folder(
        root / "model",
        model=model,  # type: ignore[arg-type]
        preprocessor=Preprocessor.from_folder(source.folder),
        task=task,  # type: ignore[arg-type]
        classes=CLASSES,
        card={},
    )
    return folder.path


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", ["linear", "mlp", "neighbours"])
def test_every_kind_answers_alike_everywhere(tmp_path: Path, kind: str, task: str) -> None:
    path = write_folder(tmp_path, kind, task)
    data = open_model_folder(path).checkpoint.folder
    settings = json.loads((data / "config.json").read_text())["tintype_head"]
    assert settings["kind"] == kind
    answers = {}
    for runtime in ("torch", "openvino", "onnxruntime"):
        scorer = Scorer.load(path, runtime=runtime, precision="fp32")
        answers[runtime] = np.stack([row.probs for row in scorer.predict(PICTURES)])
        # One image by itself as in a batch of many.
        alone = scorer.predict(PICTURES[:1])[0].probs
        assert alone == pytest.approx(answers[runtime][0], abs=1e-5)
    assert answers["openvino"] == pytest.approx(answers["torch"], abs=2e-4)
    assert answers["onnxruntime"] == pytest.approx(answers["torch"], abs=2e-4)
    # What was built says what is served.
    embedder = Scorer.load(
        tmp_path / "source", task="embeddings", runtime="torch", precision="fp32"
    )
    features = torch.tensor(np.stack([row.features for row in embedder.predict(PICTURES)]))
    known = [striped(n % 3, n) for n in range(30)]
    bank = torch.tensor(np.stack([row.features for row in embedder.predict(known)]))
    with torch.no_grad():
        logits = head_of_kind(kind, bank, task)(features)
    expected = logits.softmax(1) if task == TASKS[0] else logits.sigmoid()
    assert answers["torch"] == pytest.approx(expected.numpy(), abs=2e-4)
    low = Scorer.load(path, runtime="torch", precision="bf16")
    rounded = np.stack([row.probs for row in low.predict(PICTURES)])
    assert np.abs(rounded - answers["torch"]).mean() < 0.05
    if kind != "linear":
        assert export_onnx(path, tmp_path / "onnx").is_file()


@pytest.mark.parametrize("kind", ["mlp", "neighbours"])
def test_logits_of_every_kind_can_be_scaled_and_written(tmp_path: Path, kind: str) -> None:
    model = load_classifier(open_model_folder(write_folder(tmp_path, kind)).checkpoint)
    pixels = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        before = model(pixel_values=pixels).logits
        assert scale_logits(model, 0.25)
        assert torch.allclose(model(pixel_values=pixels).logits, before * 0.25, atol=1e-5)
    model.save_pretrained(tmp_path / "scaled")
    shutil.copy(tmp_path / "source" / "preprocessor_config.json", tmp_path / "scaled")
    again = load_classifier(resolve_checkpoint(str(tmp_path / "scaled")))
    with torch.no_grad():
        assert torch.allclose(again(pixel_values=pixels).logits, before * 0.25, atol=1e-5)


def test_folders_from_before_there_were_kinds_are_linear(tmp_path: Path) -> None:
    folder = shutil.copytree(
        open_model_folder(write_folder(tmp_path, "linear")).checkpoint.folder, tmp_path / "old"
    )
    before = load_classifier(resolve_checkpoint(str(folder)))
    config = json.loads((folder / "config.json").read_text())
    assert (folder / "linear_head.safetensors").is_file()
    config["tintype_head"] = {"pooling": config["tintype_head"]["pooling"]}
    (folder / "config.json").write_text(json.dumps(config))
    old = load_classifier(resolve_checkpoint(str(folder)))
    assert torch.equal(old.classifier.weight, before.classifier.weight)


def test_known_images_take_two_bytes_a_feature(tmp_path: Path) -> None:
    folder = open_model_folder(write_folder(tmp_path, "neighbours")).checkpoint.folder
    tensors = load_file(folder / "neighbours_head.safetensors")
    assert tensors["bank"].dtype == torch.float16
    assert tensors["labels"].dtype == torch.uint8


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("mlp", {"kind": "../../mlp"}, "has the kind '../../mlp'; expected one of linear, mlp"),
        ("neighbours", {"neighbours": 31}, "31 neighbours of 30 known images"),
        ("neighbours", {"neighbours": "5"}, "neighbours '5': expected a whole number"),
        ("mlp", {"kind": "neighbours"}, "its head cannot be used"),
    ],
)
def test_wrong_settings_are_told(
    tmp_path: Path, kind: str, change: dict[str, object], message: str
) -> None:
    folder = open_model_folder(write_folder(tmp_path, kind)).checkpoint.folder
    config = json.loads((folder / "config.json").read_text())
    config["tintype_head"] |= change
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=message):
        load_classifier(resolve_checkpoint(str(folder)))


@pytest.mark.parametrize("kind", ["linear", "mlp", "neighbours"])
def test_damaged_heads_are_told(tmp_path: Path, kind: str) -> None:
    folder = open_model_folder(write_folder(tmp_path, kind)).checkpoint.folder
    path = folder / f"{kind}_head.safetensors"
    tensors = load_file(path)
    name = {"linear": "weight", "mlp": "output.weight", "neighbours": "bank"}[kind]
    whole = dict(tensors)
    tensors[name] = torch.full_like(whole[name], torch.nan)
    save_file(tensors, path)
    with pytest.raises(CheckpointError, match=f"{name} holds numbers that are NaN"):
        load_classifier(resolve_checkpoint(str(folder)))
    tensors[name] = whole[name][:, :-1].contiguous()
    save_file(tensors, path)
    with pytest.raises(CheckpointError, match=f"{name} has the shape"):
        load_classifier(resolve_checkpoint(str(folder)))
    del tensors[name]
    save_file(tensors, path)
    with pytest.raises(CheckpointError, match=f"lacks '{name}'"):
        load_classifier(resolve_checkpoint(str(folder)))
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(CheckpointError, match="its head cannot be used"):
        load_classifier(resolve_checkpoint(str(folder)))


@pytest.mark.parametrize("kind", ["mlp", "neighbours"])
@pytest.mark.parametrize("method", ["full", "lora", "head"])
def test_fine_tuning_from_every_kind(tmp_path: Path, kind: str, method: str) -> None:
    """An MLP goes on where it stands; neighbours, which cannot, give way to a linear layer."""
    folder = write_folder(tmp_path, kind)
    table = read_image_table(write_class_folders(tmp_path / "pictures", classes=3, per_class=8))
    events: list[dict[str, object]] = []
    result = finetune(
        checkpoint=str(folder),
        train=table,
        task="image_classification",
        parameters=FinetuningParameters(
            method=method, max_steps=4, precision="32", apply_augmentations=False
        ),
        output_folder=tmp_path / "out",
        log=events.append,
    )
    notices = [str(event["message"]) for event in events if event["event"] == "notice"]
    config = json.loads(
        (open_model_folder(result.model_folder).checkpoint.folder / "config.json").read_text()
    )
    assert config["tintype_head"]["kind"] == ("mlp" if kind == "mlp" else "linear")
    assert any("nearest neighbours, which cannot" in said for said in notices) == (
        kind == "neighbours"
    )
    assert Scorer.load(result.model_folder).predict(PICTURES[:1])[0].probs.shape == (3,)
