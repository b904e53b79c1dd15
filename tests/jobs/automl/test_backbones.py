"""What the automatic mode may do with a backbone."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkpoints import write_checkpoint

from tintype.jobs.automl.backbones import blocks_of, input_side


@pytest.mark.parametrize(
    ("family", "side"),
    # 32 pixels in patches of 8; convolutional networks in steps of 32.
    [("vit", 40), ("beit", 40), ("dinov2", 40), ("resnet", 32), ("swin", None)],
)
def test_input_sides_are_whole_patches(tmp_path: Path, family: str, side: int | None) -> None:
    assert input_side(str(write_checkpoint(tmp_path, family)), 288 / 224) == side


def test_blocks_and_stem_can_be_frozen(tmp_path: Path) -> None:
    assert blocks_of(str(write_checkpoint(tmp_path, "vit"))) == 3
