"""Deletion and insertion on a model whose answer is known, and the method that is chosen by them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_checkpoint
from pictures import noise

import tintype
from tintype.explaining.automatic import choose_method
from tintype.explaining.faithfulness import measure_faithfulness, random_map
from tintype.explaining.methods import valid_methods
from tintype.explaining.targets import Targets
from tintype.schemas.explanation import ExplanationOptions

BLACK = np.zeros(3, np.uint8)


def bright_square() -> np.ndarray:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[10:20, 10:20] = 255
    return pixels


def brightness(images: np.ndarray) -> np.ndarray:
    """How much of a white square of 100 pixels is there."""
    return (images[..., 0].astype(np.float32).sum((1, 2)) / (100 * 255)).astype(np.float32)


def test_the_areas_of_a_map_that_is_right_and_of_one_that_is_wrong() -> None:
    pixels = bright_square()
    right = pixels[..., 0].astype(float)
    found = measure_faithfulness(right, pixels, brightness, BLACK, steps=16)
    # The square is one sixteenth of the image: the first step takes all of it.
    assert found.shares[:2].tolist() == [0, 1 / 16]
    assert found.deletion[:2].tolist() == [1, 0]
    assert found.deletion_area == pytest.approx(1 / 32)
    assert found.insertion[-1] == pytest.approx(1)
    wrong = measure_faithfulness(-right, pixels, brightness, BLACK, steps=16)
    assert wrong.deletion_area == pytest.approx(1 - 1 / 32)
    assert found.score > 0.9 > 0 > wrong.score - 0.5
    chance = measure_faithfulness(random_map((40, 40)), pixels, brightness, BLACK, steps=16)
    assert chance.deletion_area == pytest.approx(0.5, abs=0.1)
    assert wrong.score < chance.score < found.score


def test_batches_change_nothing() -> None:
    pixels = noise(24, 24)
    order = random_map((24, 24), seed=3)
    both = [
        measure_faithfulness(order, pixels, brightness, BLACK, batch_size=size) for size in (3, 64)
    ]
    assert (both[0].deletion == both[1].deletion).all()
    assert (both[0].insertion == both[1].insertion).all()


def test_auto_takes_the_best_by_insertion_less_deletion(tmp_path: Path) -> None:
    scorer = tintype.Scorer.load(write_checkpoint(tmp_path, "resnet"))
    options = ExplanationOptions.of(n_steps=2, masks=16, window=0.5)
    images = [scorer.explainer.pixels_of(noise(40, 50, seed=seed)) for seed in range(6)]
    choice = choose_method(scorer.explainer, images, Targets(scorer), options=options, seconds=100)
    scores = {tried.method: tried.score for tried in choice.tried}
    assert set(scores) == {method.name for method in valid_methods(scorer.checkpoint)}
    assert scores[choice.method.name] == max(scores.values())  # type: ignore[type-var]
    assert choice.images == 4
    tried = choice.tried[0]
    assert tried.score == pytest.approx(tried.insertion - tried.deletion, abs=2e-4)  # type: ignore[operator]


def test_auto_leaves_out_what_the_time_does_not_allow(vit_checkpoint: Path) -> None:
    scorer = tintype.Scorer.load(vit_checkpoint)
    images = [scorer.explainer.pixels_of(noise(40, 50))]
    choice = choose_method(scorer.explainer, images, Targets(scorer), seconds=0)
    first, *others = choice.tried
    assert choice.method.name == first.method == "attention_rollout"
    assert all("0 s were left" in each.left_out and each.score is None for each in others)
    assert "score" not in others[0].shown() and "left_out" not in first.shown()
