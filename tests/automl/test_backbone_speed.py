"""What trials are planned by: rates of the network, and what reading an image takes beyond."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkpoints import write_checkpoint

from tintype.automl.backbone_speed import measure_speed
from tintype.models.checkpoint import resolve_checkpoint
from tintype.scoring.scorer import Scorer


@pytest.mark.parametrize("passes", [1.0, 2.0])
def test_reading_is_what_an_image_took_beyond_all_its_passes(
    tmp_path: Path, workspace_home: Path, passes: float
) -> None:
    checkpoint = resolve_checkpoint(str(write_checkpoint(tmp_path / "vit", "vit")))
    scorer = Scorer.load(checkpoint.folder, task="embeddings")
    speed = measure_speed(scorer, checkpoint, 1000, image_seconds=3.0, image_passes=passes)
    assert speed.images_per_second > 0
    assert speed.training_images_per_second > 0
    assert speed.reading_seconds == pytest.approx(3.0 - passes / speed.images_per_second)


def test_nothing_is_known_of_reading_where_features_were_cached(
    tmp_path: Path, workspace_home: Path
) -> None:
    checkpoint = resolve_checkpoint(str(write_checkpoint(tmp_path / "vit", "vit")))
    scorer = Scorer.load(checkpoint.folder, task="embeddings")
    assert measure_speed(scorer, checkpoint, 1000, image_seconds=None).reading_seconds == 0
