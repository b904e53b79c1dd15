"""At which size images go into the network, in training and in validation."""

from __future__ import annotations

from tintype.errors import UsageError
from tintype.images.preprocess import Preprocessor
from tintype.models.checkpoint import Checkpoint
from tintype.models.families import CONVOLUTIONAL
from tintype.schemas.finetuning import FinetuningParameters

__all__ = ["preprocessor_for", "preprocessor_for_training"]


# Architectures whose weights fit images of any size.
_ANY_SIZE = (*CONVOLUTIONAL, "efficientnet")


def preprocessor_for(source: Checkpoint, parameters: FinetuningParameters) -> Preprocessor:
    """The checkpoint's own, at the size asked for (-1 in either: the checkpoint's size)."""
    preprocessor = Preprocessor.from_folder(source.folder)
    height, width = parameters.image_height, parameters.image_width
    if -1 not in (height, width):
        preprocessor = preprocessor.with_size(height, width)
    resize, crop = parameters.validation_resize_size, parameters.validation_crop_size
    if resize is None and crop is None:
        return preprocessor
    crop = crop or min(preprocessor.input_size)
    # The usual share of a centre crop where only its size is given: 224 of 256.
    return preprocessor.with_crop(resize or round(crop * 256 / 224), crop)


def preprocessor_for_training(
    source: Checkpoint, preprocessor: Preprocessor, parameters: FinetuningParameters
) -> Preprocessor:
    """The same, at `training_crop_size` where that is another.

    Raises:
        UsageError: a vision transformer, whose position embeddings have one size.
    """
    side = parameters.training_crop_size
    if side is None or (side, side) == preprocessor.input_size:
        return preprocessor
    if source.family not in _ANY_SIZE:
        raise UsageError(
            f"training_crop_size {side} and validation_crop_size {preprocessor.input_size[0]} must "
            f"be equal for {source.family!r}: its position embeddings have one size"
        )
    return preprocessor.with_size(side, side)
