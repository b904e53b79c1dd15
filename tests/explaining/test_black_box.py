"""Black box: occlusion and RISE, in any runtime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint
from pictures import noise

import tintype
from tintype.errors import UsageError
from tintype.explaining.explainer import Explainer
from tintype.explaining.question import Question, mean_colour
from tintype.explaining.rise import rise
from tintype.explaining.scorer import Scorer
from tintype.explaining.targets import Target, Targets
from tintype.schemas.explanation import ExplanationOptions
from tintype.schemas.scorer_options import ScorerOptions
from tintype.scoring.loading import LoadedModel, load_model

IMAGE = noise(40, 50, seed=1)


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime", "openvino"])
def test_occlusion_covers_every_window_in_any_runtime(tmp_path: Path, runtime: str) -> None:
    scorer = tintype.Scorer.load(
        write_checkpoint(tmp_path, "resnet"), runtime=runtime, precision="fp32"
    )
    found = scorer.explain([IMAGE], method="occlusion", window=0.25, batch_size=5)[0]
    column = scorer.classes.index(found.attributions[0].label)
    pixels, nothing = found.pixels, mean_colour(scorer)
    side, step = 8, 4
    lost, times = np.zeros((32, 32)), np.zeros((32, 32))
    for top in range(0, 32 - side + 1, step):
        for left in range(0, 32 - side + 1, step):
            covered = pixels.copy()
            covered[top : top + side, left : left + side] = nothing
            both = scorer.predictions(scorer.run(np.stack([pixels, covered])))
            part = np.s_[top : top + side, left : left + side]
            lost[part] += both[0].probs[column] - both[1].probs[column]
            times[part] += 1
    assert np.abs(found.attributions[0].map - lost / times).max() < 1e-4
    assert np.abs(lost).max() > 1e-4


def test_rise_finds_what_alone_counts_and_is_the_same_for_a_seed() -> None:
    pixels = np.full((56, 56, 3), 200, np.uint8)
    target = Target("bright", 0)

    def brightness(images: np.ndarray) -> np.ndarray:
        return (images[:, 8:16, 32:40].mean((1, 2, 3)) / 255).astype(np.float32)

    def ask(**options: Any) -> np.ndarray:
        chosen = ExplanationOptions.of(masks=600, **options)
        return rise(Question(pixels, target, chosen, brightness, np.zeros(3, np.uint8)))

    found = ask(batch_size=16)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert 4 <= row < 20 and 28 <= column < 44
    assert found[40:, :16].mean() == pytest.approx(0, abs=float(found.max()) / 5)
    assert np.allclose(found, ask(batch_size=100), atol=1e-6), "batches change nothing"
    assert not np.allclose(found, ask(seed=1, batch_size=100), atol=1e-6)


def test_a_model_that_was_never_on_disk_has_black_box_methods_alone(vit_checkpoint: Path) -> None:
    loaded: LoadedModel = load_model(vit_checkpoint, ScorerOptions())
    scorer = Scorer(replace(loaded, checkpoint=None))
    explainer, targets = Explainer(scorer), Targets(scorer)
    with pytest.raises(UsageError, match=r"save it as a model folder.* nearest .* 'occlusion'"):
        explainer.explain([IMAGE], "integrated_gradients", targets)
    found = explainer.explain([IMAGE], "occlusion", targets)[0]
    assert found.detail == "windows"
    assert scorer.predict([IMAGE])[0].probs.sum() == pytest.approx(1), "scoring goes on"


def test_the_mean_colour_is_what_normalising_makes_zero(vit_checkpoint: Path) -> None:
    scorer = tintype.Scorer.load(vit_checkpoint)
    colour = torch.from_numpy(mean_colour(scorer)).view(1, 1, 1, 3)
    assert scorer.preprocessor.normalize(colour).abs().max() < 0.01
