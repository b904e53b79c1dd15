"""A backbone with the caches of its features: whatever embeds pictures finds what others have computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tintype.images.loading import Failure
from tintype.models.checkpoint import Checkpoint, resolve_checkpoint
from tintype.models.features import pooling_for
from tintype.schemas.scorer_options import ScorerOptions
from tintype.schemas.view import View
from tintype.scoring.results import Embedding, Result
from tintype.scoring.scorer import Scorer
from tintype.training.content_cache import ContentCache
from tintype.training.feature_cache import feature_cache

__all__ = ["WORTH_CONVERTING", "CachedBackbone"]

WORTH_CONVERTING = 1_000
"""Converting a model for the fastest engine pays from about so many pictures."""


@dataclass(frozen=True)
class CachedBackbone:
    """See `load`."""

    checkpoint: Checkpoint
    pooling: str
    scorer: Scorer

    @classmethod
    def load(cls, name: str, *, convert: bool) -> CachedBackbone:
        """The backbone of the checkpoint `name`, for embeddings.

        Args:
            convert: run it in the fastest engine, whatever preparing that costs; else in torch.

        Raises:
            CheckpointError: there is no such checkpoint, or it has no features.
        """
        checkpoint = resolve_checkpoint(name)
        pooling = pooling_for(checkpoint)
        options = ScorerOptions(
            task="embeddings",
            pooling=pooling,
            runtime="auto" if convert else "torch",
            precision="auto",
            exact=False,
        )
        source = name if checkpoint.from_scratch else checkpoint.folder
        return cls(checkpoint, pooling, Scorer.load(source, options))

    @cached_property
    def features(self) -> ContentCache:
        """Of pictures as they are, by the digests of their contents."""
        return self.cache("whole")

    def cache(self, view: View) -> ContentCache:
        """Of pictures in `view`, opened anew."""
        return feature_cache(self.checkpoint, self.pooling, self.scorer, view=view)

    def embed_missing(self, pictures: Mapping[str, str]) -> dict[str, Result | Failure]:
        """What became of those of `pictures` (location by digest) that `features` lacks, by digest; `keep`
        keeps it."""
        wanted = {
            digest: location for digest, location in pictures.items() if digest not in self.features
        }
        return dict(zip(wanted, self.scorer.stream(list(wanted.values())), strict=True))

    def keep(self, results: Mapping[str, Result | Failure]) -> None:
        """Add the embeddings among `results`.

        Raises:
            OutputError: the cache cannot be written.
        """
        good = {
            digest: result.features
            for digest, result in results.items()
            if isinstance(result, Embedding)
        }
        if good:
            self.features.add(list(good), np.stack(list(good.values())))
