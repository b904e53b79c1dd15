"""Ranking backbones: each embeds the data once, and a linear head on top says how far that leads."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tintype.automl.linear_heads import LinearHead, fit_linear_head
from tintype.data.digests import content_digests
from tintype.data.image_table import ImageTable
from tintype.errors import DataError, TintypeError
from tintype.evaluation.metrics import compute_metrics
from tintype.images.preprocess import Preprocessor
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.features import pooling_for
from tintype.models.linear_classifier import new_linear_classifier
from tintype.models.model_folder import ModelFolder, write_model_folder
from tintype.models.weights import count_parameters, stored_tensors
from tintype.schemas.task import ClassificationTask
from tintype.scoring.results import Embedding
from tintype.scoring.scorer import Scorer
from tintype.settings import get_settings
from tintype.training.content_cache import ContentCache
from tintype.training.inputs import preprocessing_digest

__all__ = ["RankedBackbone", "Ranking", "rank_backbones", "write_linear_classifier"]

# Converting a model for the fastest engine pays from about here.
_ROWS_WORTH_CONVERTING = 1000

_SHARD_ROWS = 512


@dataclass(frozen=True)
class RankedBackbone:
    """How a backbone did."""

    name: str
    score: float
    """The metric of its linear head, by cross-validation on the training rows."""
    validation: float
    """The metric of its linear head on the validation rows."""
    images_per_second: float
    """At which it embedded images; 0 where all were in the cache."""
    seconds: float
    pooling: str
    family: str
    parameters: int
    head: LinearHead
    probabilities: np.ndarray
    """float32 (n, classes) of the validation rows."""


Ranking = list[RankedBackbone]
"""The best first."""


def rank_backbones(
    names: Sequence[str],
    train: ImageTable,
    validation: ImageTable,
    *,
    task: ClassificationTask,
    metric: str,
    deadline: float,
    log: Callable[[str], None],
    found: Callable[[RankedBackbone], None] = lambda backbone: None,
) -> Ranking:
    """Embed both tables with each backbone and rank these by cross-validated linear heads.

    Args:
        names: checkpoints, in the order to try them.
        deadline: time.time() after which no further backbone is tried, once one has been ranked.
        log: receives plain sentences.
        found: called whenever a backbone leads.

    Returns:
        The backbones that could be used, the best first; empty if none could.
    """
    digests = content_digests(train), content_digests(validation)
    ranking: Ranking = []
    for position, name in enumerate(names):
        if ranking and time.time() > deadline:
            left = ", ".join(names[position:])
            log(f"Not tried, for the time set aside for ranking is over: {left}.")
            break
        started = time.monotonic()
        try:
            backbone = _ranked(name, (train, validation), digests, task, metric, started)
        except DataError:
            raise
        except TintypeError as error:
            log(f"{name}: cannot be used for features ({error}).")
            continue
        rate = backbone.images_per_second
        how = f"{rate:.0f} images/s" if rate else "features from the cache"
        log(
            f"{name}: {metric} {backbone.score:.4f} by cross-validation, {backbone.validation:.4f} on "
            f"the validation images, in {backbone.seconds:.1f} s ({how})."
        )
        if not ranking or backbone.score > ranking[0].score:
            found(backbone)
        ranking = sorted([*ranking, backbone], key=lambda ranked: -ranked.score)
    return ranking


def write_linear_classifier(
    path: Path, backbone: RankedBackbone, task: ClassificationTask, classes: Sequence[str]
) -> ModelFolder:
    """The backbone with its linear head, as a model folder at `path`."""
    source = resolve_checkpoint(backbone.name)
    model = new_linear_classifier(source, backbone.pooling, task=task, classes=classes)
    with torch.no_grad():
        model.classifier.weight.copy_(torch.from_numpy(backbone.head.weight))
        model.classifier.bias.copy_(torch.from_numpy(backbone.head.bias))
    return write_model_folder(
        path,
        model=model,  # type: ignore[arg-type]
        preprocessor=Preprocessor.from_folder(source.folder),
        task=task,
        classes=classes,
        card={
            "base_checkpoint": source.name,
            "base_revision": source.revision,
            "training": {"method": "head", "pooling": backbone.pooling, "solver": "logistic "
                         "regression", "strength": backbone.head.strength},
        },
    )  # fmt: skip


def _ranked(
    name: str,
    tables: tuple[ImageTable, ImageTable],
    digests: tuple[list[str], list[str]],
    task: ClassificationTask,
    metric: str,
    started: float,
) -> RankedBackbone:
    train, validation = tables
    checkpoint = resolve_checkpoint(name)
    pooling = pooling_for(checkpoint)
    convert = len(train) + len(validation) >= _ROWS_WORTH_CONVERTING
    scorer = Scorer.load(
        checkpoint.folder if not checkpoint.from_scratch else name,
        task="embeddings",
        pooling=pooling,
        runtime="auto" if convert else "torch",
        precision="auto",
        exact=False,
    )
    key = "-".join(
        [
            checkpoint.weights_digest, pooling, preprocessing_digest(scorer.preprocessor),
            scorer.choice.runtime, scorer.choice.precision,
        ]
    )  # fmt: skip
    folder = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    cache = ContentCache(get_settings().home / "cache" / "features" / folder)
    begun = time.monotonic()
    computed = sum(
        _embed(scorer, table, keys, cache) for table, keys in zip(tables, digests, strict=True)
    )
    rate = computed / max(time.monotonic() - begun, 1e-9)
    features = cache.gather(digests[0])
    head = fit_linear_head(
        features, train.targets(), task=task, classes=len(train.classes), metric=metric
    )
    probabilities = head.probabilities(cache.gather(digests[1]), task)
    scores = compute_metrics(task, probabilities, validation.targets(), metrics=[metric])
    return RankedBackbone(
        name=name,
        score=head.score,
        validation=scores.get(metric, 0.0),
        images_per_second=rate if computed else 0.0,
        seconds=time.monotonic() - started,
        pooling=pooling,
        family=checkpoint.family,
        parameters=count_parameters(stored_tensors(checkpoint.folder)),
        head=head,
        probabilities=probabilities,
    )


def _embed(scorer: Scorer, table: ImageTable, digests: Sequence[str], cache: ContentCache) -> int:
    """Compute what the cache lacks; how many rows that were."""
    missing = [row for row, digest in enumerate(digests) if digest not in cache]
    results = scorer.stream([table.location(row) for row in missing])
    shard: list[np.ndarray] = []
    keys: list[str] = []
    for row, result in zip(missing, results, strict=True):
        if not isinstance(result, Embedding):
            file, line = table.origin(row)
            raise DataError(f"{table.location(row)}: {result}", file=file, line=line)
        shard.append(result.features)
        keys.append(digests[row])
        if len(shard) == _SHARD_ROWS:
            cache.add(keys, np.stack(shard))
            shard, keys = [], []
    if shard:
        cache.add(keys, np.stack(shard))
    return len(missing)
