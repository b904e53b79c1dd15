"""How fast a network learns, measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkpoints import write_checkpoint

from tintype.models.checkpoint import resolve_checkpoint
from tintype.training.training_rate import training_images_per_second


@pytest.mark.parametrize("family", ["vit", "resnet", "dinov2", "mobilenet_v2"])
def test_every_family_is_timed(tmp_path: Path, family: str) -> None:
    source = resolve_checkpoint(str(write_checkpoint(tmp_path / family, family)))
    assert training_images_per_second(source, batch=2) > 1
