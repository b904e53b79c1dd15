"""Where the features of a backbone are kept: one cache for each way in which they can be computed."""

from __future__ import annotations

import hashlib

from tintype.models.checkpoint import Checkpoint
from tintype.schemas.view import View
from tintype.scoring.scorer import Scorer
from tintype.settings import get_settings
from tintype.training.content_cache import ContentCache
from tintype.training.inputs import preprocessing_digest

__all__ = ["feature_cache"]


def feature_cache(
    checkpoint: Checkpoint, pooling: str, scorer: Scorer, *, view: View = "whole"
) -> ContentCache:
    """The cache of what `scorer` makes of pictures: of its weights, pooling, preprocessing, runtime
    and precision, whoever computed it.

    Args:
        view: how it was shown each picture.
    """
    key = "-".join(
        [
            checkpoint.weights_digest,
            pooling,
            preprocessing_digest(scorer.preprocessor),
            scorer.choice.runtime,
            scorer.choice.precision,
            *([] if view == "whole" else [view]),
        ]
    )
    folder = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    return ContentCache(get_settings().home / "cache" / "features" / folder)
