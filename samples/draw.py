"""Draws what a model answered: photos beside their likeliest labels, or beside those that look alike.

    python samples/draw.py labels out.png --answer answer.json --photos photos.txt [--data FOLDER]
    python samples/draw.py labels out.png --answer predictions.csv --photos FOLDER
    python samples/draw.py mistakes out.png --evaluation FOLDER --data FOLDER
    python samples/draw.py map out.png --answer answer.json --photos photos.txt
    python samples/draw.py neighbours out.png --embeddings FOLDER

An answer is what an endpoint said (JSON), or the predictions.csv of a batch. Photos are a list of paths, a
line each in the answer's order, or the folder that a batch read. With `--data`, labelled images in any
layout, right and wrong are marked. Embeddings are the Parquet output of a batch.
"""

from __future__ import annotations

import argparse
import ast
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tintype.data import read_image_table
from tintype.errors import TintypeError, UsageError
from tintype.schemas.task import MULTILABEL
from tintype.scoring import Prediction
from tintype.scoring.picture import draw_predictions
from tintype.similarity import EmbeddingTable, neighbours_of_rows, open_index
from tintype.similarity.picture import draw_map, draw_neighbours

Truth = str | tuple[str, ...] | None

MOST_BARS = 6
DRAWN = 12
QUERIES, NEIGHBOURS = 6, 7


def main() -> int:
    """Draw; exit code 2 with a message where something does not fit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kind", choices=["labels", "map", "mistakes", "neighbours"])
    parser.add_argument("output", type=Path, help="the PNG to write")
    parser.add_argument("--answer", type=Path, help="answer.json or predictions.csv")
    parser.add_argument("--photos", type=Path, help="a list of paths, or a folder")
    parser.add_argument("--data", type=Path, help="labelled images, to mark right and wrong")
    parser.add_argument("--evaluation", type=Path, help="folder of an evaluation job's report")
    parser.add_argument("--embeddings", type=Path, help="output folder of a batch of embeddings")
    parser.add_argument("--threshold", type=float, help="multi-label: predicted from here on")
    options = parser.parse_args()
    try:
        if options.kind == "mistakes":
            draw_mistakes(options)
        elif options.kind == "neighbours":
            draw_nearest(options)
        else:
            draw_answer(options)
    except (TintypeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(options.output)
    return 0


def draw_answer(options: argparse.Namespace) -> None:
    """The photos of `--photos` with the rows of `--answer`."""
    if options.answer is None or options.photos is None:
        raise UsageError(f"{options.kind} needs --answer and --photos")
    photos, rows = matched(*read_answer(options.answer), options.photos)
    if options.kind == "map":
        draw_map(photos, np.array([row["image_features"] for row in rows]), options.output)
        return
    some = evenly(len(rows), DRAWN)
    photos, rows = [photos[row] for row in some], [rows[row] for row in some]
    predictions = [Prediction(np.array(row["probs"]), tuple(row["labels"])) for row in rows]
    draw_labels(photos, predictions, options.output, options.data, options.threshold)


def draw_mistakes(options: argparse.Namespace) -> None:
    """The photos of an evaluation that the model was most wrong about."""
    if options.evaluation is None or options.data is None:
        raise UsageError("mistakes needs --evaluation and --data")
    photos, predictions = read_evaluation(options.evaluation)
    truths, _ = truths_of(photos, options.data)
    # How little of the probability went where it belongs: 1 minus the mean over all labels.
    worst = np.argsort([-mistake(*pair) for pair in zip(predictions, truths, strict=True)])[:DRAWN]
    draw_labels(
        [photos[row] for row in worst],
        [predictions[row] for row in worst],
        options.output,
        options.data,
        options.threshold,
    )


def draw_nearest(options: argparse.Namespace) -> None:
    """A few photos of a batch, each with the photos whose embeddings are nearest."""
    if options.embeddings is None:
        raise UsageError("neighbours needs --embeddings")
    table = EmbeddingTable.open(options.embeddings)
    queries = np.array(evenly(table.rows, QUERIES))
    near = neighbours_of_rows(table, open_index(table, exact=True), queries, NEIGHBOURS)
    rows = []
    for query, found in zip(table.rows_at(queries), near, strict=True):
        images = [row.image for row in table.rows_at(found.rows)]
        rows.append((query.image, list(zip(images, found.cosines.tolist(), strict=True))))
    draw_neighbours(rows, options.output)


def draw_labels(
    photos: Sequence[str],
    predictions: Sequence[Prediction],
    output: Path,
    data: Path | None,
    threshold: float | None,
) -> None:
    """Photos beside bars; of multi-label data every label at or above the threshold counts."""
    truths, multilabel = truths_of(photos, data)
    if multilabel and threshold is None:
        threshold = 0.5
    draw_predictions(
        photos, predictions, output, truths=truths, threshold=threshold, labels=MOST_BARS
    )


def evenly(count: int, wanted: int) -> list[int]:
    """Up to `wanted` of `count` row numbers, evenly chosen."""
    wanted = min(wanted, count)
    return [(2 * turn + 1) * count // (2 * wanted) for turn in range(wanted)]


def read_answer(path: Path) -> tuple[list[dict[str, Any]], list[str] | None]:
    """The rows of an answer, and the file names that a batch wrote beside them."""
    if path.suffix != ".csv":
        rows = json.loads(path.read_text("utf-8"))
        if not isinstance(rows, list):
            raise UsageError(f"{path}: expected a list with a row for each image; got {rows}")
        return rows, None
    # A cell holds the probabilities of a whole image.
    csv.field_size_limit(sys.maxsize)
    rows, names = [], []
    with path.open(encoding="utf-8", newline="") as file:
        for _, probs, labels, name in csv.reader(file):
            rows.append({"probs": ast.literal_eval(probs), "labels": ast.literal_eval(labels)})
            names.append(name)
    return rows, names


def matched(
    rows: list[dict[str, Any]], names: list[str] | None, photos: Path
) -> tuple[list[str], list[dict[str, Any]]]:
    """Photos with their rows, in one order."""
    if photos.is_dir():
        if names is None:
            raise UsageError(f"--photos {photos}: an answer without file names needs a list")
        return [str(photos / name) for name in names], rows
    paths = photos.read_text("utf-8").splitlines()
    if len(paths) != len(rows):
        raise UsageError(f"{len(rows)} rows were answered, and {photos} names {len(paths)} photos")
    return paths, rows


def read_evaluation(folder: Path) -> tuple[list[str], list[Prediction]]:
    """Paths and predictions of every image of an evaluation that could be read."""
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "predictions" / "predictions")
    rows = [row for row in table.to_pylist() if row["error"] is None]
    # Zero-shot, each row has the labels that it was judged by.
    common = json.loads((table.schema.metadata or {}).get(b"tintype.labels", "[]"))
    predictions = [
        Prediction(np.array(row["probs"], np.float32), tuple(row.get("labels") or common))
        for row in rows
    ]
    return [row["image"] for row in rows], predictions


def truths_of(photos: Sequence[str], data: Path | None) -> tuple[list[Truth], bool]:
    """What each photo is by `data`, None where it does not say; and whether it is multi-label."""
    if data is None:
        return [None] * len(photos), False
    table = read_image_table(data, split="test")
    known = {Path(table.location(row)).resolve(): table.label(row) for row in range(len(table))}
    truths: list[Truth] = [known.get(Path(photo).resolve()) for photo in photos]
    return truths, table.task == MULTILABEL


def mistake(prediction: Prediction, truth: Truth) -> float:
    """How wrong a prediction is: the mean of what each label's probability misses, 0 to 1."""
    if truth is None:
        return -1.0
    true = {truth} if isinstance(truth, str) else set(truth)
    wanted = np.array([label in true for label in prediction.labels], np.float32)
    return float(np.abs(prediction.probs - wanted).mean())


if __name__ == "__main__":
    sys.exit(main())
