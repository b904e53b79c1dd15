"""Explainer: many at once, in the precision of the model, and pixels that were made elsewhere."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_checkpoint
from pictures import noise

import tintype
from tintype.errors import ImageError, UsageError
from tintype.explaining.explainer import Explainer
from tintype.explaining.methods import METHODS, valid_methods
from tintype.explaining.results import Explanation
from tintype.explaining.targets import Targets

IMAGES = [noise(40, 50, seed=seed) for seed in range(4)]


def test_threads_take_turns_and_scoring_goes_on(vit_checkpoint: Path) -> None:
    scorer = tintype.Scorer.load(vit_checkpoint)
    alone = scorer.predict(IMAGES)
    expected = scorer.explain(IMAGES, method="attention")
    explainer = Explainer(scorer)

    def both(number: int) -> tuple[Explanation, np.ndarray]:
        (found,) = explainer.explain([IMAGES[number]], "attention", Targets(scorer))
        return found, scorer.predict([IMAGES[number]])[0].probs

    with ThreadPoolExecutor(4) as pool:
        for number, (found, probabilities) in enumerate(pool.map(both, range(4))):
            assert np.allclose(probabilities, alone[number].probs, atol=1e-6)
            ours, theirs = found.attributions[0], expected[number].attributions[0]
            assert ours.label == theirs.label
            assert np.allclose(ours.values, theirs.values, atol=1e-5)


@pytest.mark.parametrize("family", ["vit", "resnet"])
def test_a_model_in_bf16_is_explained_as_in_fp32(tmp_path: Path, family: str) -> None:
    folder = write_checkpoint(tmp_path, family)
    exact = tintype.Scorer.load(folder, precision="fp32")
    scorer = tintype.Scorer.load(folder, precision="bf16")
    for method in valid_methods(scorer.checkpoint):
        if method.name in ("xrai", "rise"):
            continue
        ours, theirs = (
            each.explain(IMAGES[:1], method=method.name, n_steps=8, target="can")[0]
            for each in (scorer, exact)
        )
        both = [found.attributions[0].values.ravel() for found in (ours, theirs)]
        assert both[0].dtype == np.float32
        assert np.corrcoef(both)[0, 1] > 0.9, method.name


def test_an_image_that_cannot_be_read_disturbs_no_other(vit_checkpoint: Path) -> None:
    scorer = tintype.Scorer.load(vit_checkpoint)
    explainer, targets = Explainer(scorer), Targets(scorer)
    sources = [IMAGES[0], b"none", IMAGES[1]]
    found = list(explainer.stream(sources, METHODS["attention"], targets))
    assert [isinstance(each, Explanation) for each in found] == [True, False, True]
    with pytest.raises(ImageError):
        explainer.explain(sources, "attention", targets)


def test_pixels_that_were_resized_elsewhere_are_explained_as_they_are(
    vit_checkpoint: Path,
) -> None:
    scorer = tintype.Scorer.load(vit_checkpoint)
    explainer, targets = Explainer(scorer), Targets(scorer)
    pixels = explainer.pixels_of(IMAGES[0])
    pixels.flags.writeable = False
    found = explainer.explain_pixels(pixels, METHODS["integrated_gradients"], targets)
    (expected,) = scorer.explain(IMAGES[:1], method="integrated_gradients")
    assert (found.attributions[0].values == expected.attributions[0].values).all()


def test_a_picture_that_was_scored_already_is_not_scored_again(
    vit_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = tintype.Scorer.load(vit_checkpoint)
    explainer, targets = Explainer(scorer), Targets(scorer)
    pixels = explainer.pixels_of(IMAGES[0])
    outputs = scorer.run(pixels[None])[0]
    (expected,) = scorer.explain(IMAGES[:1], method="attention")
    monkeypatch.setattr(scorer, "run", None)
    found = explainer.explain_pixels(pixels, METHODS["attention"], targets, outputs=outputs)
    assert found.attributions[0].confidence == expected.attributions[0].confidence
    assert (found.attributions[0].values == expected.attributions[0].values).all()


@pytest.mark.parametrize("method", ["attention", "integrated_gradients", "guided_backprop"])
def test_attention_of_many_patches_is_fused_and_gives_the_same(
    vit_checkpoint: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    (expected,) = tintype.Scorer.load(vit_checkpoint).explain(IMAGES[:1], method=method)
    monkeypatch.setattr("tintype.explaining.gradient_network._MOST_PATCHES_STEP_BY_STEP", 3)
    (found,) = tintype.Scorer.load(vit_checkpoint).explain(IMAGES[:1], method=method)
    ours, theirs = (each.attributions[0].values for each in (found, expected))
    assert np.allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())


def test_settings_are_told_by_name(vit_checkpoint: Path) -> None:
    scorer = tintype.Scorer.load(vit_checkpoint)
    with pytest.raises(UsageError, match="n_steps"):
        scorer.explain(IMAGES, method="integrated_gradients", n_steps=1)
    with pytest.raises(UsageError, match="expected auto or one of"):
        scorer.explain(IMAGES, method="lime")
    assert scorer.explain([], method="auto") == []
