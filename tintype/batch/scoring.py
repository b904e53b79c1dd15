"""The model over a stream of rows: decoding ahead, retries, and one result or reason for each row."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tintype.batch.options import Retries
from tintype.batch.rows import InputRow, printable
from tintype.errors import FetchError, ImageReadError, ModelError, UsageError
from tintype.images.loading import Failure, ImageSource, iterate_pixels
from tintype.schemas.task import EMBEDDINGS, ZERO_SHOT
from tintype.scoring.image_text import check_texts
from tintype.scoring.label_sets import LabelSet, parse_labels
from tintype.scoring.results import Result
from tintype.scoring.scorer import Scorer

__all__ = ["Scored", "ScoredBatch", "score_rows"]

# Before the first further attempt; doubled each time.
_FIRST_DELAY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Scored:
    """One row and what came of it; nothing of its image."""

    file: str
    number: int
    location: str | None
    """As in `InputRow`, printable."""
    result: Result | None
    error: str | None
    """Why there is no result."""
    text_features: np.ndarray | None = None
    """float32 (D,): of a row with a text, where the model embeds texts; beside `result` or alone."""


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """Rows that went through the model together."""

    rows: list[Scored]

    pixels: dict[int, np.ndarray]
    """uint8 (h, w, 3) by place in `rows`: what the model saw of each image that could be read."""


def score_rows(
    scorer: Scorer,
    rows: Iterable[InputRow],
    *,
    threads: int,
    retries: Retries,
    labels: Sequence[str] | None = None,
) -> Iterator[ScoredBatch]:
    """Batches of `rows` in order, `scorer.batch_size` each (the last may have fewer), scored.

    The same rows in the same batches give the same bits, whatever attempt succeeded.

    Args:
        labels: zero-shot, of files that give none; None takes those the scorer was loaded with.
    """
    waiting: list[InputRow] = []

    def sources() -> Iterator[ImageSource]:
        for row in rows:
            waiting.append(row)
            yield row.source

    batches = iterate_pixels(
        sources(),
        scorer.preprocessor,
        batch_size=scorer.batch_size,
        threads=threads,
        exact=scorer.exact,
        timeout_s=retries.timeout_s,
    )
    first = 0
    for batch in batches:
        count = len(batch.rows) + len(batch.failures)
        taken, waiting[:count] = waiting[:count], []
        places = (batch.rows - first).tolist()
        pixels = dict(zip(places, batch.pixels, strict=True))
        failures = {place - first: reason for place, reason in batch.failures}
        if failures:
            _read_again(scorer, taken, pixels, failures, threads, retries)
        yield ScoredBatch(_scored(scorer, taken, pixels, failures, retries, labels), pixels)
        first += count


def _read_again(
    scorer: Scorer,
    rows: Sequence[InputRow],
    pixels: dict[int, np.ndarray],
    failures: dict[int, Failure],
    threads: int,
    retries: Retries,
) -> None:
    """Further attempts at images that were not read; moves what succeeds from failures to pixels."""
    for attempt in range(retries.most):
        again = [n for n, why in failures.items() if isinstance(why, FetchError | ImageReadError)]
        if not again:
            return
        time.sleep(_FIRST_DELAY_SECONDS * 2**attempt)
        again_read = next(
            iterate_pixels(
                [rows[place].source for place in again],
                scorer.preprocessor,
                batch_size=len(again),
                threads=threads,
                exact=scorer.exact,
                timeout_s=retries.timeout_s,
            )
        )
        failures.update({again[n]: reason for n, reason in again_read.failures})
        for n, image in zip(again_read.rows.tolist(), again_read.pixels, strict=True):
            pixels[again[n]] = image
            del failures[again[n]]


def _scored(
    scorer: Scorer,
    rows: Sequence[InputRow],
    pixels: dict[int, np.ndarray],
    failures: dict[int, Failure],
    retries: Retries,
    labels: Sequence[str] | None,
) -> list[Scored]:
    places = sorted(pixels)
    reasons: dict[int, str] = {place: str(reason) for place, reason in failures.items()}
    results: dict[int, Result] = {}
    if places:
        outputs = _outputs(scorer, [pixels[place] for place in places], retries)
        good: dict[int, np.ndarray] = {}
        for place, output in zip(places, outputs, strict=True):
            if isinstance(output, np.ndarray):
                good[place] = output
            else:
                reasons[place] = str(output)
        for text, group in itertools.groupby(good, key=lambda place: rows[place].labels):
            members = list(group)
            try:
                label_set = _label_set(scorer, text, labels)
            except UsageError as error:
                reasons.update(dict.fromkeys(members, str(error)))
                continue
            predictions = scorer.results(np.stack([good[place] for place in members]), label_set)
            results.update(zip(members, predictions, strict=True))
    texts = _text_features(scorer, rows, reasons)
    return [
        Scored(
            printable(row.file),
            row.number,
            row.location and printable(row.location),
            # A row is whole or not at all.
            results.get(n) if n not in reasons else None,
            reasons.get(n),
            texts.get(n),
        )
        for n, row in enumerate(rows)
    ]


def _outputs(
    scorer: Scorer, images: Sequence[np.ndarray], retries: Retries
) -> Sequence[np.ndarray | Exception]:
    """The model's output for each image, or why there is none."""
    stacked = np.stack(images)
    for _ in range(retries.most + 1):
        try:
            return list(scorer.run(stacked))
        except (ModelError, RuntimeError, MemoryError) as error:
            failure: Exception = error
    if len(images) == 1:
        return [failure]
    # One image may be to blame: the others are not to suffer for it.
    alone: list[np.ndarray | Exception] = []
    for image in images:
        alone += _outputs(scorer, [image], Retries(most=0))
    return alone


def _label_set(scorer: Scorer, text: str | None, labels: Sequence[str] | None) -> LabelSet | None:
    """Labels that the file gives; without any, `labels`."""
    if scorer.task != ZERO_SHOT:
        return None
    return scorer.label_set(parse_labels(text) if text and text.strip() else labels)


def _text_features(
    scorer: Scorer, rows: Sequence[InputRow], reasons: dict[int, str]
) -> dict[int, np.ndarray]:
    """Embeddings of the rows' texts, by place, where the model reads texts.

    Args:
        reasons: why rows have no answer, by place. Gets to hold what is wrong with a text; a row of
            a text alone is taken out.
    """
    if scorer.task != EMBEDDINGS or not scorer.reads_text:
        return {}
    places = []
    for place, row in enumerate(rows):
        if not row.text or (row.has_image and place in reasons):
            continue
        refusal = check_texts([row.text])
        if refusal is not None:
            reasons[place] = refusal.reason
            continue
        reasons.pop(place, None)
        places.append(place)
    if not places:
        return {}
    found = scorer.embed_texts([rows[place].text for place in places])
    return dict(zip(places, found, strict=True))
