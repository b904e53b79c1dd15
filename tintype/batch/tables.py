"""Probabilities of a labelled image table by way of a batch: a large evaluation that is killed goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tintype.batch.options import BatchOptions
from tintype.batch.runner import run_batch
from tintype.data.image_table import ImageTable
from tintype.files import write_bytes
from tintype.schemas.scorer_options import ScorerOptions
from tintype.scoring.results import TableScores
from tintype.scoring.scorer import Scorer

__all__ = ["score_table_in_batch"]

_READ_ROWS = 1024


def score_table_in_batch(
    scorer: Scorer,
    model: str,
    table: ImageTable,
    folder: Path,
    *,
    labels: Sequence[str] | None = None,
    scoring: ScorerOptions,
    cancelled: Callable[[], bool] = lambda: False,
) -> TableScores:
    """As `Scorer.score_table`, with the predictions kept in `folder` as Parquet.

    A batch in `folder` that was ended goes on.

    Args:
        model, scoring: what `scorer` was loaded with.
        cancelled: asked after every batch of images.

    Raises:
        RunCancelled: `cancelled` said so; what was scored stays.
        UsageError: `folder` holds the beginning of another batch.
        OutputError: the disk is full or gone.
    """
    rows = folder / "images.jsonl"
    lines = (json.dumps({"image_url": table.location(row)}) for row in range(len(table)))
    content = "".join(f"{line}\n" for line in lines).encode()
    # A file that is written again looks changed.
    if not rows.exists() or rows.read_bytes() != content:
        write_bytes(rows, content)
    run_batch(
        model,
        {"input": str(rows.absolute())},
        folder,
        options=BatchOptions(form="parquet"),
        scoring=scoring if labels is None else scoring.model_copy(update={"labels": list(labels)}),
        scorer=scorer,
        cancelled=cancelled,
    )
    return _read(folder / "predictions", len(labels or scorer.classes))


def _read(predictions: Path, classes: int) -> TableScores:
    import pyarrow.parquet as pq

    rows: list[np.ndarray] = []
    probabilities = [np.zeros((0, classes), np.float32)]
    failures: list[tuple[int, str]] = []
    first = 0
    for path in sorted(predictions.glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_READ_ROWS, columns=["probs", "error"]):
                errors = batch.column("error")
                good = np.flatnonzero(errors.is_null().to_numpy(zero_copy_only=False))
                probs = batch.column("probs").take(good).flatten().to_numpy(zero_copy_only=False)
                rows.append(first + good)
                probabilities.append(probs.reshape(len(good), classes))
                failures += [
                    (first + n, reason) for n, reason in enumerate(errors.to_pylist()) if reason
                ]
                first += len(batch)
    return TableScores(np.concatenate(rows), np.concatenate(probabilities), failures)
