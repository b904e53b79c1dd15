"""Shards through a loaded model: the part of a batch that runs where the model is."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from tintype.batch.options import BatchOptions
from tintype.batch.plan import Plan, Shard, read_shard
from tintype.batch.scoring import ScoredBatch, score_rows
from tintype.batch.shards import ShardFacts, ShardStore, ShardWriter
from tintype.batch.writers import Width
from tintype.errors import UsageError
from tintype.schemas.task import EMBEDDINGS, ZERO_SHOT
from tintype.scoring.scorer import Scorer

__all__ = ["described", "reading_threads", "score_shards"]

# Pictures of the whole batch that the report shows.
_SAMPLES = 48

# A URL is waited for, not computed: more threads than processors.
_URL_THREADS = 16

# Batches that may wait for the disk.
_WAITING_WRITES = 4


def score_shards(
    scorer: Scorer,
    shards: Sequence[Shard],
    store: ShardStore,
    plan: Plan,
    options: BatchOptions,
    watch: Callable[[ScoredBatch], None] = lambda batch: None,
) -> Iterator[ShardFacts]:
    """Score `shards`, in order, and commit each; reading, decoding, the model and writing overlap.

    Args:
        watch: sees every batch after it was scored; what it raises ends the work, with the shard
            under way not committed.

    Raises:
        UsageError: zero-shot classification, and neither options nor input say the labels.
        DataError: an input file is not what it was when the plan was made.
        OutputError: the disk is full or gone.
    """
    width = _width_of(scorer, plan)
    zero_shot, labels = scorer.task == ZERO_SHOT, plan.identity.get("labels")
    if zero_shot and not labels and not plan.texts:
        raise UsageError(
            "zero-shot classification needs labels: give --labels (scoring.labels in a document), or "
            "a column text whose first row in each table holds them"
        )
    rows = itertools.chain.from_iterable(
        read_shard(store.work, shard, labels=zero_shot) for shard in shards
    )
    batches = score_rows(
        scorer,
        rows,
        threads=reading_threads(scorer, plan),
        retries=options.retries,
        labels=labels,
    )
    committing: deque[Future[ShardFacts]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="write") as disk:
        for shard in shards:
            begun = time.perf_counter()
            writer = ShardWriter(
                store,
                shard,
                width,
                scorer.task,
                _samples(shard, plan),
                least_certain=options.least_certain,
            )
            written: deque[Future[None]] = deque()
            left = shard.rows
            # Every shard but the last is a whole number of batches.
            while left:
                batch = next(batches)
                watch(batch)
                left -= len(batch.rows)
                written.append(disk.submit(writer.write, batch))
                if len(written) > _WAITING_WRITES:
                    written.popleft().result()
            committing.append(disk.submit(_commit, writer, written, time.perf_counter() - begun))
            if len(committing) > 1:
                yield committing.popleft().result()
        for last in committing:
            yield last.result()


def reading_threads(scorer: Scorer, plan: Plan) -> int:
    """Threads that read and decode images."""
    threads = scorer.choice.threads
    return max(threads, _URL_THREADS) if plan.urls else threads


def _commit(writer: ShardWriter, written: Iterable[Future[None]], seconds: float) -> ShardFacts:
    """Commit a shard whose rows were all written, else raise what kept them from it."""
    for future in written:
        future.result()
    return writer.commit(seconds)


def described(scorer: Scorer) -> dict[str, Any]:
    """What is noted of the scorer of a batch."""
    return {**scorer.describe(), "reads_text": scorer.reads_text}


def _width_of(scorer: Scorer, plan: Plan) -> Width:
    """How many numbers each row will have."""
    if scorer.task == EMBEDDINGS:
        # Asked of the model itself, which warms it up as well.
        images, texts = plan.embedded(reads_text=scorer.reads_text)
        grey = np.full((1, *scorer.preprocessor.input_size, 3), 127, np.uint8)
        return Width(
            image_features=scorer.run(grey).shape[1] if images else None,
            text_features=scorer.embed_texts(["a photo"]).shape[1] if texts else None,
        )
    return Width(labels=scorer.classes if scorer.task != ZERO_SHOT else None)


def _samples(shard: Shard, plan: Plan) -> frozenset[int]:
    """Places in the shard whose pictures the report shows: evenly over the whole batch."""
    first = shard.first
    chosen = np.linspace(0, plan.rows - 1, min(_SAMPLES, plan.rows)).round().astype(int)
    return frozenset((chosen[(chosen >= first) & (chosen < first + shard.rows)] - first).tolist())
