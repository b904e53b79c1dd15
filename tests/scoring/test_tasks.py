"""Zero-shot classification and embeddings, against transformers' own processor and model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint, write_clip
from image_text import embedded_by_transformers
from pictures import encoded, noise
from PIL import Image
from siglip import write_siglip

from tintype.errors import CheckpointError, ImageError, ModelError, UsageError
from tintype.scoring import Embedding, Prediction, Scorer
from tintype.scoring.label_sets import MAX_LABELS, parse_labels

IMAGES = [noise(50 + n, 60, seed=n) for n in range(5)]
LABELS = ("a cat", "a red dog", "photo of can")
RUNTIMES = ("torch", "openvino", "onnxruntime")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip")


def clip_outputs(folder: Path, texts: tuple[str, ...]) -> Any:
    import transformers

    model = transformers.CLIPModel.from_pretrained(folder).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    pixels = processor([Image.fromarray(image) for image in IMAGES], return_tensors="pt")
    with torch.no_grad():
        return model(**tokenizer(list(texts), padding=True, return_tensors="pt"), **pixels)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("tokenizer_file", [True, False])
def test_zero_shot_equals_transformers(tmp_path: Path, runtime: str, tokenizer_file: bool) -> None:
    folder = write_clip(tmp_path, tokenizer_file=tokenizer_file)
    scorer = Scorer.load(folder, runtime=runtime, precision="fp32")
    assert scorer.task == "zero_shot_image_classification"
    found = scorer.predict(IMAGES, labels=LABELS)
    expected = clip_outputs(folder, LABELS).logits_per_image.softmax(-1).numpy()
    assert np.abs(np.stack([p.probs for p in found]) - expected).max() < 1e-4
    assert expected.std(0).max() > 1e-2, "the images should not all look alike to the model"
    assert found[0].labels == LABELS


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_clip_embeddings_equal_transformers(clip: Path, runtime: str) -> None:
    scorer = Scorer.load(clip, task="embeddings", runtime=runtime, precision="fp32")
    outputs = clip_outputs(clip, LABELS)
    features = np.stack([e.features for e in scorer.predict(IMAGES)])
    texts = scorer.embed_texts(LABELS)
    for found, expected in ((features, outputs.image_embeds), (texts, outputs.text_embeds)):
        assert np.abs(np.linalg.norm(found, axis=1) - 1).max() > 0.01, "not normalised by default"
        unit = found / np.linalg.norm(found, axis=1, keepdims=True)
        assert np.abs(unit - expected.numpy()).max() < 1e-4
    scaled = Scorer.load(clip, task="embeddings", normalize=True, runtime=runtime)
    assert np.allclose([np.linalg.norm(e.features) for e in scaled.predict(IMAGES)], 1, atol=1e-5)
    assert np.allclose(np.linalg.norm(scaled.embed_texts(LABELS), axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("write", [write_clip, write_siglip])
def test_long_and_strange_texts_are_those_of_the_processor(
    tmp_path: Path, write: Any, runtime: str
) -> None:
    folder = write(tmp_path)
    texts = ["a photo of a cat " * 30, "a " * 14, "a " * 15, " ", "a  red\n\tdog", "né 你好 🙂"]
    scorer = Scorer.load(folder, task="embeddings", runtime=runtime, precision="fp32")
    _, expected = embedded_by_transformers(folder, IMAGES[:1], texts)
    found = scorer.embed_texts(texts)
    assert (found.dtype, found.shape) == (np.float32, expected.shape)
    assert np.abs(found - expected).max() < 1e-4
    assert np.abs(expected[0] - expected[4]).max() > 1e-2, "the texts should not all look alike"


def test_texts_that_cannot_be_embedded(clip: Path) -> None:
    scorer = Scorer.load(clip, task="embeddings")
    for texts, message in (
        ([], "expected a list of texts"),
        ("a cat", "expected a list of texts"),
        (["a cat", None], "text 1: the text is NoneType"),
        (["a cat", "\ud800"], "text 1: the text has a lone surrogate"),
        (["x" * 20_001], "text 0: a text of 20001 characters; the limit is 20000"),
    ):
        with pytest.raises(UsageError, match=message):
            scorer.embed_texts(texts)  # type: ignore[arg-type]


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    ("family", "pooling"),
    [
        ("dinov2", "auto"),
        ("dinov2", "cls"),
        ("dinov2", "mean"),
        ("vit", "cls"),
        ("vit", "mean"),
        ("beit", "auto"),
        ("beit", "mean"),
        ("beit", "cls"),
        ("deit", "mean"),
        ("swin", "auto"),
        ("swinv2", "mean"),
        ("resnet", "auto"),
        ("convnext", "mean"),
    ],
)
def test_features_equal_transformers(
    tmp_path: Path, family: str, pooling: str, runtime: str
) -> None:
    from transformers import AutoImageProcessor, AutoModel

    folder = write_checkpoint(tmp_path, family)
    model = AutoModel.from_pretrained(folder).eval()
    processor = AutoImageProcessor.from_pretrained(folder)
    inputs = processor([Image.fromarray(image) for image in IMAGES], return_tensors="pt")
    with torch.no_grad():
        outputs = model(**inputs)
    states = outputs.last_hidden_state
    special = {"deit": 2}.get(family, 1)
    if family in ("swin", "swinv2", "resnet", "convnext") or (
        family == "beit" and pooling != "cls"
    ):
        expected = outputs.pooler_output.flatten(1)
    else:
        expected = states[:, special:].mean(1) if pooling == "mean" else states[:, 0]
    scorer = Scorer.load(
        folder, task="embeddings", pooling=pooling, runtime=runtime, precision="fp32"
    )
    found = np.stack([e.features for e in scorer.predict(IMAGES)])
    assert np.abs(found - expected.numpy()).max() < 1e-4
    assert found.dtype == np.float32


def test_a_backbone_without_head_gives_embeddings(tmp_path: Path) -> None:
    import transformers

    folder = write_checkpoint(tmp_path, "dinov2")
    with_head = Scorer.load(folder, task="embeddings").predict(IMAGES)
    transformers.Dinov2Model.from_pretrained(folder).save_pretrained(folder)
    scorer = Scorer.load(folder)
    assert scorer.task == "embeddings"
    result = scorer.predict(IMAGES)
    assert isinstance(result[0], Embedding)
    for mine, other in zip(result, with_head, strict=True):
        assert np.abs(mine.features - other.features).max() < 1e-6


def test_bf16_read_piece_by_piece_is_the_same_model(tmp_path: Path) -> None:
    from tintype.models.checkpoint import resolve_checkpoint
    from tintype.models.features import load_backbone

    for family in ("dinov2", "vit", "beit"):
        checkpoint = resolve_checkpoint(str(write_checkpoint(tmp_path / family, family)))
        whole = load_backbone(checkpoint, "cls").to(torch.bfloat16).state_dict()
        pieces = load_backbone(checkpoint, "cls", dtype=torch.bfloat16).state_dict()
        assert whole.keys() == pieces.keys()
        for name, tensor in whole.items():
            if "pooler" not in name or family == "beit":
                assert torch.equal(tensor, pieces[name]), name


# Labels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("can, carton,,jug ", ("can", "carton", "jug")),
        ("one", ("one",)),
        ('["trilobite, extinct", "jug"]', ("trilobite, extinct", "jug")),
        ("a [bracket], another", ("a [bracket]", "another")),
    ],
)
def test_labels_are_read(text: str, labels: tuple[str, ...]) -> None:
    assert parse_labels(text) == labels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "separated by commas"),
        (" , ,", "separated by commas"),
        ("[1, 2]", "must be text"),
        ('["a"', "begins like a JSON list"),
        (",".join(["x"] * (MAX_LABELS + 1)), "the limit is 1000"),
        ("y" * 501, "501 characters"),
    ],
)
def test_labels_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_labels(text)


def test_many_labels_are_refused_quickly() -> None:
    import time

    text = ",".join(f"label {n}" for n in range(100_000))
    start = time.thread_time()
    with pytest.raises(UsageError):
        parse_labels(text)
    assert time.thread_time() - start < 0.05


def test_a_prompt_is_a_template(clip: Path) -> None:
    plain = Scorer.load(clip).predict(IMAGES, labels=["a photo of a cat", "a photo of a dog"])
    templated = Scorer.load(clip, prompt="a photo of a {}").predict(IMAGES, labels=["cat", "dog"])
    assert templated[0].labels == ("cat", "dog")
    for first, second in zip(plain, templated, strict=True):
        assert np.abs(first.probs - second.probs).max() < 1e-6
    with pytest.raises(UsageError, match="must hold"):
        Scorer.load(clip, prompt="a photo")


def test_labels_are_embedded_once(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = Scorer.load(clip, labels=LABELS)
    encode, asked = scorer.text_encoder.encode, []

    def counted(texts: list[str]) -> np.ndarray:
        asked.append(list(texts))
        return encode(texts)

    monkeypatch.setattr(scorer.text_encoder, "encode", counted)
    scorer.predict(IMAGES)
    scorer.predict(IMAGES, labels=list(LABELS))
    assert asked == []
    scorer.predict(IMAGES, labels=["cat", "dog"])
    scorer.predict(IMAGES, labels=["cat", "dog"])
    assert asked == [["cat", "dog"]]


def test_labels_where_none_belong(clip: Path, vit_checkpoint: Path) -> None:
    with pytest.raises(UsageError, match="needs labels"):
        Scorer.load(clip).predict(IMAGES)
    with pytest.raises(UsageError, match="labels are for zero_shot"):
        Scorer.load(vit_checkpoint).predict(IMAGES, labels=["a", "b"])
    with pytest.raises(UsageError, match="labels and a prompt are for"):
        Scorer.load(vit_checkpoint, labels=["a", "b"])
    with pytest.raises(UsageError, match="reads at most 16"):
        Scorer.load(clip).predict(IMAGES, labels=["word " * 40])
    with pytest.raises(CheckpointError, match="cannot classify zero-shot"):
        Scorer.load(vit_checkpoint, task="zero-shot-image-classification")
    with pytest.raises(CheckpointError, match="no text tower"):
        Scorer.load(vit_checkpoint, task="embeddings").embed_texts(["x"])


@pytest.mark.parametrize(
    ("family", "pooling", "message"),
    [("vit", "projection", "expected auto or cls or mean"), ("swin", "cls", "auto or mean")],
)
def test_poolings_that_a_family_lacks(
    tmp_path: Path, family: str, pooling: str, message: str
) -> None:
    folder = write_checkpoint(tmp_path, family)
    with pytest.raises(UsageError, match=message):
        Scorer.load(folder, task="embeddings", pooling=pooling)


# Bad input ------------------------------------------------------------------------------------


def test_errors_item_by_item(clip: Path) -> None:
    scorer = Scorer.load(clip, labels=LABELS, batch_size=2)
    good = [encoded(image) for image in IMAGES]
    awkward = [good[0], b"", good[1], good[2][:80], b"not an image", good[3], good[4]]
    found = scorer.predict(awkward, errors="return")
    clean = scorer.predict([*good[:2], *good[3:]])
    kinds = [isinstance(result, ImageError) for result in found]
    assert kinds == [False, True, False, True, True, False, False]
    rest = [result for result in found if isinstance(result, Prediction)]
    for mine, expected in zip(rest, clean, strict=True):
        assert np.abs(mine.probs - expected.probs).max() < 1e-6
    assert [str(found[1]), str(found[4])[:12]] == ["the image is empty: 0 bytes", "not an image"]
    assert len(scorer.predict([b"", b"x", b""], errors="return")) == 3
    assert isinstance(scorer.predict([b""], errors="return")[0], ImageError)


@pytest.mark.parametrize("task", [None, "embeddings"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_nan_weights_are_a_typed_error(tmp_path: Path, task: str | None, precision: str) -> None:
    from safetensors.torch import load_file, save_file

    folder = write_checkpoint(tmp_path, "vit")
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if "layernorm" in name.lower())
    weights[name][0] = float("nan")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match="NaN or infinite"):
        Scorer.load(folder, task=task, precision=precision)


def test_outputs_that_are_nan_are_a_typed_error(
    vit_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer.load(vit_checkpoint)
    monkeypatch.setattr(
        scorer._runtime, "run", lambda pixels: np.full((len(pixels), 3), np.nan, np.float32)
    )
    with pytest.raises(ModelError, match="NaN"):
        scorer.predict(IMAGES)


def _edit_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


def test_a_label_count_that_disagrees(vit_checkpoint: Path) -> None:
    labels = {"0": "a", "1": "b", "2": "c", "3": "d"}
    _edit_config(vit_checkpoint, id2label=labels, label2id={n: int(c) for c, n in labels.items()})
    with pytest.raises(CheckpointError, match=r"names 4 labels, but classifier.*\[3"):
        Scorer.load(vit_checkpoint)


def test_an_unknown_family(vit_checkpoint: Path) -> None:
    _edit_config(vit_checkpoint, model_type="visionary", architectures=["VisionaryModel"])
    with pytest.raises(CheckpointError, match="visionary"):
        Scorer.load(vit_checkpoint)
    with pytest.raises(CheckpointError, match="visionary"):
        Scorer.load(vit_checkpoint, task="image_classification")


def test_weights_cut_off(vit_checkpoint: Path) -> None:
    path = vit_checkpoint / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged"):
        Scorer.load(vit_checkpoint)
