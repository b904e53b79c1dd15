from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_checkpoint, write_clip
from pictures import noise, write_class_folders

from tintype.errors import UsageError
from tintype.jobs.evaluation import evaluate
from tintype.schemas.task import EMBEDDINGS, MULTICLASS, MULTILABEL
from tintype.scoring import Scorer, ScorerOptions
from tintype.scoring.views import mean_of_views

# Of the model's own size: nothing but the mirroring happens to them.
IMAGES = [noise(32, 32, seed=n) for n in range(6)]
MIRRORED = [np.ascontiguousarray(image[:, ::-1]) for image in IMAGES]


def answers(folder: Path, images: list[np.ndarray], **options: object) -> np.ndarray:
    scorer = Scorer.load(folder, precision="fp32", batch_size=4, **options)  # type: ignore[arg-type]
    return np.stack(
        [getattr(each, "probs", getattr(each, "features", None)) for each in scorer.predict(images)]
    )


@pytest.mark.parametrize("multilabel", [False, True])
def test_probabilities_are_the_mean_of_both_views(tmp_path: Path, multilabel: bool) -> None:
    folder = write_checkpoint(tmp_path, "vit", multilabel=multilabel)
    plain, mirrored = answers(folder, IMAGES), answers(folder, MIRRORED)
    both = answers(folder, IMAGES, tta="flip")
    assert np.abs(plain - mirrored).max() > 1e-3, "mirrored images should look different"
    assert np.allclose(both, (plain + mirrored) / 2, atol=1e-6)
    assert np.allclose(answers(folder, MIRRORED, tta="flip"), both, atol=1e-6)


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_features_are_averaged_too(tmp_path: Path, runtime: str) -> None:
    folder = write_checkpoint(tmp_path, "vit")
    options = {"task": EMBEDDINGS, "runtime": runtime}
    plain, mirrored = (answers(folder, images, **options) for images in (IMAGES, MIRRORED))
    both = answers(folder, IMAGES, tta="flip", **options)
    assert np.allclose(both, (plain + mirrored) / 2, atol=1e-4)
    unit = answers(folder, IMAGES, tta="flip", normalize=True, **options)
    assert np.allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)


def test_zero_shot_is_told_by_the_mean_direction(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip")
    options = {"labels": ["a cat", "a dog"]}
    plain, mirrored = (answers(clip, images, **options) for images in (IMAGES, MIRRORED))
    both = answers(clip, IMAGES, tta="flip", **options)
    low, high = np.minimum(plain, mirrored), np.maximum(plain, mirrored)
    assert np.allclose(both.sum(1), 1, atol=1e-5)
    assert ((both >= low - 0.02) & (both <= high + 0.02)).all()


def test_extreme_logits_stay_finite() -> None:
    sure = np.array([[900.0, -900.0], [-300.0, 300.0]], np.float32)
    for task in (MULTICLASS, MULTILABEL):
        for other in (sure, -sure, np.zeros_like(sure)):
            assert np.isfinite(mean_of_views(sure, other, task)).all()
    same = mean_of_views(sure / 100, sure / 100, MULTILABEL)
    assert np.allclose(same, sure / 100, rtol=1e-5)


def test_it_is_an_option_of_everything_that_scores(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "vit", "vit")
    scorer = Scorer.load(folder, tta="flip")
    assert scorer.describe()["tta"] == "flip"
    assert "tta" not in Scorer.load(folder).describe()
    assert ScorerOptions(tta="flip").identity()["tta"] == "flip"
    # Batches that were begun before there was such an option have no word of it.
    assert "tta" not in ScorerOptions().identity()
    with pytest.raises(UsageError, match="tta"):
        ScorerOptions.of(tta="rotate")
    photos = write_class_folders(tmp_path / "photos", per_class=6)
    # Folders named as the classes of the checkpoint.
    for name, other in zip(("upright", "level"), scorer.classes, strict=False):
        (photos / name).rename(photos / other)
    options = ScorerOptions(precision="fp32", exact=True, tta="flip")
    found = evaluate(folder, photos, scoring=options)
    plain = evaluate(folder, photos)
    assert found.metrics["log_loss"] != plain.metrics["log_loss"]
