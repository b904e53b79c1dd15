"""What can be explained, task by task, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_checkpoint, write_clip
from pictures import noise

import tintype
from tintype.errors import ImageError, UsageError

IMAGES = [noise(40, 50, seed=seed) for seed in range(3)]


def test_the_likeliest_class_unless_labels_are_named(vit_checkpoint: Path) -> None:
    scorer = tintype.Scorer.load(vit_checkpoint)
    top = scorer.predict(IMAGES)
    found = scorer.explain(IMAGES, method="guided_backprop")
    for prediction, explanation in zip(top, found, strict=True):
        (attribution,) = explanation.attributions
        assert (attribution.label, pytest.approx(attribution.confidence)) == prediction.top(1)[0]
        assert explanation.pixels.shape == (32, 32, 3)
    named = scorer.explain(IMAGES[:1], method="guided_backprop", target=["carton", "can"])[0]
    assert [each.label for each in named.attributions] == ["carton", "can"]
    assert not np.allclose(named.attributions[0].values, named.attributions[1].values)
    with pytest.raises(UsageError, match=r"'cartn' is not one of the model's .*'carton'"):
        scorer.explain(IMAGES, target="cartn")


def test_several_labels_from_a_threshold_on(tmp_path: Path) -> None:
    scorer = tintype.Scorer.load(write_checkpoint(tmp_path, multilabel=True))
    (prediction,) = scorer.predict(IMAGES[:1])
    threshold = float(np.sort(prediction.probs)[1])

    def labels(at: float) -> list[str]:
        found = scorer.explain(
            IMAGES[:1], method="attention", confidence_score_threshold_multilabel=at
        )
        return [each.label for each in found[0].attributions]

    expected = [
        label
        for label, probability in zip(scorer.classes, prediction.probs, strict=True)
        if probability >= threshold
    ]
    assert labels(threshold) == expected and len(expected) == 2
    assert labels(1.0) == []


def test_zero_shot_labels_and_texts(tmp_path: Path) -> None:
    scorer = tintype.Scorer.load(write_clip(tmp_path))
    labels = ["a cat", "a red dog", "photo of can"]
    (prediction,) = scorer.predict(IMAGES[:1], labels=labels)
    (found,) = scorer.explain(IMAGES[:1], method="integrated_gradients", n_steps=4, labels=labels)
    (attribution,) = found.attributions
    assert (attribution.label, pytest.approx(attribution.confidence)) == prediction.top(1)[0]
    (found,) = scorer.explain(IMAGES[:1], method="occlusion", texts=["a cat"])
    assert found.attributions[0].label == "a cat"
    assert -1 <= found.attributions[0].confidence <= 1
    assert np.ptp(found.attributions[0].map) > 0
    with pytest.raises(UsageError, match="needs labels"):
        scorer.explain(IMAGES, method="attention")


def test_embeddings_say_what_the_likeness_is_asked_of(tmp_path: Path) -> None:
    scorer = tintype.Scorer.load(write_checkpoint(tmp_path / "dino", "dinov2"), task="embeddings")
    with pytest.raises(UsageError, match=r"--with OTHER\.jpg"):
        scorer.explain(IMAGES)
    with pytest.raises(UsageError, match="text tower"):
        scorer.explain(IMAGES, texts=["a cat"])
    with pytest.raises(ImageError, match="cannot read"):
        scorer.explain(IMAGES, like=str(tmp_path / "absent.jpg"))
    (itself,) = scorer.explain(IMAGES[:1], method="occlusion", like=IMAGES[0])
    assert itself.attributions[0].confidence == pytest.approx(1, abs=1e-5)
    clip = tintype.Scorer.load(write_clip(tmp_path / "clip"), task="embeddings", pooling="cls")
    with pytest.raises(UsageError, match="--pooling projection"):
        clip.explain(IMAGES, texts=["a cat"])


def test_classifiers_have_no_likeness(vit_checkpoint: Path) -> None:
    scorer = tintype.Scorer.load(vit_checkpoint)
    with pytest.raises(UsageError, match="give --task embeddings"):
        scorer.explain(IMAGES, like=IMAGES[1])
    with pytest.raises(UsageError, match="text tower"):
        scorer.explain(IMAGES, texts=["a cat"])
