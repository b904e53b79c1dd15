"""`tintype batch --explain`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from batches import write_pictures
from conftest import Command


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "in", 5)


def test_answers_are_explained(
    command: Command, model_folder: Path, source: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    printed = command(
        *("batch", source, output, "--model", model_folder, "--explain", "attention"),
        *("--explain-rows", "2", "--explain-which", "first", "--attributions"),
    )
    assert printed["explanations"] == {
        "method": "attention",
        "detail": "patches",
        "rows": 2,
        "failed": 0,
        "folder": "explanations",
    }
    index = [json.loads(line) for line in (output / "explanations" / "index.jsonl").open()]
    assert [row["attributions"] for row in index] == ["000000-000.npy", "000001-001.npy"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--explain", "gradcam"), "'gradcam' given; expected"),
        (("--explain", "guided_gradcam"), "--explain: method 'guided_gradcam' is for"),
        (("--explain", "auto", "--explain-rows", "none"), "rows: 'none' given"),
        (("--explain", "auto", "--task", "embeddings"), "embeddings have no labels"),
        (("--explain-rows", "3"), "--explain-rows is for --explain"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(
    command: Command,
    model_folder: Path,
    source: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    output = tmp_path / "out"
    said = command("batch", source, output, "--model", model_folder, *arguments, code=2)
    assert told in said
    assert not output.exists()
