"""SigLIP and SigLIP 2: images and texts in one space, each label judged by itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from one_step import fine_tune_once
from pictures import noise, striped
from PIL import Image
from siglip import LENGTH, write_siglip

from tintype.errors import CheckpointError, UsageError
from tintype.images.preprocess import Preprocessor
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.classifier import load_classifier
from tintype.models.features import load_backbone
from tintype.models.tokenizer import TextTokenizer, write_tokenizer_file
from tintype.scoring import Scorer

IMAGES = [noise(40 + 9 * n, 80 - 7 * n, seed=n) for n in range(4)]
LABELS = ("a cat", "a dog", "a red can")
PROMPTS = [f"this is a photo of {label}." for label in LABELS]


def outputs_of(folder: Path, ids: torch.Tensor) -> Any:
    """transformers' own of IMAGES and token ids."""
    import transformers

    model = transformers.SiglipModel.from_pretrained(folder).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    inputs = processor([Image.fromarray(image) for image in IMAGES], return_tensors="pt")
    with torch.no_grad():
        return model(input_ids=ids, **inputs)


def ids_of(folder: Path, texts: list[str]) -> torch.Tensor:
    """transformers' own token ids, padded as the model card pads them."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    return tokenizer(texts, padding="max_length", return_tensors="pt")["input_ids"]


@pytest.mark.parametrize("runtime", ["torch", "openvino", "onnxruntime"])
def test_zero_shot_equals_transformers(tmp_path: Path, runtime: str) -> None:
    folder = write_siglip(tmp_path)
    scorer = Scorer.load(folder, runtime=runtime, precision="fp32")
    assert scorer.task == "zero_shot_image_classification"
    found = scorer.predict(IMAGES, labels=LABELS)
    expected = outputs_of(folder, ids_of(folder, PROMPTS)).logits_per_image.sigmoid().numpy()
    assert found[0].labels == LABELS
    probabilities = np.stack([prediction.probs for prediction in found])
    assert np.abs(probabilities - expected).max() < 1e-5
    assert np.ptp(expected) > 0.05, "the labels should differ"
    # Each label by itself: another one changes nothing.
    alone = scorer.predict(IMAGES[:1], labels=LABELS[:1])[0].probs
    assert np.abs(alone - probabilities[0, :1]).max() < 1e-6
    assert abs(float(probabilities[0].sum()) - 1) > 0.01


def test_prompts_and_capitals(tmp_path: Path) -> None:
    scorer = Scorer.load(write_siglip(tmp_path))
    by_template = [p.probs for p in scorer.predict(IMAGES, labels=["A CAT"])]
    plain = Scorer.load(tmp_path, prompt="{}")
    spelled = [p.probs for p in plain.predict(IMAGES, labels=["this is a photo of a cat."])]
    assert np.abs(np.subtract(by_template, spelled)).max() < 1e-6
    bare = [p.probs for p in plain.predict(IMAGES, labels=["a cat"])]
    assert np.abs(np.subtract(by_template, bare)).max() > 1e-3
    with pytest.raises(UsageError, match=f"reads at most {LENGTH}"):
        scorer.predict(IMAGES, labels=["zebra " * LENGTH])


@pytest.mark.parametrize("runtime", ["torch", "openvino", "onnxruntime"])
def test_embeddings_equal_transformers(tmp_path: Path, runtime: str) -> None:
    folder = write_siglip(tmp_path)
    outputs = outputs_of(folder, ids_of(folder, list(LABELS)))
    scorer = Scorer.load(folder, task="embeddings", runtime=runtime, precision="fp32")
    found = np.stack([embedding.features for embedding in scorer.predict(IMAGES)])
    assert np.abs(found - outputs.vision_model_output.pooler_output.numpy()).max() < 1e-4
    texts = scorer.embed_texts(LABELS)
    assert np.abs(texts - outputs.text_model_output.pooler_output.numpy()).max() < 1e-4
    mean = Scorer.load(folder, task="embeddings", pooling="mean", runtime=runtime, precision="fp32")
    found = np.stack([embedding.features for embedding in mean.predict(IMAGES)])
    expected = outputs.vision_model_output.last_hidden_state.mean(1).numpy()
    assert np.abs(found - expected).max() < 1e-4
    with pytest.raises(UsageError, match="expected auto or mean or projection"):
        Scorer.load(folder, task="embeddings", pooling="cls")


def test_bf16_is_read_piece_by_piece(tmp_path: Path) -> None:
    checkpoint = resolve_checkpoint(str(write_siglip(tmp_path)))
    whole = load_backbone(checkpoint, "projection").to(torch.bfloat16).state_dict()
    pieces = load_backbone(checkpoint, "projection", dtype=torch.bfloat16).state_dict()
    assert whole.keys() == pieces.keys()
    assert all(torch.equal(tensor, pieces[name]) for name, tensor in whole.items())


def test_a_tower_without_head_has_no_projection(tmp_path: Path) -> None:
    import transformers

    write_siglip(tmp_path / "whole")
    whole = transformers.SiglipModel.from_pretrained(tmp_path / "whole")
    config = whole.config.vision_config
    config.vision_use_head = False
    tower = transformers.SiglipVisionModel(config)
    tower.load_state_dict(whole.vision_model.state_dict(), strict=False)
    tower.save_pretrained(tmp_path / "tower")
    processor = tmp_path / "whole" / "preprocessor_config.json"
    shutil.copyfile(processor, tmp_path / "tower" / processor.name)
    found = Scorer.load(tmp_path / "tower").predict(IMAGES)
    mean = Scorer.load(tmp_path / "whole", task="embeddings", pooling="mean").predict(IMAGES)
    for mine, other in zip(found, mean, strict=True):
        assert np.abs(mine.features - other.features).max() < 1e-6


def test_the_first_ones_tokenizer(tmp_path: Path) -> None:
    # Held against transformers' own, which needs sentencepiece, over thousands of texts by hand.
    folder = write_siglip(tmp_path / "source", version=1)
    checkpoint = resolve_checkpoint(str(folder))
    write_tokenizer_file(checkpoint, tmp_path / "tokenizer.json")
    tokenizer = TextTokenizer(tmp_path / "tokenizer.json")
    # "▁" and the letters follow the three marks; words come after letters and digits.
    words = 3 + 1 + 26 + 10
    a, cat, dog = words, words + 1, words + 2
    end, unknown = [1], [2]
    texts = {
        "a cat": [a, cat],
        "  A   Cat. ": [a, cat],
        "a\tcat\n(dog)": [a, cat, dog],
        "a-cat": [a, 6, 4, 23],
        "a cat é": [a, cat, 3, *unknown],
        "▁a▁dog": [a, dog],
        "!?": [],
    }
    found = tokenizer.encode(list(texts))
    assert found.shape == (len(texts), LENGTH)
    for row, (text, ids) in zip(found.tolist(), texts.items(), strict=True):
        assert row == ids + end * (LENGTH - len(ids)), text


def test_the_first_one_classifies_zero_shot(tmp_path: Path) -> None:
    folder = write_siglip(tmp_path, version=1)
    checkpoint = resolve_checkpoint(str(folder))
    write_tokenizer_file(checkpoint, tmp_path / "ours.json")
    ids = TextTokenizer(tmp_path / "ours.json").encode(PROMPTS)
    expected = outputs_of(folder, torch.from_numpy(ids)).logits_per_image.sigmoid().numpy()
    found = np.stack([p.probs for p in Scorer.load(folder).predict(IMAGES, labels=LABELS)])
    assert np.abs(found - expected).max() < 1e-5


def test_tokenizers_that_are_missing_or_damaged(tmp_path: Path) -> None:
    folder = write_siglip(tmp_path / "damaged", version=1)
    (folder / "spiece.model").write_bytes(b"\xff" * 40)
    with pytest.raises(CheckpointError, match=r"no tokenizer: .*spiece\.model is damaged"):
        Scorer.load(folder).predict(IMAGES, labels=LABELS)
    (folder / "spiece.model").unlink()
    with pytest.raises(CheckpointError, match="no tokenizer"):
        Scorer.load(folder).predict(IMAGES, labels=LABELS)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match="is damaged"):
        TextTokenizer(tmp_path / "tokenizer.json")


@pytest.mark.parametrize(
    "parameters",
    [
        {"method": "full"},
        {"method": "lora", "image_width": 48, "image_height": 48},
        {"method": "head"},
        {"method": "head", "pooling": "projection"},
    ],
)
def test_fine_tuning(tmp_path: Path, parameters: dict[str, Any]) -> None:
    folder = write_siglip(tmp_path / "source")
    result = fine_tune_once(folder, tmp_path, **parameters)
    scorer = Scorer.load(result.model_folder)
    assert (scorer.task, scorer.classes) == ("image_classification", ("level", "upright"))
    probabilities = np.stack([p.probs for p in scorer.predict(IMAGES)])
    assert np.abs(probabilities.sum(1) - 1).max() < 1e-5


def test_a_head_learns_on_the_projection(tmp_path: Path) -> None:
    folder = write_siglip(tmp_path / "source")
    result = fine_tune_once(
        folder,
        tmp_path,
        method="head",
        pooling="projection",
        number_of_epochs=60,
        evaluation_frequency=20,
    )
    fresh = [striped(kind, 500 + n) for kind in (1, 0) for n in range(8)]
    found = np.stack([p.probs for p in Scorer.load(result.model_folder).predict(fresh)])
    assert (found.argmax(1) == np.repeat([0, 1], 8)).mean() >= 0.8


def test_another_image_size(tmp_path: Path) -> None:
    from transformers import SiglipForImageClassification

    folder = write_siglip(tmp_path)
    checkpoint = resolve_checkpoint(str(folder))
    model: Any = load_classifier(checkpoint, classes=("a", "b"), image_size=(64, 64), seed=1)
    plain: Any = load_classifier(checkpoint, classes=("a", "b"), seed=1)
    assert isinstance(model, SiglipForImageClassification)
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        # transformers interpolates in the forward pass, the same way.
        expected = plain(pixels, interpolate_pos_encoding=True).logits
        assert torch.allclose(model(pixels).logits, expected, atol=1e-5)
    with pytest.raises(CheckpointError, match="square images only"):
        load_classifier(checkpoint, classes=("a", "b"), image_size=(64, 32))


def test_clip_takes_another_image_size_too(tmp_path: Path) -> None:
    from checkpoints import write_clip

    checkpoint = resolve_checkpoint(str(write_clip(tmp_path)))
    model: Any = load_classifier(checkpoint, classes=("a", "b"), image_size=(64, 64), seed=1)
    plain: Any = load_classifier(checkpoint, classes=("a", "b"), seed=1)
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = plain(pixels, interpolate_pos_encoding=True).logits
        assert torch.allclose(model(pixels).logits, expected, atol=1e-5)


def test_it_can_be_evaluated_and_served(tmp_path: Path, class_folders: Path) -> None:
    import tintype

    folder = write_siglip(tmp_path / "siglip")
    evaluation = tintype.evaluate(folder, class_folders)
    assert np.isfinite(evaluation.metrics["log_loss"])
    assert Preprocessor.from_folder(folder).processor is None
    described = json.loads(json.dumps(Scorer.load(folder).describe()))
    assert described["task"] == "zero_shot_image_classification"
