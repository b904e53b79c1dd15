"""Embeddings of images, texts or both in a batch, from files as Azure's samples write them."""

from __future__ import annotations

import ast
import base64
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from checkpoints import write_checkpoint, write_clip
from image_text import embedded_by_transformers
from pictures import encoded, noise

from tintype.batch.options import BatchOptions
from tintype.batch.runner import run_batch
from tintype.scoring import ScorerOptions
from tintype.similarity import EmbeddingTable

ROWS = 7
IMAGES = [noise(20 + n, 30, seed=n) for n in range(ROWS)]
CELLS = [base64.encodebytes(encoded(image)).decode() for image in IMAGES]
WORDS = ("cat", "dog", "can", "carton", "red can", "blue can", "photo")
TEXTS = [f"a photo of a {word}" for word in WORDS]
NOTHING = [""] * ROWS


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip")


def batch(model: Path, source: Path, output: Path, **how: Any) -> Any:
    scoring = {"task": "embeddings", "precision": "fp32", **how.pop("scoring", {})}
    return run_batch(
        str(model),
        {"input": str(source)},
        output,
        options=BatchOptions(shard_rows=4, **how),
        scoring=ScorerOptions.of(batch_size=2, **scoring),
    )


def write_csvs(folder: Path, images: list[str], texts: list[str]) -> Path:
    """Files of four rows each, with pandas' index column, as Azure's prepare_data.py leaves them."""
    folder.mkdir()
    frame = pd.DataFrame({"image": images, "text": texts})
    for start in range(0, ROWS, 4):
        frame[start : start + 4].to_csv(folder / f"{start}batch_input.csv")
    return folder


def lines_of(path: Path) -> list[list[str]]:
    with path.open(newline="") as stream:
        return list(csv.reader(stream))


def close(found: Any, expected: np.ndarray) -> bool:
    return bool(np.abs(np.array(found, np.float32) - expected).max() < 1e-4)


@pytest.mark.parametrize("sides", ["image", "text", "image_text"])
def test_azures_three_folders(tmp_path: Path, clip: Path, sides: str) -> None:
    images, texts = embedded_by_transformers(clip, IMAGES, TEXTS)
    source = write_csvs(
        tmp_path / "in",
        CELLS if "image" in sides else NOTHING,
        TEXTS if "text" in sides else NOTHING,
    )
    summary = batch(clip, source, tmp_path / "out", error_threshold=0)
    assert (summary.succeeded, summary.failed) == (ROWS, 0)
    expected = [images] * ("image" in sides) + [texts] * ("text" in sides)
    lines = lines_of(tmp_path / "out" / "predictions.csv")
    # row_number_per_file, the features there are, file_name
    assert {len(line) for line in lines} == {2 + len(expected)}
    assert [line[0] for line in lines] == ["0", "1", "2", "3", "0", "1", "2"]
    assert [line[-1] for line in lines] == ["0batch_input.csv"] * 4 + ["4batch_input.csv"] * 3
    for column, numbers in enumerate(expected, start=1):
        assert close([ast.literal_eval(line[column]) for line in lines], numbers)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_texts_by_themselves(tmp_path: Path, clip: Path, kind: str) -> None:
    _, texts = embedded_by_transformers(clip, IMAGES[:1], TEXTS)
    source = tmp_path / f"texts.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({"text": TEXTS}), source)
    elif kind == "csv":
        pd.DataFrame({"text": TEXTS}).to_csv(source)
    else:
        source.write_text("\n".join(json.dumps({"text": text}) for text in TEXTS))
    batch(clip, source, tmp_path / "parquet", form="parquet")
    table = pq.read_table(tmp_path / "parquet" / "predictions")
    assert table.column_names == ["file_name", "row", "image", "text_features", "error"]
    assert close(table["text_features"].to_pylist(), texts)
    assert table["error"].null_count == ROWS
    batch(clip, source, tmp_path / "jsonl", form="jsonl", file_name="predictions.jsonl")
    lines = (tmp_path / "jsonl" / "predictions.jsonl").read_text().splitlines()
    assert [set(json.loads(line)) for line in lines] == [{"file_name", "row", "text_features"}] * 7
    assert close([json.loads(line)["text_features"] for line in lines], texts)
    batch(clip, source, tmp_path / "csv", header=True)
    head = lines_of(tmp_path / "csv" / "predictions.csv")[0]
    assert head == ["row_number_per_file", "text_features", "file_name"]
    assert not (tmp_path / "csv" / "errors.jsonl").exists()


def test_a_folder_of_pictures_has_no_texts(tmp_path: Path, clip: Path) -> None:
    images, _ = embedded_by_transformers(clip, IMAGES, TEXTS[:1])
    (tmp_path / "in").mkdir()
    for number, image in enumerate(IMAGES):
        (tmp_path / "in" / f"{number}.png").write_bytes(encoded(image))
    batch(clip, tmp_path / "in", tmp_path / "out")
    lines = lines_of(tmp_path / "out" / "predictions.csv")
    assert [[line[0], line[2]] for line in lines] == [["0", f"{n}.png"] for n in range(ROWS)]
    assert close([ast.literal_eval(line[1]) for line in lines], images)


def test_each_row_is_embedded_as_far_as_it_goes(tmp_path: Path, clip: Path) -> None:
    cut = "a photo of a cat " * 40
    images, texts = embedded_by_transformers(clip, IMAGES, [*TEXTS[:2], cut])
    rows: list[dict[str, Any]] = [
        {"image": CELLS[0], "text": TEXTS[0]},
        {"image": CELLS[1]},
        {"image": None, "text": TEXTS[1]},
        {"image": "", "text": cut},
        {"image": "", "text": ""},
        {"image": "aGVsbG8=", "text": "a cat"},
        {"image": CELLS[0], "text": 7},
        {"text": "x" * 20_001},
    ]
    source = tmp_path / "rows.jsonl"
    source.write_text("\n".join(json.dumps(row) for row in rows))
    summary = batch(clip, source, tmp_path / "out", form="parquet")
    assert (summary.succeeded, summary.failed) == (4, 4)
    table = pq.read_table(tmp_path / "out" / "predictions").to_pylist()
    for row, image, text in (
        (0, images[0], texts[0]),
        (1, images[1], None),
        (2, None, texts[1]),
        (3, None, texts[2]),
        (4, None, None),
        (5, None, None),
        (6, None, None),
        (7, None, None),
    ):
        for found, expected in (
            (table[row]["features"], image),
            (table[row]["text_features"], text),
        ):
            if expected is None:
                assert np.isnan(found).all(), row
            else:
                assert close(found, expected), row
    reasons = [row["error"] for row in table]
    assert reasons[:5] == [None] * 4 + ["the image is an empty string"]
    assert "not an image" in reasons[5]
    assert reasons[6:] == [
        "the text is int; expected text",
        "a text of 20001 characters; the limit is 20000",
    ]
    # Pictures are compared as ever; rows of a text alone have none.
    compared = EmbeddingTable.open(tmp_path / "out")
    (rows_there, _), *_ = compared.blocks("reading")
    assert rows_there.tolist() == [0, 1]


def test_two_towers_of_different_widths(tmp_path: Path, clip: Path) -> None:
    source = write_csvs(tmp_path / "in", CELLS, TEXTS)
    batch(clip, source, tmp_path / "out", form="parquet", scoring={"pooling": "cls"})
    row = pq.read_table(tmp_path / "out" / "predictions").to_pylist()[0]
    assert (len(row["features"]), len(row["text_features"])) == (32, 24)


def test_texts_are_nothing_to_a_model_without_a_text_tower(tmp_path: Path) -> None:
    model = write_checkpoint(tmp_path / "dino", "dinov2")
    pd.DataFrame({"text": TEXTS}).to_csv(tmp_path / "texts.csv")
    summary = batch(model, tmp_path / "texts.csv", tmp_path / "out")
    assert summary.failed == ROWS
    errors = (tmp_path / "out" / "errors.jsonl").read_text().splitlines()
    assert json.loads(errors[0])["error"] == "the header is , text; expected a column 'image'"
    source = write_csvs(tmp_path / "in", CELLS, TEXTS)
    batch(model, source, tmp_path / "images")
    lines = lines_of(tmp_path / "images" / "predictions.csv")
    assert {len(line) for line in lines} == {3}
